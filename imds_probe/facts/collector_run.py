"""How each collector fared."""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.shapes import Milliseconds

# Why something was not looked at; other collectors put it into sentences.
OUT_OF_TIME, TOO_SLOW, NO_ANSWER = (
    "the run's time limit came first",
    "the reading took longer than allowed",
    "not answer",
)
CollectorStatus = Literal["ok", "nothing", "partial", "failed", "skipped"]


@dataclass(frozen=True)
class CollectorRun:
    """How one collector fared. "nothing" (it looked, there was nothing) and "failed" (it could not look) differ. "skipped":
    the run's time limit came before it. `bug`: it failed by an error that nobody expected.
    """

    id: str
    status: CollectorStatus
    duration_ms: Milliseconds
    reason: str = ""
    means: str = ""  # what stays unknown, where it could not look at everything
    bug: bool = False
