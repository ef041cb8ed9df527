"""What was observed. Frozen, plain values only, so that a stored report can be judged again on any machine.

Absent is None, never a made-up default. Times are RFC 3339 UTC; a duration says its unit in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EndpointState = Literal["enabled", "disabled", "unreachable", "refuses-tokens", "loses-tokens", "unknown"]
TokensState = Literal["optional", "required", "unknown"]
HopLimitMethod = Literal["capture", "minttl", "ec2-api", "unknown"]
Family = Literal["ipv4", "ipv6"]
CollectorStatus = Literal["ok", "nothing", "partial", "failed", "skipped"]
ContainerNetwork = Literal["host", "own", "unknown"]
ContainerToken = Literal["ok", "lost", "refused", "unreachable", "disabled", "answered-by-proxy", "error"]


@dataclass(frozen=True)
class Platform:
    """Whether this is an EC2 instance, and how that is known (DMI or the hypervisor; no packet is sent to find out)."""

    is_ec2: bool
    method: str
    instance_id: str | None = None  # Nitro keeps it in the board asset tag, readable with IMDS turned off


@dataclass(frozen=True)
class OsRelease:
    """os-release(5) of the host, below the run's root."""

    id: str | None
    version_id: str | None
    pretty_name: str | None
    id_like: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host:
    """The operating system the probe runs on."""

    hostname: str | None
    os: OsRelease
    kernel: str | None


@dataclass(frozen=True)
class Instance:
    """The identity document, as far as it was served, and the Auto Scaling group, where tags are served."""

    instance_id: str | None = None
    region: str | None = None
    availability_zone: str | None = None
    account_id: str | None = None
    image_id: str | None = None
    instance_type: str | None = None
    auto_scaling_group: str | None = None


@dataclass(frozen=True)
class EndpointReply:
    """One address of the metadata service: what came of the token PUT there."""

    family: Family
    address: str
    state: EndpointState
    token_outcome: str  # a value of imds.replies.Outcome, or "no-route"
    detail: str
    answered_by: str | None = None  # the Server header
    latency_ms: float | None = None
    hop_limit: int | None = None
    hop_limit_method: HopLimitMethod = "unknown"
    hop_limit_reason: str = ""  # why it is not known; empty where it is


@dataclass(frozen=True)
class Imds:
    """What the instance allows, told apart from what could not be found out."""

    endpoint: EndpointState
    tokens: TokensState
    tokens_method: str  # "v1-probe", "not-tried", "not-answered"
    hop_limit: int | None
    hop_limit_method: HopLimitMethod
    ipv6: str  # "enabled", "no-route", "not-tried" or why not
    instance_tags: bool | None
    answered_by: str | None
    latency_ms: float | None
    endpoints: tuple[EndpointReply, ...]


@dataclass(frozen=True)
class SettingSeen:
    """What one place says about a setting that decides whether software speaks IMDSv2.

    `switch` names the setting in the catalog's row. `value` is None where the place does not set it, or `problem` says
    why that could not be seen.
    """

    switch: str
    place: str  # the file, or whose environment or command line
    key: str
    value: str | None
    problem: str = ""


@dataclass(frozen=True)
class InRepository:
    """What the metadata on disk of the configured package repositories says. `version` is None where they have none."""

    version: str | None
    checked: str  # how it was looked up


@dataclass(frozen=True)
class SdkUser:
    """A process that has a library loaded, or would find it where it looks for libraries."""

    pid: int
    comm: str
    unit: str | None  # systemd's, None where it has none or runs in a container


@dataclass(frozen=True)
class SdkUse:
    """Where an SDK lies that no package manager of the system knows, and who uses it.

    A version that is not known lies from `at_least` (included) to `below` (not included), as far as either is known.
    `paths` and `users` are the first few of `places` and of the software's pids. `environment` has, for the processes
    that use it, the sets of variables that steer AWS SDKs, names alone, each set once, an empty one for those that set
    none; None where no process let us look. `container_ids` are all containers that it is in.
    """

    at_least: str | None
    below: str | None
    paths: tuple[str, ...]
    places: int
    users: tuple[SdkUser, ...] = ()
    environment: tuple[tuple[str, ...], ...] | None = ()
    container_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Software:
    """One installed piece of software that the catalog knows. Versions stand as their package manager prints them, and
    are None only for a library of which no exact one is known.

    `container` is None for the host's own; `also_in` are other containers with exactly the same. `os` is the
    container's, None for the host's. `available` is None where repositories were not asked. `sdk` is None for what
    a package manager of the system installed.
    """

    component: str  # the catalog row's id
    manager: str  # "dpkg", "rpm", "snap"; of libraries the ecosystem: "pypi", "npm", "maven"
    package: str
    version: str | None
    source: str  # how it is known, e.g. "dpkg database"
    path: str | None = None
    container: str | None = None
    pids: tuple[int, ...] = ()
    also_in: tuple[str, ...] = ()
    os: OsRelease | None = None
    settings: tuple[SettingSeen, ...] = ()
    available: InRepository | None = None
    sdk: SdkUse | None = None

    @property
    def said_version(self) -> str:
        """The version in words, also where it is a range."""
        if self.version is not None:
            return self.version
        since, before = (self.sdk.at_least, self.sdk.below) if self.sdk else (None, None)
        if since and before:
            return f"{since} to before {before}"
        return f"{since} or later" if since else f"before {before}" if before else "of unknown version"

    @property
    def running(self) -> bool:
        """Whether a process uses this library now."""
        return self.sdk is not None and bool(self.pids)


@dataclass(frozen=True)
class Reach:
    """What came of the token PUT from one network namespace at one address of the service.

    `distance` is in hops further than the instance itself, by the TTL of the SYN-ACK: measured, whatever became of the
    answer. `expected` is what distance and hop limit say about the answer, None where one of them is not known.
    """

    family: Family
    token: ContainerToken
    detail: str
    distance: int | None = None
    needs_hop_limit: int | None = None
    expected: Literal["ok", "lost"] | None = None
    status: int | None = None  # of HTTP, where something answered
    answered_by: str | None = None
    latency_ms: float | None = None

    @property
    def disagrees(self) -> bool:
        """Whether trying it gave something else than measuring it."""
        return self.expected is not None and self.token in ("ok", "lost") and self.token != self.expected


@dataclass(frozen=True)
class Container:
    """One running container, or another network namespace with a way to the service: then `runtime` says of what kind
    it is ("netns" for a named one, "unit" for a systemd unit's, "process" for any other) and `id` is its inode.

    Text comes from runtimes and containers and may be hostile. `reach` is empty where nothing was measured, which
    `not_measured` then explains. `environment` has, for each process that sets any, which of the variables that steer
    AWS SDKs it sets: names alone. None where no process let us look. `sdks` are the AWS SDKs that its processes use,
    name and version. `calls_seen` is how often a watch saw it call the metadata service.
    """

    id: str
    runtime: str
    name: str | None
    image: str | None
    pod: str | None
    namespace: str | None
    netns: int | None
    pid: int | None
    network: ContainerNetwork
    sandbox: bool = False  # holds a pod's network namespace and calls nobody
    reach: tuple[Reach, ...] = ()
    not_measured: str = ""
    environment: tuple[tuple[str, ...], ...] | None = ()
    sdks: tuple[str, ...] = ()
    calls_seen: int = 0

    @property
    def main(self) -> Reach | None:
        """How the service is reached at the address that SDKs use unless told otherwise: the first one asked."""
        return self.reach[0] if self.reach else None

    @property
    def needs_hop_limit(self) -> int | None:
        """The hop limit that brings the token here at every address with a way here, None where it is not known."""
        return max((reach.needs_hop_limit for reach in self.reach if reach.needs_hop_limit), default=None)


@dataclass(frozen=True)
class CallerSeen:
    """Calls of one program by one version of the protocol, after the same kind of thing.

    Text comes from processes and may be hostile. `program` is the path of its executable, or its name where only that is
    known, or "another host", "unknown", "others". `probe`: it was imds-probe itself. `pid`, `comm`, `cmdline` (secrets
    masked), `path` and `user_agent` are those of its last call. `refused` calls were answered with 401.
    """

    version: Literal["v1", "v2"]
    program: str
    exe: str | None
    pid: int | None
    comm: str | None
    cmdline: str | None
    unit: str | None
    container: str | None
    path: str
    path_class: str
    user_agent: str | None
    probe: bool
    count: int
    refused: int
    first_seen: str
    last_seen: str


@dataclass(frozen=True)
class MetricCompared:
    """CloudWatch's MetadataNoToken beside what was seen, over the hours that were watched without a gap.

    `counted` are calls by CloudWatch, `seen` those by the watch, the probe's own in both. `since` and `until` are RFC 3339.
    """

    hours: int
    counted: int
    seen: int
    since: str
    until: str

    @property
    def unseen(self) -> int:
        """How many calls somebody made that the watch did not see."""
        return max(0, self.counted - self.seen)


@dataclass(frozen=True)
class Callers:
    """Who called the metadata service in the last `window_s` seconds, of which `observed_s` were watched without a loss.

    `coverage` is their share, from 0 to 1, and `needed_coverage` what suffices to say that nobody else did. Calls by the
    probe itself are in `imdsv1_by_probe` and in `by` only.
    """

    window_s: float
    observed_s: float
    coverage: float
    needed_coverage: float
    watched_until: str | None
    dropped_packets: int
    imdsv1: int
    imdsv2: int
    imdsv1_by_probe: int
    by: tuple[CallerSeen, ...]
    metric: MetricCompared | None = None  # None: not compared; the collector metadata-no-token says why

    @property
    def complete(self) -> bool:
        """Whether so much of the window was watched that nothing seen means nothing there."""
        return self.coverage >= self.needed_coverage


@dataclass(frozen=True)
class PathObstacle:
    """A rule, route, setting or proxy on the way to the service, seen from one namespace; see net.obstacles."""

    namespace: str  # "host", or what the container is called
    kind: str
    family: str
    where: str
    quote: str
    target: str | None
    certain: bool
    scope: str | None
    applies_to: str
    pid: int | None = None  # of a proxy's process
    image: str | None = None  # of the container that it runs in


@dataclass(frozen=True)
class CollectorRun:
    """How one collector fared. "nothing" (it looked, there was nothing) and "failed" (it could not look) differ."""

    id: str
    status: CollectorStatus
    duration_ms: float
    reason: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything that rules may look at."""

    privileged: bool
    platform: Platform
    host: Host
    instance: Instance | None
    imds: Imds | None
    software: tuple[Software, ...]
    collectors: tuple[CollectorRun, ...]
    containers: tuple[Container, ...] | None = None  # None: not looked at, or in vain
    containers_unseen: tuple[str, ...] = ()  # why there may be more of them; empty where all were seen
    obstacles: tuple[PathObstacle, ...] = ()
    sdks_unseen: tuple[str, ...] = ()  # why processes may use more SDKs than were found; empty where all were seen
    callers: Callers | None = None  # None: nobody watched
    sdks_left_out: tuple[str, ...] = ()  # what of the disk was not searched for SDKs, and why

    def collector(self, collector_id: str) -> CollectorRun | None:
        """The run of one collector, None where it was never started."""
        return next((run for run in self.collectors if run.id == collector_id), None)
