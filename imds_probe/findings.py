"""What rules say: findings, each with its evidence, what it means for the switch, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["blocker", "warning", "info"]
State = Literal["ready", "needs-hop-limit", "not-ready", "unknown"]


@dataclass(frozen=True)
class Fix:
    """What to do, in one sentence, and the commands that do it on this host, ready to paste."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about one subject.

    `implies` is the best verdict that is left while the finding stands: "not-ready" for something that would break,
    "unknown" for something that could not be seen, None where the switch does not depend on it.
    """

    id: str  # stable, the argument of `imds-probe explain`
    rule: str
    severity: Severity
    subject: str
    summary: str
    evidence: tuple[str, ...] = ()
    fix: Fix | None = None
    implies: State | None = None
