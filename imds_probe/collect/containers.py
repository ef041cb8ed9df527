"""The running containers, what each is told about credentials, and whether a token reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from imds_probe.collect import environment, hops
from imds_probe.collect.collector import Collected, Collector
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.own_stacks import own_stack
from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError
from imds_probe.facts.containers import Container
from imds_probe.facts.imds import Imds
from imds_probe.facts.sdk_settings import SdkSettings, names_of
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint, Endpoints
from imds_probe.imds.replies import NOT_CONNECTED
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery, NetworkNamespace
from imds_probe.inventory.containers.discovery import discover, outside_containers
from imds_probe.inventory.containers.processes import Process, age_s, still_there
from imds_probe.net import namespaces
from imds_probe.reading.here import HERE, Asks
from imds_probe.system import procfs
from imds_probe.system.own_processes import family

_KINDS = {"named": "netns", "unit": "unit", "other": "process"}
_NOT_CONNECTED = {str(outcome) for outcome in NOT_CONNECTED} | {"no-route"}
_ON_LOOPBACK = "the given endpoint is on loopback, and every container has a loopback of its own"


@dataclass(frozen=True)
class RunningContainers:
    """What runs, for who wants to look further while it is measured: what was discovered, and what each container is told about
    credentials by its identity.
    """

    discovery: Discovery
    settings: Mapping[str, tuple[SdkSettings, ...] | None]

    @property
    def containers(self) -> tuple[DiscoveredContainer, ...]:
        return self.discovery.containers


@dataclass(frozen=True)
class SeenContainers:
    """`unseen` says why there may be more containers, `skipped` what ended while it was inspected.

    `namespaces` (by inode) are the ways in, and `discovered` says what runs, for who wants to look further.
    """

    containers: tuple[Container, ...]
    unseen: tuple[str, ...]
    skipped: tuple[str, ...]
    namespaces: Mapping[int, NetworkNamespace]
    discovered: tuple[DiscoveredContainer, ...] = ()


@dataclass(frozen=True)
class _Outside:
    """The processes that run in no container. `unlisted` says why there may be others of which nothing is known."""

    processes: tuple[Process, ...]
    unlisted: str = ""


def _discover(context: Context) -> Collected:
    running = run_now(context.root, deadline=context.deadline, reader=context.reader)
    return Collected((running,), nothing="" if running.containers else "no containers are running")


def _collect(context: Context) -> Collected:
    running = context.get(RunningContainers)
    if running is None:
        raise ProbeError("the processes of this host could not be listed")
    untested = "" if concerned(context) else _ON_LOOPBACK
    seen = measured(
        context.proc,
        running,
        None if context.request.confirms or untested else context.endpoints,
        context.get(Imds),
        deadline=context.deadline,
        counter=context.counter,
        untested=untested,
    )
    silent = context.reader.looker.said_of_unanswered()
    nothing = "" if seen.containers or seen.unseen else "no containers are running"
    return Collected((seen,), nothing=nothing, partial="; ".join((*seen.unseen, *seen.skipped, *silent)))


def concerned(context: Context) -> bool:
    """Where nothing is on, or nobody else can reach it, what is in a container's way is no question."""
    return _is_served(context) and not context.endpoints.on_loopback


def _is_served(context: Context) -> bool:
    """Where nothing is on, no container can lose it. One loses the service itself also where the host was told to ask elsewhere."""
    imds = context.get(Imds)
    return imds is not None and imds.endpoint != "disabled"


def host_pids(context: Context, *, of_users: bool = True) -> list[int]:
    """The processes that run in no container, as the first who asks finds them; without those in users' own slices and services,
    unless `of_users`, as these may be called like any program of the system; and without the probe's own readers. Empty where
    processes cannot be listed.
    """
    outside = context.once(host_pids, lambda: _outside(context)).processes
    return [each.pid for each in outside if of_users or each.membership.owner_uid is None]


def unlisted(context: Context) -> str:
    """Why it is not known what runs on the host, in a sentence: an empty list of processes is no system on which nothing runs.
    Empty where processes were listed, and of an image, in which none run.
    """
    return context.once(host_pids, lambda: _outside(context)).unlisted


def _outside(context: Context) -> _Outside:
    if context.request.image:
        return _Outside(())
    try:
        proc_below(context.root)
        outside = outside_containers(context.root, context.proc, context.reader)
    except ProbeError as error:
        return _Outside((), str(error))
    if not outside:
        return _Outside((), f"no process of the host itself is listed in {context.proc}")
    own = family(context.proc, context.reader.pid)
    return _Outside(tuple(each for each in outside if each.pid not in own))


def proc_below(root: Path) -> Path:
    """Where the processes of the system at `root` are: its own /proc if one is mounted there.

    Raises ProbeError where there is none: a root without processes says nothing about what runs.
    """
    proc = procfs.below(root)
    if proc == procfs.NOWHERE:
        raise ProbeError(f"no processes are visible below {root}", f"Mount /proc at {root / 'proc'}.")
    return proc


def run_now(root: Path, *, deadline: float, reader: Asks = HERE) -> RunningContainers:
    """Find them. Raises ProbeError where processes cannot be listed."""
    proc = proc_below(root)
    found = discover(root, proc, in_own_pid_namespace=root == Path("/"), deadline=deadline, reader=reader)
    pids = {each.identity: still_there(proc, each.pids, each.started) for each in found.containers}
    return RunningContainers(found, environment.of_several(proc, pids))


def measured(
    proc: Path,
    running: RunningContainers,
    endpoints: Endpoints | None,
    imds: Imds | None,
    *,
    deadline: float,
    counter: RequestCounter,
    untested: str = "",
) -> SeenContainers:
    """Measure, unless there are no `endpoints` to be asked, `untested` saying why. Without the right to enter namespaces the
    containers are there, but nothing was measured.
    """
    found = running.discovery
    distances = (
        hops.MeasuredDistances(not_measured={each.inode: untested for each in found.namespaces if untested})
        if endpoints is None
        else _measure(found, _asked(endpoints, imds), imds, deadline=deadline, counter=counter)
    )
    owners = {each.inode: each.owner_uid for each in found.namespaces}
    ways_in = {each.inode: each for each in found.namespaces}
    containers, skipped = [], []
    for each in found.containers:
        # Measuring takes its time: only what is still there is worth a finding.
        if each.netns in distances.gone or not still_there(proc, each.pids, each.started):
            skipped.append(f"{each.title} ended while it was inspected")
        else:
            owner = owners.get(each.netns) if each.netns is not None else None
            container = _container(each, running.settings[each.identity], distances)
            age = age_s(proc, each.pids[0]) if each.pids else None
            there = ways_in.get(each.netns) if each.netns is not None and each.network == "own" else None
            stack = own_stack(proc, there.path, there.pids, container.reach, by_address=True) if there else ""
            # What only holds the network of a pod has none of its own.
            sandbox = each.sandbox and not stack
            made = replace(container, netns_owner_uid=owner, age_s=age, own_stack=stack, sandbox=sandbox)
            containers.append(made)
    for namespace in found.namespaces:
        reach = distances.reach.get(namespace.inode, ())
        # Somebody's sandbox without a way out is nobody's concern here.
        if namespace.kind not in _KINDS or not reach:
            continue
        stack = own_stack(proc, namespace.path, namespace.pids, reach, by_address=False)
        if stack or any(each.token != "unreachable" for each in reach):
            containers.append(replace(_other(namespace, proc, distances), own_stack=stack))
    unseen = () if found.complete else found.notes or ("some processes could not be inspected",)
    # By records some containers are known to be such, and the images of all: what was lost may have been a blocker.
    unseen = (*unseen, *found.unread)
    if not all(each.owner_said for each in found.namespaces):
        skipped.append(
            "the kernel does not report who made a network namespace (before Linux 4.11): user maps of processes were used instead"
        )
    return SeenContainers(tuple(containers), unseen, tuple(skipped), ways_in, found.containers)


def _asked(endpoints: Endpoints, imds: Imds | None) -> list[Endpoint]:
    """The addresses that answer the instance itself; from nowhere else is more to be had."""
    connected = {reply.address for reply in imds.endpoints if reply.token_outcome not in _NOT_CONNECTED} if imds else ()
    candidates = (endpoints.primary, endpoints.twin)
    return [endpoint for endpoint in candidates if endpoint and endpoint.address in connected]


def _measure(
    found: Discovery,
    asked: list[Endpoint],
    imds: Imds | None,
    *,
    deadline: float,
    counter: RequestCounter,
) -> hops.MeasuredDistances:
    pacer = hops.pacer_after(counter)
    others = [(each.path, each.inode) for each in found.namespaces if each.kind != "host"]
    if not others and not found.containers:
        return hops.MeasuredDistances()  # nobody to ask for, so nothing is asked
    host = next(((each.path, each.inode) for each in found.namespaces if each.kind == "host"), None)
    if not asked:
        trouble = "the service does not answer the host itself"
        return hops.MeasuredDistances(not_measured={inode: trouble for _, inode in others})
    return hops.measure(
        host or (namespaces.CURRENT, namespaces.current_inode()),
        others,
        asked,
        hop_limit=imds.hop_limit if imds else None,
        deadline=deadline,
        counter=counter,
        pacer=pacer,
        users={each.inode for each in found.namespaces if each.owner_uid is not None},
        names={each.inode: each.label for each in found.namespaces},
    )


def _container(
    each: DiscoveredContainer, settings: tuple[SdkSettings, ...] | None, measured: hops.MeasuredDistances
) -> Container:
    reach = measured.host if each.network == "host" else measured.reach.get(each.netns or 0, ())
    not_measured = ""
    if not reach:
        hidden = "its network namespace is hidden: run as root"
        not_measured = hidden if each.netns is None else measured.not_measured.get(each.netns, "it was not tested")
    return Container(
        id=each.id,
        runtime=each.runtime,
        name=each.name,
        image=each.image,
        pod=each.pod,
        namespace=each.pod_namespace,
        netns=each.netns,
        pid=each.pid,
        network=each.network,
        sandbox=each.sandbox,
        reach=reach,
        not_measured=not_measured,
        environment=None if settings is None else names_of(settings),
        sdk_settings=settings or (),
        owner_uid=each.owner_uid,
        inside=each.inside,
    )


def _other(namespace: NetworkNamespace, proc: Path, measured: hops.MeasuredDistances) -> Container:
    settings = environment.collect(proc, namespace.pids) if namespace.pids else ()
    return Container(
        id=str(namespace.inode),
        runtime=_KINDS[namespace.kind],
        name=namespace.label,
        image=None,
        pod=None,
        namespace=None,
        netns=namespace.inode,
        pid=next(iter(namespace.pids), None),
        network="own",
        reach=measured.reach[namespace.inode],
        environment=None if settings is None else names_of(settings),
        sdk_settings=settings or (),
        netns_owner_uid=namespace.owner_uid,
    )


DISCOVERY = Collector(
    id="running-containers",
    collect=_discover,
    gives=(RunningContainers,),
    without="the running containers",
    needs=(Imds,),
    applies=_is_served,
    aside=True,
    confirms=True,
    of_host=(Need.PROCESSES, Need.GROUPS),
)
COLLECTOR = Collector(
    id="containers",
    collect=_collect,
    gives=(SeenContainers,),
    without="the running containers, and whether the token reaches them",
    needs=(Imds, RunningContainers),
    applies=_is_served,
    aside=True,
    confirms=True,
    of_host=(Need.NAMESPACES, Need.PACKETS),
)
