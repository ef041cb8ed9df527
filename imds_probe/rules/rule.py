"""What a rule is: a pure function from facts to what it finds, with a name and the kinds of findings that it can make."""

from __future__ import annotations

from collections.abc import Callable

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.facts import Facts
from imds_probe.findings import Finding, Found, Kind


@dataclass(frozen=True)
class NothingToJudge:
    """The rule does not apply to these facts; `reason` is printed as it is."""

    reason: str


Find = Callable[[Facts, Catalog], list[Found] | NothingToJudge]


@dataclass(frozen=True)
class Rule:
    """One rule family. `find` never touches the system. `kinds` are all that it can find, in the order in which
    `imds-probe explain` lists them.
    """

    id: str
    find: Find
    kinds: tuple[Kind, ...]

    def judge(self, facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
        """The findings on these facts. No finding is made whose kind the rule does not list, as nobody could look up
        what it means.
        """
        found = self.find(facts, catalog)
        if isinstance(found, NothingToJudge):
            return found
        for each in found:
            if each.kind not in self.kinds:
                raise LookupError(f"rule {self.id} does not list the kind {each.kind.id}")
        return [each.by(self.id) for each in found]
