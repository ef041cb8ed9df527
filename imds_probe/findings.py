"""What rules say: findings, each of a kind that is explained, with its evidence, what it means for the switch, and what
to do about it.
"""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.shapes import Day

Severity = Literal["blocker", "warning", "info"]
State = Literal["ready", "needs-hop-limit", "not-ready", "unknown"]


@dataclass(frozen=True)
class Fix:
    """What to do, in one sentence, and the commands that do it on this host, ready to paste."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """Who accepts the risk of a finding, why, and until the end of which day in UTC. `severity` and `implies` are what the finding
    has where nobody accepts it.
    """

    reason: str
    owner: str
    expires: Day
    severity: Severity
    implies: State


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about one subject, as reports have it. Rules make theirs by `Kind.found`.

    `implies` is the best verdict that is left while the finding stands: "not-ready" for something that would break,
    "unknown" for something that could not be seen, None where the switch does not depend on it. `forgeable_by` are the users
    and containers who alone stand behind its evidence, and could have made it up; empty where root stands behind some of it.
    `settled_by` is what would settle a finding that implies "unknown", in nouns. One that is `accepted` implies nothing.
    """

    id: str  # its kind's: stable, the argument of `imds-probe explain`
    rule: str
    severity: Severity
    subject: str
    summary: str
    evidence: tuple[str, ...] = ()
    fix: Fix | None = None
    implies: State | None = None
    forgeable_by: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    accepted: Accepted | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of finding and its explanation, the long form that `imds-probe explain` prints.

    `severity` and `implies` are those of every finding of the kind, unless one says that it is graver. `settled_by` is all that
    may settle one that implies "unknown", in nouns; a finding has those of them that settle it. `not_acceptable` says in a
    sentence why its risk cannot be accepted, and is empty where it can.
    """

    id: str
    severity: Severity
    title: str
    meaning: str
    cure: str
    implies: State | None = None
    sources: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()
    not_acceptable: str = ""

    def found(
        self,
        subject: str,
        summary: str,
        *,
        evidence: tuple[str, ...] = (),
        fix: Fix | None = None,
        severity: Severity | None = None,
        implies: State | None = None,
        forgeable_by: tuple[str, ...] = (),
        settled_by: tuple[str, ...] | None = None,
    ) -> Found:
        """One of this kind, about one subject. Without `settled_by`, all that settles the kind settles it."""
        means = implies or self.implies
        settles = self.settled_by if settled_by is None else settled_by
        return Found(
            *(self, subject, summary, evidence, fix, severity or self.severity, means, forgeable_by),
            settled_by=settles if means == "unknown" else (),
        )


@dataclass(frozen=True)
class Found:
    """What a rule found. It is a finding once the rule's name is on it: see Rule.judge."""

    kind: Kind
    subject: str
    summary: str
    evidence: tuple[str, ...]
    fix: Fix | None
    severity: Severity
    implies: State | None
    forgeable_by: tuple[str, ...]
    settled_by: tuple[str, ...] = ()

    def by(self, rule: str) -> Finding:
        """The finding of the rule with this id."""
        return Finding(
            id=self.kind.id,
            rule=rule,
            severity=self.severity,
            subject=self.subject,
            summary=self.summary,
            evidence=self.evidence,
            fix=self.fix,
            implies=self.implies,
            forgeable_by=self.forgeable_by,
            settled_by=self.settled_by,
        )
