"""The time since tokens are required on this instance: since when, who was refused in it, and who asked again with a token."""

from __future__ import annotations

from typing import ClassVar

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import CallerSeen, MetricCompared
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Count, Seconds, Timestamp

REFUSED_MAX = 200
# Credentials of a role are valid for at most that long: EC2 User Guide, "Instance metadata and user data", IAM roles. A program
# that has some need not ask before they run out, and so fails as late.
CREDENTIALS_S = 6 * 3600.0


@dataclass(frozen=True)
class Refused:
    """Requests without a token of one caller, for one kind of thing, that were answered with 401 since the switch. `caller` has
    those hours alone.

    `recovered` of its refused requests were followed by one of the same process for the same path, with a token, that was
    answered. `failed_last` is the last one that was not, no earlier than that by the hour, and `failed_ago_s` how long ago that
    was; None where all were. `may_recover`: it was only just refused. `with_token_last` is when the same caller was last answered
    with a token, where it was for each path after it had failed there; `successor_last` the same of whatever has its program's
    name, its script, and its image or unit. `longest_gap_s` is the longest time between two refusals of a path that failed.
    `had_nothing`: before the switch, the service had nothing at such paths of this caller (404).
    """

    caller: CallerSeen
    recovered: Count
    failed_last: Timestamp | None = None
    failed_ago_s: Seconds | None = None
    may_recover: bool = False
    with_token_last: Timestamp | None = None
    successor_last: Timestamp | None = None
    longest_gap_s: Seconds = 0.0
    had_nothing: bool = False


@dataclass(frozen=True)
class WatchedSince:
    """What the watch has of the time since the switch: `watched_s` seconds without a loss, and who was refused in it, at most
    REFUSED_MAX of them, and `left_out` more. Requests that lose nothing by being refused are in neither.
    """

    watched_s: Seconds
    refused: tuple[Refused, ...] = ()
    left_out: Count = 0


@dataclass(frozen=True)
class SwitchedBefore:
    """An earlier time in which tokens were required, as far as runs saw it."""

    since: Timestamp
    until: Timestamp


@dataclass(frozen=True)
class Switched(Section):
    """There where this instance is or was seen to require tokens.

    `since` is when a run saw that first, `age_s` seconds ago by a clock that nobody sets; None where they are optional again.
    `optional_last` is when a run saw last that they were optional, None where none did. `kept`: that is on record, so that later
    runs know it. `watched` is None where nobody watched. `earlier` has the oldest first.
    """

    report_key: ClassVar[str] = "switched"

    since: Timestamp | None
    age_s: Seconds = 0.0
    optional_last: Timestamp | None = None
    kept: bool = False
    watched: WatchedSince | None = None
    metric: MetricCompared | None = None  # MetadataNoTokenRejected; None: not compared
    earlier: tuple[SwitchedBefore, ...] = ()

    @property
    def credentials_ran_out(self) -> bool:
        """Whether so much was watched that who had credentials at the switch has asked for new ones."""
        return self.watched is not None and self.watched.watched_s >= CREDENTIALS_S


def is_watched(switched: Switched | None) -> bool:
    """Whether tokens are required, and it is known who was refused since."""
    return switched is not None and switched.since is not None and switched.watched is not None
