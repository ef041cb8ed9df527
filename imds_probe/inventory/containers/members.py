"""Which processes make which container, and by which of them it is entered.

A container is what root, or one user, calls so. Processes that only root can have put together belong together, whatever
users and namespaces they have: a second program in a container, the sidecars of a pod. What a user put together is his, and
his own processes alone are in it: nobody else's are taken for a part of it, and it is taken for nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.containers import identity
from imds_probe.inventory.containers.cgroups import ContainerId, Membership
from imds_probe.inventory.containers.processes import Process

HasBundle = Callable[[str, str], bool]  # whether containerd runs a container of this name in this namespace


@dataclass(frozen=True)
class Key:
    """A container: whose it is (None: root's), and its chain, as a container that has control groups of its own can name one
    after somebody else's container, but only below itself.
    """

    owner_uid: int | None
    chain: tuple[ContainerId, ...]

    @property
    def inside(self) -> str | None:
        """The identity of the container around it."""
        around = None
        for outer in self.chain[:-1]:
            around = identity(outer.id, self.owner_uid, around)
        return around

    @property
    def identity(self) -> str:
        """The identity of the container."""
        return identity(self.chain[-1].id, self.owner_uid, self.inside)

    @property
    def outer(self) -> Key:
        """The container around it; only for one that has one."""
        return Key(self.owner_uid, self.chain[:-1])


def members(
    processes: Iterable[Process],
    orphans: Mapping[int, tuple[int | None, ContainerId]],
    has_bundle: HasBundle,
    host_mntns: int | None,
) -> dict[Key, list[Process]]:
    """Containers with their processes, in the order of `processes`. `orphans` are the children of conmon by number, `host_mntns`
    the mount namespace of the system.
    """
    found: dict[Key, list[Process]] = {}
    known: dict[str, Key] = {}  # one id may be spelled as two runtimes' do
    for process in processes:
        key = _key(process, orphans, has_bundle, host_mntns)
        if key is not None and (key.owner_uid is None or process.is_of_user(key.owner_uid)):
            found.setdefault(known.setdefault(key.identity, key), []).append(process)
    return found


def key_of(place: Membership, real_uid: int) -> Key | None:
    """The container of a process of which only its control groups and its user are known; None outside of any."""
    if not place.chain:
        return None
    unsure = place.owner_uid is None and place.by_name_alone
    return Key(real_uid or None if unsure else place.owner_uid, place.chain)


def _key(
    process: Process,
    orphans: Mapping[int, tuple[int | None, ContainerId]],
    has_bundle: HasBundle,
    host_mntns: int | None,
) -> Key | None:
    place = process.membership
    if place.chain:
        return Key(_owner(process, host_mntns), place.chain)
    if process.pid in orphans:
        owner, container = orphans[process.pid]
        return Key(owner, (container,))
    if place.pair and place.owner_uid is None and has_bundle(*place.pair):
        return Key(None, (ContainerId("containerd", place.pair[1]),))
    return None


def _owner(process: Process, host_mntns: int | None) -> int | None:
    """Whose a container is. A unit's own groups may be those of the user whose unit it is. Where nobody can look at their
    owners, a runtime of root is known by its making: it makes user and mount namespaces as root.
    """
    place = process.membership
    if place.owner_uid is not None or not place.by_name_alone:
        return place.owner_uid
    if process.userns_maker:
        return process.userns_maker
    stayed = host_mntns is None or process.mntns in (None, host_mntns)
    return process.real_uid or None if stayed else None


def settled(processes: Sequence[Process], host_mntns: int | None) -> list[Process]:
    """Those that are where they belong. runc's first processes are in the control group before they are in the namespaces;
    what calls itself so later is in them.
    """
    return [each for each in processes if not (each.comm.startswith("runc:[") and each.mntns == host_mntns)]


def entry(key: Key, processes: Sequence[Process], is_first: Callable[[Process], bool]) -> Process | None:
    """The process to enter a container by, of its settled ones, the oldest first: the one that root's record names, or else
    the oldest. None where there is none that is surely whose the container is.
    """
    seen = [process for process in processes if process.netns is not None] or list(processes)
    if key.owner_uid is not None:
        return seen[0] if seen else None
    of_root = [process for process in seen if not process.userns_maker]
    named = [process for process in seen if is_first(process)]
    if named:
        return named[0]
    if of_root:
        return of_root[0]
    # All of them have namespaces that a user made: a container may have done that itself, if root alone can fill it.
    return next((process for process in seen if process.membership.by_root), None)
