"""Which container, pod and unit a process belongs to, by the paths of its control groups: no runtime has to be asked.

A path is read segment by segment, because containers nest (`/docker/OUTER/kubepods/pod.../INNER`) and the innermost one
is where a process runs. Paths may start with `/../..` where the reader has a cgroup namespace of its own:
cgroup_namespaces(7).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

TEXT_MAX = 256  # characters kept of a name that a container may have chosen

_HEX = r"(?P<id>[0-9a-f]{64})"
# Each runtime's own spelling, under cgroupfs and under systemd; cgroup v1 and v2 share them.
_SPELLINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("docker", re.compile(rf"docker-{_HEX}\.scope")),
    ("podman", re.compile(rf"libpod-(?:payload-)?{_HEX}(?:\.scope)?")),
    ("cri-o", re.compile(rf"crio-{_HEX}(?:\.scope)?")),
    ("containerd", re.compile(rf"(?:cri-containerd|nerdctl)-{_HEX}(?:\.scope)?")),
)
# `slice:prefix:name` is meant for systemd; it becomes a directory of that name where only the runtime uses cgroupfs.
_UNPARSED = re.compile(rf"[^:]+:(?P<prefix>docker|libpod|crio|cri-containerd|nerdctl):{_HEX}")
_PREFIXES = {"docker": "docker", "libpod": "podman", "crio": "cri-o"}
_BARE = re.compile(_HEX)
_ECS_V4 = re.compile(r"[0-9a-f]{32}-\d+")  # ECS tasks that are not run by Docker: 32 hex digits and a number
_BUILD_STEP = re.compile(r"[0-9a-z]{25}")  # what BuildKit names the container of one RUN line
_POD = re.compile(r"(?:.*-)?pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?")
_LXC = re.compile(r"lxc\.payload\.(?P<id>.+)")
_MACHINE = re.compile(r"machine-(?P<id>.+)\.scope")
_NSPAWN_UNIT = re.compile(r"systemd-nspawn@(?P<id>.+)\.service")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")  # systemd.unit(5), string escaping
_USER = re.compile(r"user-(\d{1,10})\.slice")
_USER_MANAGER = re.compile(r"user@\d+\.service")
_KEEPER = "supervisor"  # where systemd-nspawn itself stays, beside "payload"


@dataclass(frozen=True)
class ContainerId:
    """A container by its runtime's own id. Both come from a path that the container may have influenced.

    `runtime` is "kubernetes" or "unknown" where the path has an id but does not say who made it.
    """

    runtime: str
    id: str


@dataclass(frozen=True)
class Membership:
    """What one process's control groups say. `chain` goes from the outermost container to the innermost."""

    chain: tuple[ContainerId, ...] = ()
    pod_uid: str | None = None
    unit: str | None = None  # the innermost systemd service outside of any container
    owner_uid: int | None = None  # whose user slice it is in; rootless containers run under other uids
    pair: tuple[str, str] | None = None  # a path of just two segments: /NAMESPACE/ID, if a containerd bundle says so

    @property
    def container(self) -> ContainerId | None:
        """The innermost container."""
        return self.chain[-1] if self.chain else None


def container_of(cgroup: str) -> ContainerId | None:
    """Read the text of /proc/PID/cgroup; None for a process outside of containers."""
    return membership_of(cgroup).container


@functools.lru_cache(maxsize=4096)
def membership_of(cgroup: str) -> Membership:
    """Read the text of /proc/PID/cgroup. Lines are `hierarchy:controllers:path`: cgroups(7).

    Under cgroup v1 the hierarchies may disagree: the one that says most about containers decides.
    """
    best = Membership()
    unit, owner, pair = None, None, None
    for line in cgroup.split("\n"):  # and at nothing else: names may hold every other separator
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        segments = [part for part in fields[2].split("/") if part not in ("", "..", ".")]
        found = _read(segments)
        if (len(found.chain), found.pod_uid is not None) > (len(best.chain), best.pod_uid is not None):
            best = found
        unit, owner, pair = unit or found.unit, owner if owner is not None else found.owner_uid, pair or found.pair
    return Membership(best.chain, best.pod_uid, unit, owner, None if best.chain else pair)


def _read(segments: list[str]) -> Membership:
    chain: list[ContainerId] = []
    pod_uid, unit, owner = None, None, None
    since = 0  # where the innermost container's own groups begin
    for index, segment in enumerate(segments):
        following = segments[index + 1] if index + 1 < len(segments) else None
        ancestors = segments[since:index]
        found = _container(segment, ancestors, following)
        if found and chain and found.id == chain[-1].id:
            since = index + 1  # a runtime's own subgroup, such as libpod-ID.scope/libpod-payload-ID
        elif found:
            chain.append(ContainerId(found.runtime, found.id[:TEXT_MAX]))
            pod_uid, since = _pod_of(ancestors), index + 1
        elif not chain:
            if segment.endswith(".service") and not _USER_MANAGER.fullmatch(segment):
                unit = _unescaped(segment)[:TEXT_MAX]
            if match := _USER.fullmatch(segment):
                owner = int(match[1])
    if not chain:
        pod_uid = _pod_of(segments)
    pair = (segments[0], segments[1]) if len(segments) == 2 and not chain else None
    return Membership(tuple(chain), pod_uid, unit, owner, pair)


def _container(segment: str, ancestors: list[str], following: str | None) -> ContainerId | None:
    for runtime, spelling in _SPELLINGS:
        if match := spelling.fullmatch(segment):
            # An ECS task of the systemd driver is /ecstasks.slice/ecstasks-TASK.slice/docker-ID.scope.
            return ContainerId("ecs" if _in_ecs(ancestors) else runtime, match["id"])
    if match := _UNPARSED.fullmatch(segment):
        return ContainerId(_PREFIXES.get(match["prefix"], "containerd"), match["id"])
    parent = ancestors[-1] if ancestors else ""
    if _BARE.fullmatch(segment) or (_in_ecs(ancestors) and _ECS_V4.fullmatch(segment)):
        return ContainerId(_maker(ancestors), segment)
    if parent == "buildkit" and _BUILD_STEP.fullmatch(segment):
        return ContainerId("docker", segment)
    return _system_container(segment, parent, following)


def _system_container(segment: str, parent: str, following: str | None) -> ContainerId | None:
    """Containers that run a whole system. Their names are free text, escaped by systemd where it made the group."""
    if match := _LXC.fullmatch(segment):
        return ContainerId("lxc", match["id"])
    if parent in ("lxc", "lxc.payload") and not segment.startswith("lxc."):
        return ContainerId("lxc", segment)
    if following == _KEEPER:
        return None
    if match := _MACHINE.fullmatch(segment):
        name = _unescaped(match["id"])
        if name.startswith("qemu-"):
            return None  # libvirt registers virtual machines in the same slice
        return ContainerId("lxc" if name.startswith("lxc-") else "nspawn", name)
    if (match := _NSPAWN_UNIT.fullmatch(segment)) and following is not None:
        return ContainerId("nspawn", _unescaped(match["id"]))  # directly in the unit is systemd-nspawn itself
    return None


def _maker(ancestors: list[str]) -> str:
    """Who made a group that is named by a bare id, by what is above it."""
    parent = ancestors[-1] if ancestors else ""
    if _in_ecs(ancestors):
        return "ecs"
    if parent in ("docker", "buildkit", "moby"):
        return "docker"
    if _POD.fullmatch(parent) or any("kubepods" in part for part in ancestors):
        return "kubernetes"
    if parent in ("default", "k8s.io"):
        return "containerd"
    return "unknown"


def _in_ecs(ancestors: list[str]) -> bool:
    return any(part == "ecs" or part.startswith("ecstasks") for part in ancestors)


def _pod_of(segments: list[str]) -> str | None:
    for segment in reversed(segments):
        if match := _POD.fullmatch(segment):
            return match["uid"].replace("_", "-")  # a hyphen separates levels in the name of a slice
    return None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
