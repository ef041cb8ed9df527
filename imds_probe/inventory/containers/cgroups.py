"""Which container, pod and unit a process belongs to, by the paths of its control groups: no runtime has to be asked.

A path is read segment by segment, because containers nest (`/docker/OUTER/kubepods/pod.../INNER`) and the innermost one
is where a process runs. Paths may start with `/../..` where the reader has a cgroup namespace of its own:
cgroup_namespaces(7).

A name is what whoever made the group chose. It says something of root's container or of the system's unit only where nobody
but root may make groups: not in a user's slice, and nowhere below a directory that was handed to a user.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import of_user
from imds_probe.inventory.containers.group_owners import OwnerOf

KNOWN_MAX, KNOWN_TEXT_MAX = 2048, 4096  # how many texts are kept as they were read, and of how many characters
NAMES_MAX = 128  # looked at of one path: whoever goes deeper stays where he was before
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
_USER_MANAGER = re.compile(r"user@(\d{1,10})\.service")
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
    """What one process's control groups say. `chain` goes from the outermost container to the innermost.

    `owner_uid` is the unprivileged user who chose these names, or may have; None: root did. `unit` is the systemd service
    outside of any container; see `unit_of_user` for a user's. Where `by_name_alone`, only the names say that root made the
    container, and a unit is above it, which may have been handed to a user.
    """

    chain: tuple[ContainerId, ...] = ()
    pod_uid: str | None = None
    unit: str | None = None
    owner_uid: int | None = None
    pair: tuple[str, str] | None = None  # a path of just two segments: /NAMESPACE/ID, if a containerd bundle says so
    by_name_alone: bool = False
    by_root: bool = False  # the owners of all directories above the container say so

    @property
    def is_of_root(self) -> bool:
        """Whether it is a container of root's by all that is to be seen, whosever the process is."""
        return bool(self.chain) and self.owner_uid is None and not self.by_name_alone

    @property
    def container(self) -> ContainerId | None:
        """The innermost container."""
        return self.chain[-1] if self.chain else None


def unit_of_user(uid: int, unit: str) -> str:
    """How a unit of a user's own manager is written, so that it is never taken for the system's of the same name."""
    return f"{of_user(uid)}: {unit}"


def container_of(cgroup: str) -> ContainerId | None:
    """Read the text of /proc/PID/cgroup; None for a process outside of containers."""
    return membership_of(cgroup).container


def _not_seen(hierarchy: str, controllers: str, names: Sequence[str]) -> int | None:
    return None


def membership_of(cgroup: str, owner_of: OwnerOf = _not_seen) -> Membership:
    """Read the text of /proc/PID/cgroup. Lines are `hierarchy:controllers:path`: cgroups(7). `owner_of` says who may have
    made a group; where it does not know, names do.

    Under cgroup v1 the hierarchies may disagree: of those in which root alone makes groups, the one that says most about
    containers decides, of the others only where none of these says anything.
    """
    lines = _lines if len(cgroup) <= KNOWN_TEXT_MAX else _lines.__wrapped__
    found = [_judged(line, owner_of) for line in lines(cgroup)]
    best = max(
        found,
        key=lambda each: (bool(each.chain), each.owner_uid is None, len(each.chain), each.pod_uid is not None),
        default=Membership(),
    )
    owner = next((each.owner_uid for each in found if each.owner_uid is not None), None)
    return Membership(
        best.chain,
        best.pod_uid,
        next((each.unit for each in found if each.unit), None),
        best.owner_uid if best.chain else owner,
        None if best.chain else next((each.pair for each in found if each.pair), None),
        best.by_name_alone,
        best.by_root,
    )


class Memberships:
    """What control groups say in one look, each text of theirs judged once: all processes of a container share it."""

    def __init__(self, owner_of: OwnerOf) -> None:
        self._owner_of = owner_of
        self._known: dict[str | None, Membership] = {None: Membership()}

    def of(self, cgroup: str | None) -> Membership:
        """By the text of /proc/PID/cgroup; None where that could not be read."""
        found = self._known.get(cgroup)
        if found is None:
            found = membership_of(cgroup or "", self._owner_of)
            if len(self._known) < KNOWN_MAX and len(cgroup or "") <= KNOWN_TEXT_MAX:
                self._known[cgroup] = found
        return found


@dataclass(frozen=True)
class _Line:
    """One line, by its names. `user` is whose slice or manager it is below. The container's names begin at `container_at`, the
    unit's at `unit_at`, each as an index of `names`.
    """

    hierarchy: str
    controllers: str
    names: tuple[str, ...]  # with "..", but nothing else that is no name
    chain: tuple[ContainerId, ...]
    container_at: int
    pod_uid: str | None
    unit: str | None
    unit_at: int
    user: int | None


def _judged(line: _Line, owner_of: OwnerOf) -> Membership:
    at = line.container_at if line.chain else line.unit_at if line.unit else len(line.names)
    uid = owner_of(line.hierarchy, line.controllers, line.names[:at])
    if not uid and line.user is not None and not (line.chain and uid == 0):
        uid = line.user  # a container in his slice may be root's, but root alone can have made it then
    unit = line.unit
    if unit is not None:
        by = owner_of(line.hierarchy, line.controllers, line.names[: line.unit_at])
        unit = unit_of_user(by or line.user or 0, unit) if by or line.user is not None else unit
    names = [name for name in line.names if name != ".."]
    pair = (names[0], names[1]) if len(names) == 2 and not line.chain and not uid else None
    return Membership(
        line.chain,
        line.pod_uid,
        unit,
        uid or None,
        pair,
        by_name_alone=bool(line.chain) and uid is None and line.unit is not None,
        by_root=bool(line.chain) and uid == 0,
    )


@functools.lru_cache(maxsize=KNOWN_MAX)
def _lines(cgroup: str) -> tuple[_Line, ...]:
    found = []
    for line in cgroup.split("\n"):  # and at nothing else: names may hold every other separator
        fields = line.split(":", 2)
        if len(fields) == 3:
            names = tuple(part for part in fields[2].split("/") if part not in ("", "."))
            found.append(_read(fields[0], fields[1], names[:NAMES_MAX]))
    return tuple(found)


def _read(hierarchy: str, controllers: str, names: tuple[str, ...]) -> _Line:
    chain: list[ContainerId] = []
    pod_uid, unit, user = None, None, None
    container_at = unit_at = 0
    above = sum(name == ".." for name in names)  # they stand at the beginning
    since = above  # where the innermost container's own groups begin
    for index, name in enumerate(names[above:], above):
        following = names[index + 1] if index + 1 < len(names) else None
        ancestors = list(names[since:index])
        found = _container(name, ancestors, following)
        if found and chain and found.id == chain[-1].id:
            since = index + 1  # a runtime's own subgroup, such as libpod-ID.scope/libpod-payload-ID
        elif found:
            container_at = container_at if chain else index
            chain.append(ContainerId(found.runtime, found.id[:TEXT_MAX]))
            pod_uid, since = _pod_of(ancestors), index + 1
        elif not chain and unit is None:  # a unit's own groups are no units, whatever they are called
            if manager := _USER_MANAGER.fullmatch(name):
                user = int(manager[1]) if user is None else user
            elif name.endswith(".service"):
                unit, unit_at = _unescaped(name)[:TEXT_MAX], index
            elif user is None and (match := _USER.fullmatch(name)) and ancestors in ([], ["user.slice"]):
                user = int(match[1])
    if not chain:
        pod_uid = _pod_of(names)
    return _Line(hierarchy, controllers, names, tuple(chain), container_at, pod_uid, unit, unit_at, user)


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


def _pod_of(segments: Sequence[str]) -> str | None:
    for segment in reversed(segments):
        if match := _POD.fullmatch(segment):
            return match["uid"].replace("_", "-")  # a hyphen separates levels in the name of a slice
    return None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
