"""What is kept of each host: some hundred bytes, most of them shared with other hosts."""

from __future__ import annotations

import datetime
import re
from typing import TypeVar

import msgspec

from imds_probe.timestamp import seconds_of

T = TypeVar("T")

KEY_MAX = 64
_INSTANCE = re.compile(r"(?<![0-9a-z-])(m?i-(?:[0-9a-f]{17}|[0-9a-f]{8}))(?![0-9a-f])")
# Of a report, of its summary, of SSM's inventory: how much is known, the most last.
INVENTORY, SUMMARY, WHOLE = 0, 1, 2
# Who says whose report it is, besides the report itself: the file's path, or the log stream of its event.
PLACE, STREAM = "place", "stream"
STATES = ("ready", "needs-hop-limit", "not-ready", "unknown")
SWITCHABLE = frozenset(("ready", "needs-hop-limit"))
# What owns the nodes of EKS Auto Mode, and what stands for a service of which a report says no more.
EKS, A_SERVICE = "eks.amazonaws.com", "an AWS service"
# Of two reports of the same second the worse one counts.
_WORSE = {"ready": 0, "needs-hop-limit": 1, "unknown": 2, "not-ready": 3}


class Fix(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """What somebody changes to free hosts. `kind` is "software" (a component with its version), "image" (of containers),
    "script", "program" (a caller that no script runs, or its unit), or "check" (what imds-probe could not see, or what has no
    name of its own): then `name` is the finding's id. `finding` is empty where an image has several.
    """

    kind: str
    name: str
    finding: str = ""


class V1Caller(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Somebody who called IMDSv1 on one host, and how often. `image` is empty outside of containers."""

    program: str
    image: str
    calls: int


class HopNeed(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """A container's image, or the container's name where nothing is known of the image, and the hop limit that it needs."""

    image: str
    limit: int


class Host(msgspec.Struct, array_like=True, gc=False):
    """One host by one report. `key` tells hosts apart: the instance's id, or else "host NAME". `started_at` is in seconds since the
    epoch. Text that is not known is empty; a hop limit that is not known is 0. `fixes` are what has to change before the
    switch, in the order of the report, and `fixes_left_out` how many more there are. `cannot` says why the host cannot be
    assessed, and is empty where it can. `valid_until` is in seconds since the epoch, 0 where the verdict has no such end.
    `vouched` is PLACE or STREAM, and empty where the report alone says whose it is. `template` is the launch template that the
    instance was made from, `next_template` that of its group, each "ID:VERSION". `template_waits` is what has to change before new
    instances may require tokens, a clause; it is empty where that is nothing, and None where the report does not say. `managed_by`
    is the AWS service that alone can change the instance's options, empty where there is none.
    """

    key: str
    started_at: int
    run: int
    detail: int
    version: str
    state: str
    confidence: str
    evidence: tuple[str, ...] = ()
    tokens: str = "unknown"
    endpoint: str = "unknown"
    hop_limit: int = 0
    hop_limit_needed: int = 0
    account: str = ""
    region: str = ""
    ami: str = ""
    instance_type: str = ""
    os: str = ""
    owner: str = ""
    hostname: str = ""
    fixes: tuple[Fix, ...] = ()
    fixes_left_out: int = 0
    callers: tuple[V1Caller, ...] = ()
    hops: tuple[HopNeed, ...] = ()
    accepted: int = 0
    accepted_until: str = ""
    cannot: str = ""
    valid_until: int = 0
    vouched: str = PLACE
    template: str = ""
    next_template: str = ""
    template_waits: str | None = ""
    managed_by: str = ""

    @property
    def switchable(self) -> bool:
        """Whether nothing has to change on the host before the switch."""
        return self.state in SWITCHABLE

    @property
    def switched(self) -> bool:
        """Whether tokens were required when the report was made."""
        return self.tokens == "required"

    def lapsed(self, now: float) -> bool:
        """Whether it may be switched only by accepted risks, one of which is accepted no longer: the day given is over, UTC, or is
        no day, whose end nobody knows. `now` is in seconds since the epoch.
        """
        if not self.accepted or not self.switchable:
            return False
        try:
            until = datetime.date.fromisoformat(self.accepted_until)
        except ValueError:
            return True
        return until < datetime.datetime.fromtimestamp(now, datetime.UTC).date()

    def rank(self, newest: int) -> tuple[int, ...]:
        """The report of a host with the highest rank counts: the latest one that is not later than `newest`, in seconds since the
        epoch. Of one second: the one with the worse verdict, and of one run the one that says more. The run decides between equal
        verdicts, so that the order of reading never does.
        """
        plausible = self.started_at <= newest
        return (plausible, self.started_at, _WORSE[self.state], self.run, self.detail)


def instances_in(path: str) -> frozenset[str]:
    """All instances whose names a log stream, a file or one of its directories has. Whoever may write below one of them chooses all
    names that are further down, so no single place in the path can be trusted to be somebody else's.
    """
    return frozenset(_INSTANCE.findall(path))


def is_node(key: str) -> bool:
    """Whether this may be the id of an instance, or of another node of SSM."""
    return _INSTANCE.fullmatch(key) is not None


def is_instance(key: str) -> bool:
    """Whether this may be the id of an instance, to be passed on to a command. That of another node in SSM ("mi-") is none."""
    return _INSTANCE.fullmatch(key) is not None and key.startswith("i-")


def moment(said: str) -> int:
    """RFC 3339 in UTC as seconds since the epoch. Raises ValueError, a clause."""
    return int(seconds_of(said))


def template_named(template_id: str, version: object) -> str:
    """ID:VERSION, where both are known; else empty."""
    return f"{template_id}:{version}" if template_id and str(version or "").isdigit() else ""


def run_number(run_id: str) -> int:
    """What tells runs apart, as a number that is cheap to keep."""
    try:
        return int(run_id[:12], 16)
    except ValueError:
        return 0


class Shared:
    """The same text, and the same tuple, of many hosts once."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def of(self, host: Host) -> Host:
        """The host itself, with what is equal to another host's in the place of its own."""
        for name in _SHARED:
            setattr(host, name, self.one(getattr(host, name)))
        host.fixes = self.one(tuple(map(self.one, host.fixes)))
        # Counts differ from report to report: of callers, only the names are shared.
        host.callers = tuple(
            V1Caller(self.one(each.program), self.one(each.image), each.calls) for each in host.callers
        )
        host.hops = self.one(tuple(map(self.one, host.hops)))
        return host

    def one(self, value: T) -> T:
        return self._known.setdefault(value, value)  # type: ignore[return-value]


_SHARED = (
    *("version", "state", "confidence", "evidence", "tokens", "endpoint", "account", "region", "ami", "instance_type"),
    *("os", "owner", "accepted_until", "cannot", "vouched"),
    *("template", "next_template", "template_waits", "managed_by"),
)
