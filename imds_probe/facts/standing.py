"""What a verdict stands on beside the other facts, and for how long: so that a later run can tell whether it still holds."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from imds_probe.dataclass import dataclass
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Count, Seconds

VALID_S, VALID_UNWATCHED_S = 7 * 86400.0, 86400.0


@dataclass(frozen=True)
class SchedulesSeen:
    """All schedules of one kind, such as "crontabs": how many, and a digest of what they start, when and as whom, and of the
    programs and scripts that they name.
    """

    what: str
    count: Count
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class Standing(Section):
    """`boot_id` is the kernel's name of the boot, None where it does not say. `schedules` is None where nobody looked, or in vain.
    `history`: whether a daemon's record of callers was there; None in reports from before that was looked at.
    A verdict counts for `valid_s` seconds where callers were watched for the whole window, and else for `valid_unwatched_s`.
    """

    report_key: ClassVar[str] = "standing"

    boot_id: Annotated[str, Meta(pattern="^[0-9a-f-]{1,40}$")] | None = None
    schedules: tuple[SchedulesSeen, ...] | None = None
    valid_s: Seconds = VALID_S
    valid_unwatched_s: Seconds = VALID_UNWATCHED_S
    history: bool | None = None
