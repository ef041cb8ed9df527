"""The picture of a fleet: a data model that pages and files are made of. Lists are bounded, and say how much they leave out; those
of `hosts` are not.
"""

from __future__ import annotations

from imds_probe.dataclass import dataclass
from imds_probe.fleet.bounded import Count, Ids, NamedFix
from imds_probe.fleet.delivered import Trail
from imds_probe.fleet.launching import Launching

SCHEMA = "imds-probe.fleet/v1"


@dataclass(frozen=True)
class NotReport:
    """Documents of one kind that are no reports of hosts: `kind` as in problems.WORDS; `named` are the first, place and reason."""

    kind: str
    count: int
    named: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sources:
    """How many reports were read, and which of them count for no host: `older` ones, `duplicates`, and those `from_future` of hosts
    that have another. `unvouched` are reports that alone say whose they are: no name of a file, directory or log stream does.
    """

    reports: int
    older: int
    duplicates: int
    from_future: int
    unvouched: int
    not_reports: tuple[NotReport, ...]


@dataclass(frozen=True)
class OfState:
    """Hosts with one verdict, by confidence, and by the kinds of evidence that the verdicts stand on (a host has several)."""

    state: str
    hosts: int
    confidence: tuple[Count, ...]
    evidence: tuple[Count, ...]


@dataclass(frozen=True)
class Verdicts:
    """All hosts. `switched` required tokens already when they reported. `cannot` are hosts that cannot be assessed, by the reason;
    they are in `by_state` as unknown, and `assessed` leaves them out.
    """

    hosts: int
    assessed: int
    switchable: int
    switched: int
    by_state: tuple[OfState, ...]
    cannot: tuple[Count, ...]
    accepted_hosts: int
    accepted_risks: int
    accepted_until: str | None


@dataclass(frozen=True)
class WayStep:
    """One fix of the shortest way, in order: it frees so many hosts, after which `free` of all assessed hosts are free. So many are
    `waiting` for it, and `owners` says whose they are, most first.
    """

    fix: NamedFix
    frees: int
    free: int
    percent: float
    waiting: int
    owners: tuple[Count, ...]


@dataclass(frozen=True)
class Mark:
    """How many fixes free a share of the assessed hosts, without steps that have freed none by then; None where no order of the
    named fixes comes so far.
    """

    percent: int
    fixes: int | None


@dataclass(frozen=True)
class HeldBack:
    """A fix: `hosts` wait for it, and `alone` of these for nothing else."""

    fix: NamedFix
    hosts: int
    alone: int


@dataclass(frozen=True)
class Way:
    """`alone` is ordered by how many hosts each fix alone holds back, `steps` is the order to go in. Both are bounded: there are
    `fixes` in all.
    """

    fixes: int
    marks: tuple[Mark, ...]
    steps: tuple[WayStep, ...]
    alone: tuple[HeldBack, ...]


@dataclass(frozen=True)
class LimitNeeded:
    """So many hosts need a hop limit that is higher than theirs."""

    limit: int
    hosts: int


@dataclass(frozen=True)
class ImageNeeds:
    """Containers of an image, which need this hop limit on so many hosts."""

    image: str
    limit: int
    hosts: int


@dataclass(frozen=True)
class CallerSeen:
    """A program or script that called IMDSv1: on how many hosts and how often, in the windows that those were watched for.
    Outside of containers, `image` is empty.
    """

    program: str
    image: str
    hosts: int
    calls: int


@dataclass(frozen=True)
class V1Callers:
    """Hosts with a caller by IMDSv1, who calls, and whose the hosts are."""

    hosts: int
    by: tuple[CallerSeen, ...]
    left_out: int
    owners: tuple[Count, ...]


@dataclass(frozen=True)
class GroupOf:
    """Hosts that have the same value of the key `by`, by their verdicts. `free` are ready or need a higher hop limit."""

    by: str
    value: str
    hosts: int
    free: int
    not_ready: int
    unknown: int
    switched: int


@dataclass(frozen=True)
class Ages:
    """How old the reports are, in hosts; `stale` are older than `max_age_s`, and count in the picture all the same."""

    max_age_s: float
    stale: int
    within_day: int
    within_week: int
    within_month: int
    older: int
    from_future: int
    oldest: str | None


@dataclass(frozen=True)
class Compared:
    """The reports beside the instances that there are. `silent` run and have no report, though one can come from them. `gone` have
    a report, and are no more. `stopped` ones without a report are not missed. `cannot` have no report because none can come from
    them. `differing` have other metadata options than when they reported, `restarted` were started since.
    """

    instances: int
    silent: Ids
    gone: Ids
    stopped: int
    cannot: tuple[Count, ...]
    differing: Ids
    restarted: Ids
    switched: int


@dataclass(frozen=True)
class FixMoved:
    """A fix for which more or fewer hosts wait than before."""

    fix: NamedFix
    before: int
    now: int


@dataclass(frozen=True)
class Changes:
    """What has changed since an earlier picture, made at `since`."""

    since: str
    before: tuple[Count, ...]
    now: tuple[Count, ...]
    freed: Ids
    held_back: Ids
    new: Ids
    gone: Ids
    fixes: tuple[FixMoved, ...]


@dataclass(frozen=True)
class HostsByState:
    """The keys of all hosts by their verdict, in order: what a later picture is compared with."""

    ready: tuple[str, ...]
    needs_hop_limit: tuple[str, ...]
    not_ready: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """`made_at` is RFC 3339 UTC. A part is None where nothing was given for it."""

    schema: str
    version: str
    made_at: str
    sources: Sources
    verdicts: Verdicts
    way: Way
    hop_limits: tuple[LimitNeeded, ...]
    hop_images: tuple[ImageNeeds, ...]
    callers: V1Callers
    groups: tuple[GroupOf, ...]
    groups_left_out: int
    ages: Ages
    instances: Compared | None
    changes: Changes | None
    trail: Trail | None
    launching: Launching | None
    hosts: HostsByState
