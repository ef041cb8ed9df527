"""Risks that somebody has accepted in the configuration: facts of the run, so that judging again comes to the same."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Day


@dataclass(frozen=True)
class Acceptance:
    """One entry. `finding` is the id of a kind of finding. `subject` is the subject that a finding of it must have, or "*" for
    all of them. `expires` is the last day, in UTC, on which the entry counts. `origin` says where it stands: "FILE:LINE".
    """

    finding: str
    subject: str
    reason: str
    owner: str
    expires: Day
    origin: str


@dataclass(frozen=True)
class UnusableAcceptance:
    """An entry that accepts nothing. `key` is what is wrong in it, empty where that is the entry or its file. `trouble` says how,
    a clause; `remedy` is a whole sentence.
    """

    origin: str
    key: str
    trouble: str
    remedy: str

    @property
    def problem(self) -> str:
        """The trouble with its key, a clause."""
        joint = " " if self.trouble.startswith("is ") else ": "
        return f"{self.key}{joint}{self.trouble}" if self.key else self.trouble


@dataclass(frozen=True)
class Acceptances(Section):
    """`day` is that of the run, in UTC."""

    report_key: ClassVar[str] = "acceptances"

    day: Day
    entries: tuple[Acceptance, ...] = ()
    unusable: tuple[UnusableAcceptance, ...] = ()
