"""The risks that the verdict leaves out, as it names and counts them."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.shapes import Day
from imds_probe.findings import Finding, State


@dataclass(frozen=True)
class AcceptedRisk:
    """A finding that the verdict leaves out, as somebody has accepted its risk until the end of a day, in UTC. `implies` is what it
    would come to: "not-ready" where the switch breaks something, "unknown" where it may.
    """

    id: str
    subject: str
    summary: str
    implies: State
    reason: str
    owner: str
    expires: Day


def accepted_risks(findings: Sequence[Finding]) -> tuple[AcceptedRisk, ...]:
    """The findings that are accepted, the first to expire first."""
    risks = [
        AcceptedRisk(
            id=each.id,
            subject=each.subject,
            summary=each.summary,
            implies=each.accepted.implies,
            reason=each.accepted.reason,
            owner=each.accepted.owner,
            expires=each.accepted.expires,
        )
        for each in findings
        if each.accepted
    ]
    return tuple(sorted(risks, key=lambda each: each.expires))


def counted(risks: Sequence[AcceptedRisk]) -> str:
    """How many there are, and the day until which all of them are accepted: "2 risks accepted until 2027-01-31"."""
    return f"{len(risks)} risk{'' if len(risks) == 1 else 's'} accepted until {risks[0].expires}"


def why_ready(risks: Sequence[AcceptedRisk]) -> str:
    """Why a host is ready on which these risks are accepted, a clause."""
    are = "risk is" if len(risks) == 1 else "risks are"
    return f"{len(risks)} {are} accepted until {risks[0].expires}, and no other finding speaks against the switch"
