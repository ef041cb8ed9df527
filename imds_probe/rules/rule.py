"""What a rule is: a pure function from facts to findings, with a name and the explanations of what it can find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.findings import Finding


@dataclass(frozen=True)
class Explanation:
    """The long form of a finding, for `imds-probe explain`."""

    id: str
    title: str
    meaning: str
    cure: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class NothingToJudge:
    """The rule does not apply to these facts; `reason` is printed as it is."""

    reason: str


Judge = Callable[[Facts, Catalog], list[Finding] | NothingToJudge]


@dataclass(frozen=True)
class Rule:
    """One rule family. `judge` never touches the system."""

    id: str
    judge: Judge
    explanations: tuple[Explanation, ...]
