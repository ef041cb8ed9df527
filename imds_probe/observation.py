"""What a run observes: every collector in its order, each with its outcome on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect import (
    available,
    callers,
    container_software,
    containers,
    host,
    metadata_no_token,
    obstacles,
    options,
    platform,
    sdks,
    settings,
    software,
)
from imds_probe.collect.collecting import Collecting
from imds_probe.collect.discovery.discovered import DiscoveredContainer
from imds_probe.facts import (
    Callers,
    Container,
    Facts,
    Host,
    Imds,
    Instance,
    MetricCompared,
    OsRelease,
    PathObstacle,
    Platform,
    Software,
)
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoints
from imds_probe.inventory.settings import programs
from imds_probe.rules.hop_need import title
from imds_probe.rules.requirement import requirement
from imds_probe.system.background import Background
from imds_probe.system.privilege import privileged

HANGING_S = 1.0  # past the deadline, which what works keeps by itself


@dataclass(frozen=True)
class Request:
    """What a run was asked to do."""

    environ: Mapping[str, str]
    root: Path = Path("/")
    assume_ec2: bool = False
    v1_probe: bool = True
    timeout_s: float = 30.0
    only: Collection[str] = ()
    skip: Collection[str] = ()
    catalogs: tuple[Path, ...] = ()  # of the user's own, read after the built-in one
    sdks: sdks.Request = field(default_factory=sdks.Request)
    callers: callers.Request = field(default_factory=callers.Request)


def observe(
    request: Request, endpoints: Endpoints, catalog: Catalog, counter: RequestCounter, collecting: Collecting
) -> Facts:
    """Everything that is observed, in one place. The metadata service comes first: it is what a slow package manager
    must not keep us from. Measuring containers mostly waits, so that other things are looked at meanwhile.
    """
    watching = (
        Background("watch", lambda: callers.watch(request.callers, request.root)) if request.callers.watch_s else None
    )
    found = collecting.run("platform", lambda: platform.collect(request.root)) or Platform(False, "not looked at")
    if not found.is_ec2 and (request.assume_ec2 or endpoints.given):
        found = replace(found, is_ec2=True, method="said by --assume-ec2" if request.assume_ec2 else "endpoint given")
    imds, instance = _ask_service(request, endpoints, counter, collecting) if found.is_ec2 else (None, None)
    if instance is None and found.instance_id:
        instance = Instance(instance_id=found.instance_id)
    measuring = Background("containers", lambda: _containers(request, endpoints, imds, counter, collecting))
    system = collecting.run("host", lambda: host.collect(request.root)) or Host(None, OsRelease(None, None, None), None)
    installed = software.collect(request.root, catalog, collecting)
    in_the_way = _obstacles_on_host(request, imds, endpoints, collecting)
    seen = measuring.result()
    installed = _in_force(request, installed, catalog, seen, collecting)
    in_use = _sdks(request, installed, catalog, seen, collecting)
    if seen:
        in_the_way = obstacles.with_images(in_the_way, seen.images)
        in_the_way += _obstacles_in_containers(request, seen, collecting)
    calling = _callers(request, watching, collecting)
    counts = imds is not None and imds.tokens != "required"  # it counts no more where they are
    calling = _with_metric(request, calling, instance if counts else None, counter, collecting)
    facts = Facts(
        privileged=privileged(),
        platform=found,
        host=system,
        instance=instance,
        imds=imds,
        software=in_use.software if in_use else installed,
        collectors=collecting.runs,
        containers=_with_calls(_with_sdks(seen.containers, in_use), calling) if seen else None,
        containers_unseen=seen.unseen if seen else (),
        obstacles=in_the_way,
        callers=calling,
        sdks_unseen=in_use.unseen if in_use else (),
        sdks_left_out=in_use.left_out if in_use else (),
    )
    return _with_available(request, facts, catalog, collecting)


def _in_force(
    request: Request,
    installed: tuple[Software, ...],
    catalog: Catalog,
    seen: containers.Seen | None,
    collecting: Collecting,
) -> tuple[Software, ...]:
    """What is installed on the host with its settings, and what is in containers, each in its own system."""
    discovered = seen.discovered if seen else ()
    proc = request.root / "proc"
    found = collecting.run(
        "settings",
        lambda: settings.with_settings(
            installed,
            catalog,
            root=request.root,
            proc=proc,
            pids=_of_host(proc, discovered),
        ),
        empty=lambda result: "" if any(entry.settings for entry in result) else "nothing here depends on a setting",
        partial=lambda result: "; ".join(
            dict.fromkeys(one.problem for entry in result for one in entry.settings if one.problem)
        ),
    )
    host = installed if found is None else found
    if not discovered:
        return host
    inside = collecting.run(
        "container-software",
        lambda: container_software.collect(proc, discovered, catalog, deadline=collecting.deadline),
        empty=lambda result: "" if result.software else "the catalog knows none of the packages in containers",
        partial=lambda result: container_software.in_short(result.troubles),
    )
    return (*host, *inside.software) if inside else host


def _of_host(proc: Path, discovered: Collection[DiscoveredContainer]) -> list[int]:
    """The processes that run in no container."""
    theirs = {pid for container in discovered for pid in container.pids}
    return [pid for pid in programs.running(proc) if pid not in theirs]


def _sdks(
    request: Request,
    installed: tuple[Software, ...],
    catalog: Catalog,
    seen: containers.Seen | None,
    collecting: Collecting,
) -> sdks.Found | None:
    discovered = seen.discovered if seen else ()
    proc = request.root / "proc"

    def look() -> sdks.Found:
        return sdks.collect(
            request.root,
            proc,
            pids=_of_host(proc, discovered),
            containers=discovered,
            installed=installed,
            catalog=catalog,
            request=request.sdks,
            deadline=collecting.deadline,
        )

    # Libraries may lie on a share whose server is gone: whoever opens them there waits without end.
    return collecting.run(
        "sdks",
        lambda: Background("sdks", look).result(collecting.left_s + HANGING_S),
        empty=lambda result: "" if any(entry.sdk for entry in result.software) else "no AWS SDKs were found",
        partial=lambda result: result.partial,
    )


def _with_sdks(found: tuple[Container, ...], in_use: sdks.Found | None) -> tuple[Container, ...]:
    if in_use is None:
        return found
    return tuple(replace(container, sdks=in_use.in_containers.get(container.id, ())) for container in found)


def _callers(request: Request, watching: Background[callers.Watched] | None, collecting: Collecting) -> Callers | None:
    watched = None
    if watching is not None:
        watched = collecting.run(
            "watch",
            lambda: watching.result(collecting.left_s + HANGING_S),
            partial=lambda result: result.degraded,
        )
    return collecting.run(
        "callers",
        lambda: callers.collect(request.callers, watched),
        empty=lambda result: callers.NOBODY if result is None else "",
    )


def _with_metric(
    request: Request,
    calling: Callers | None,
    instance: Instance | None,
    counter: RequestCounter,
    collecting: Collecting,
) -> Callers | None:
    """CloudWatch's own count beside ours, where a daemon has watched."""
    if calling is None or instance is None or request.callers.compare is None:
        return calling

    def ask() -> MetricCompared | str:
        return metadata_no_token.collect(request.callers, instance, request.environ, counter)

    def why_none(result: MetricCompared | str) -> str:
        return result if isinstance(result, str) else ""

    found = collecting.run("metadata-no-token", ask, empty=why_none)
    return replace(calling, metric=found) if isinstance(found, MetricCompared) else calling


def _with_calls(found: tuple[Container, ...], calling: Callers | None) -> tuple[Container, ...]:
    if calling is None:
        return found
    counts = Counter[str]()
    for each in calling.by:
        counts[each.container or ""] += each.count
    return tuple(replace(container, calls_seen=counts[title(container)]) for container in found)


def _with_available(request: Request, facts: Facts, catalog: Catalog, collecting: Collecting) -> Facts:
    """Whether the repositories help is only asked where something has to be upgraded: that takes a second."""
    old = [entry for entry in facts.software if requirement(entry, facts, catalog).status in ("too-old", "unknown")]
    if not any(entry.container is None and entry.manager in available.MANAGERS for entry in old):
        return facts
    found = collecting.run("repositories", lambda: available.with_available(facts.software, old, request.root))
    return replace(facts, software=found or facts.software, collectors=collecting.runs)


def _concerns_containers(imds: Imds, endpoints: Endpoints) -> bool:
    """Where nothing is on, or nobody else can reach it, what is in a container's way is no question."""
    return imds.endpoint != "disabled" and not endpoints.on_loopback


def _containers(
    request: Request, endpoints: Endpoints, imds: Imds | None, counter: RequestCounter, collecting: Collecting
) -> containers.Seen | None:
    if imds is None or not _concerns_containers(imds, endpoints):
        return None
    return collecting.run(
        "containers",
        lambda: containers.collect(request.root, endpoints, imds, deadline=collecting.deadline, counter=counter),
        empty=lambda result: "" if result.containers or result.unseen else "no containers run here",
        partial=lambda result: "; ".join((*result.unseen, *result.skipped)),
    )


def _obstacles_on_host(
    request: Request, imds: Imds | None, endpoints: Endpoints, collecting: Collecting
) -> tuple[PathObstacle, ...]:
    if imds is None or not _concerns_containers(imds, endpoints):
        return ()
    found = collecting.run(
        "obstacles",
        lambda: obstacles.on_host(request.root, imds, deadline=collecting.deadline),
        partial=lambda result: "; ".join(result.unread),
    )
    return found.obstacles if found else ()


def _obstacles_in_containers(
    request: Request, seen: containers.Seen, collecting: Collecting
) -> tuple[PathObstacle, ...]:
    found = collecting.run(
        "container-obstacles",
        lambda: obstacles.in_containers(request.root, seen, deadline=collecting.deadline),
        partial=lambda result: "; ".join(result.unread),
    )
    return found.obstacles if found else ()


def _ask_service(
    request: Request, endpoints: Endpoints, counter: RequestCounter, collecting: Collecting
) -> tuple[Imds | None, Instance | None]:
    asked = collecting.run(
        "options",
        lambda: options.collect(
            endpoints, deadline=collecting.deadline, counter=counter, v1_probe_allowed=request.v1_probe
        ),
    )
    if asked is None:
        return None, None
    imds, instance, missing = asked
    collecting.note("identity", "nothing" if missing else "ok", missing)
    return imds, instance
