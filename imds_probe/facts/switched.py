"""The time since IMDSv1 was turned off on this instance: its begin, the callers that were refused, and those that asked again."""

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
    """The requests of one caller, for one kind of thing, that had no token and were answered with 401 after the switch. `caller`
    counts the hours after the switch alone.

    A refused request has recovered if the same process then asked for the same path with a token, and was answered. `recovered`
    counts these. `failed_last` is the time of the last other one, and never earlier than that where only the hour is known.
    `failed_ago_s` is how long ago that was. Both are None if all have recovered. `may_recover`: the caller was refused a moment
    ago. `with_token_last` is when the caller was last answered with a token, if it was answered at each path after it had failed
    there. `successor_last` is the same of a caller with the same name, script, and image or unit. `longest_gap_s` is the longest
    time between two refusals of a path that failed. `had_nothing`: before the switch, the service had nothing at such paths of
    this caller (404).
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
    """The watch after the switch. `watched_s` is the time that was watched without a loss. `refused` has the callers that were
    refused in it, REFUSED_MAX at most, and `left_out` counts the others. Neither has requests that lose nothing by being refused.
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
    """The time since IMDSv1 was turned off. The section exists if a run saw that this instance requires tokens.

    `since` is when a run first saw that, `age_s` seconds ago by a clock that nobody sets. It is None if IMDSv1 is on again.
    `optional_last` is when a run last saw that tokens were optional, None if none did. `kept`: this is on record for later runs.
    `watched` is None if nobody watched. `earlier` has earlier times in which IMDSv1 was off, the oldest first.
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
