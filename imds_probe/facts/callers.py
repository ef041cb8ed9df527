"""Who called the metadata service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar, Literal

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import namespace_in
from imds_probe.facts.section import Section
from imds_probe.facts.shapes import Count, Pid, Seconds, Share, Timestamp

# What a boot starts has asked within this time.
BOOT_S = 3600.0
# Between the beginning of the first process and the watch, and at the end of it: of a second, nobody can say whose it was.
_WITHIN_S = 2.0
_KEPT_WITHIN_S = 120.0  # the daemon writes how much it has watched now and then

# Where nobody but root says what is there.
OF_ROOT_ALONE = ("/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/snap/")


# What comes of a token request: the answer was seen to reach the client or to be lost on the way, or there was none, or it
# had another status: 403, 404 or 405, or any other. Of a call without a token it is said of the last token request that the
# same client made before: "none" where it made none, "unseen" where it may have made one before it was watched, "lost-before" where
# it was lost so long before that the call may be of a part that asks for none.
TokenOutcome = Literal[
    "none", "unseen", "answered", "lost", "lost-before", "unanswered", "forbidden", "not-found", "other"
]
# Who is behind a call: the process itself, or whoever asks through it; where no process is known, what the interface says.
Origin = Literal["process", "user-mode-network", "virtual-machine", "another-host", "unknown"]
ANOTHER_HOST, UNKNOWN, VIRTUAL_MACHINE, OTHERS = "another host", "unknown", "virtual machine", "others"
HAVE_ENDED = "containers that have ended"  # of which nothing else is known
# How a sender is described of whose connections no packets were seen, as its network was found only then.
UNSEEN = "made where nobody watched yet"
# What EC2 has nothing at, and a request that takes nothing but the word that something answers.
ELSEWHERE = ("other-cloud", "head", "other")
# Stands before a path in the place of a script, for a fetcher that none runs.
REQUESTED_BY_COMMAND_LINE = "a command line that requests "
# CloudWatch's metrics of calls by IMDSv1 that were served and that were refused.
SERVED, REJECTED = "MetadataNoToken", "MetadataNoTokenRejected"


@dataclass(frozen=True)
class CallerSeen:
    """Calls of one program by one version of the protocol, after the same kind of thing.

    Text comes from processes and may be hostile. `program` is the path of its executable, or its name where only that is
    known, or "another host", "virtual machine", "unknown", "others". `probe`: it was imds-probe itself. `pid`, `comm`,
    `cmdline`, `path` and `user_agent` are those of its last call, as far as they are known to be harmless: "…" stands for
    what is not. `refused` calls were answered with 401. `unit` is one of the system's, or "user UID: " and one of that user's.
    `exe` is as its own mount namespace has it. `on_host`: it is the host's file of that path; False where it was not shown to
    be, None where the report is from before that was looked at. `uid` is the user's on the host, also of root in a user
    namespace.

    What follows is None in reports from before it was looked at. `script` is what runs the program, or what it runs, or the
    request of a command line that has no name; `started_by` the name of what started that. `token` is what came of token
    requests: see TokenOutcome; None for a call with a token. `token_ttl` is what the last of these answers came to this host
    with, at most the hop limit. `distance` is how many routers are between the host's network and the client, by the TTL of
    its own packets, `interface` the one of the host that is nearest to it, `client` its address where no process is known.
    `image` is its container's, `netns` the inode of its network namespace, None for the host's. `forwarded`: a proxy said that it
    asked for somebody else. `served` calls were answered with what they asked for, or no answer to them was seen.
    """

    version: Literal["v1", "v2"]
    program: str
    exe: str | None
    pid: Pid | None
    comm: str | None
    cmdline: str | None
    unit: str | None
    container: str | None
    path: str
    path_class: str
    user_agent: str | None
    probe: bool
    count: Count
    refused: Count
    first_seen: Timestamp
    last_seen: Timestamp
    container_id: str | None = None  # its identity, as in facts.containers
    uid: int | None = None
    on_host: bool | None = None
    script: str | None = None
    started_by: str | None = None
    origin: Origin | None = None
    token: TokenOutcome | None = None
    token_ttl: Count | None = None
    distance: Count | None = None
    interface: str | None = None
    client: str | None = None
    image: str | None = None
    netns: int | None = None
    forwarded: bool | None = None
    served: Count | None = None

    @property
    def identity(self) -> tuple[str | int | None, ...]:
        """Who called. What its container is called tells callers apart only where a report does not have more; which user it
        is, and which network it is in, only outside of any. Of those that no process is known of, each address is another one.
        """
        container = self.container_id or self.container
        called = self.program, self.unit, self.container_id, None if self.container_id else self.container
        return called + (self.script, self.client) + (() if container else (self.uid, self.netns))

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace of its pod, empty where none is known: whoever mends one mends that one's pods."""
        return namespace_in(self.container)

    @property
    def is_harmless(self) -> bool:
        """Whether these calls asked for nothing that the service has, and so lose nothing: what looks for another cloud, or
        whether anything answers.
        """
        if self.served != 0 or self.path_class not in ELSEWHERE or self.program == OTHERS:  # who asked for anything
            return False
        return self.refused == 0 or self.path_class == "other-cloud"


@dataclass(frozen=True)
class RareCaller:
    """Calls by IMDSv1 before the window, of somebody who called less often than the window is long: silent for `silent_s` watched
    seconds by now, and for `longest_gap_s` once between two calls before.
    """

    caller: CallerSeen
    longest_gap_s: Seconds
    silent_s: Seconds


@dataclass(frozen=True)
class MetricCompared:
    """A metric of CloudWatch beside what was seen, over the hours that were watched without a gap: MetadataNoToken, or, once tokens
    are required, MetadataNoTokenRejected.

    `counted` are calls by CloudWatch, `seen` those by the watch, the probe's own in both. `since` and `until` are RFC 3339.
    """

    hours: int
    counted: Count
    seen: Count
    since: str
    until: str
    name: str = SERVED

    @property
    def unseen(self) -> int:
        """How many calls somebody made that the watch did not see."""
        return max(0, self.counted - self.seen)


@dataclass(frozen=True)
class HistoryLoss:
    """The history of calls was lost at this time, with all evidence from before."""

    at: Timestamp
    why: str


@dataclass(frozen=True)
class BootWatched:
    """A boot of this host, `age_s` seconds ago, and how much of its first BOOT_S seconds was watched.

    The watch began `began_s` seconds after the first process, and saw all of the next `watched_s` seconds. `from_start`: by the
    kernel's counters, nobody had opened a connection before that. `imdsv1` are calls in that time, without the probe's own and
    without those of callers that went on calling for days. `boot_id` is the kernel's name of the boot.
    """

    boot_id: str
    booted: Timestamp
    age_s: Seconds
    began_s: Seconds
    from_start: bool
    watched_s: Seconds = 0.0
    imdsv1: Count = 0

    @property
    def is_under_way(self) -> bool:
        """Whether all of it was watched so far, and its time is not over."""
        return self.from_start and self.began_s + self.watched_s >= self.age_s - _KEPT_WITHIN_S

    def is_whole(self, window_s: float) -> bool:
        """Whether all that the boot started was seen from its beginning on. Of a short window, half is long enough."""
        return self.from_start and self.began_s + self.watched_s >= min(BOOT_S, window_s / 2) - _WITHIN_S


def last_whole(boots: Sequence[BootWatched], window_s: float) -> BootWatched | None:
    """See Callers.whole_boot."""
    for boot in reversed(boots):
        if boot.is_whole(window_s):
            return boot
        if not boot.is_under_way:
            return None
    return None


def last_seen_whole(boots: Sequence[BootWatched], window_s: float) -> BootWatched | None:
    """The last boot of which all was watched, whatever was missed since: nothing else tells what a boot starts."""
    return next((boot for boot in reversed(boots) if boot.is_whole(window_s)), None)


@dataclass(frozen=True)
class Callers(Section):
    """Who called the metadata service in the last `window_s` seconds, of which `observed_s` were watched without a loss.

    `coverage` is their share, from 0 to 1, and `needed_coverage` what suffices to say that nobody else did. Calls by the
    probe itself are in `imdsv1_by_probe` and in `by` only. `unconfirmed` requests by IMDSv1 were seen of which nothing shows
    that the service received them: they are nobody's, and count as a loss. `senders` says where most of them came from.
    `boots` are those within the window and the last that was watched whole, the oldest first; none in reports from before.
    `earlier` called by IMDSv1 before the window, and less than a whole window was watched since; none in reports from before.
    `silent_s` is for how many seconds up to now nobody called by IMDSv1 who may lose something, and `needed_coverage` was watched:
    it may be longer than the window. `rare` called by IMDSv1 before the window, and are expected to call again.
    """

    report_key: ClassVar[str] = "callers"

    window_s: float
    observed_s: float
    coverage: Share
    needed_coverage: Share
    watched_until: Timestamp | None
    dropped_packets: Count
    imdsv1: Count
    imdsv2: Count
    imdsv1_by_probe: Count
    by: tuple[CallerSeen, ...]
    losses: tuple[HistoryLoss, ...] = ()  # within the window, the oldest first
    unconfirmed: Count = 0
    senders: tuple[str, ...] = ()
    metric: MetricCompared | None = None  # None: not compared; the collector metadata-no-token says why
    boots: tuple[BootWatched, ...] = ()
    earlier: tuple[CallerSeen, ...] = ()
    silent_s: Seconds = 0.0
    rare: tuple[RareCaller, ...] = ()

    @cached_property
    def of_each(self) -> Mapping[tuple[str | int | None, ...], Sequence[CallerSeen]]:
        """Those in `by` that are one caller, by its identity: there are up to ten thousand."""
        found: dict[tuple[str | int | None, ...], list[CallerSeen]] = defaultdict(list)
        for each in self.by:
            found[each.identity].append(each)
        return dict(found)

    @cached_property
    def of_images(self) -> Mapping[tuple[str, str | None, str, str], Sequence[CallerSeen]]:
        """Those in `by` that are one program and script in containers of one image and Kubernetes namespace."""
        found: dict[tuple[str, str | None, str, str], list[CallerSeen]] = defaultdict(list)
        for each in self.by:
            if each.image:
                found[each.program, each.script, each.image, each.namespace].append(each)
        return dict(found)

    @cached_property
    def images(self) -> frozenset[str | None]:
        """Those of all containers that called, whichever of them."""
        return frozenset(each.image for each in self.by if not each.probe)

    @cached_property
    def unplaced(self) -> frozenset[int | None]:
        """The network namespaces, but for the host's, from which somebody called in no container that is known; with None where
        it is not known at all who called, unless that was in the host's own network.
        """
        found: set[int | None] = set()
        for each in self.by:
            if each.probe or each.container_id or each.container or each.origin in ("virtual-machine", "another-host"):
                continue
            if each.uid is None and each.pid is None:
                if each.distance != 0:  # not further away than the host's own network is
                    found.add(None)
            elif each.netns is not None:
                found.add(each.netns)
        return frozenset(found)

    @property
    def whole_boot(self) -> BootWatched | None:
        """The last boot of which all was watched; None where there is none, or where the start of a later one was missed."""
        return last_whole(self.boots, self.window_s)

    @property
    def boot_was_silent(self) -> bool:
        """Whether a boot was watched whole, and what it started called nobody by IMDSv1. What called within the window is in
        `imdsv1`.
        """
        return self.whole_boot is not None and self.boot_that_called is None

    @property
    def boot_that_called(self) -> BootWatched | None:
        """The last boot of which all was watched, if it is longer ago than the window and what it started called by IMDSv1."""
        boot = last_seen_whole(self.boots, self.window_s)
        return boot if boot is not None and boot.imdsv1 and boot.age_s >= self.window_s else None

    @property
    def losing(self) -> int:
        """How many calls by IMDSv1 may lose something once tokens are required."""
        harmless = (each.count for each in self.by if each.version == "v1" and not each.probe and each.is_harmless)
        return max(0, self.imdsv1 - sum(harmless))

    @property
    def complete(self) -> bool:
        """Whether so much of the window was watched that nothing seen means nothing there."""
        return self.coverage >= self.needed_coverage
