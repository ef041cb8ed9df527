"""Who may put processes into a control group: the kernel asks who owns its directory, whatever its name says.

Root hands a part of the tree to a user by giving him a directory: systemd does it for user managers and for units with
`Delegate=` and `User=`, others by chown. What is below it he may name as he likes: cgroups(7), "Delegation".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imds_probe.system.door import FileStatus
from imds_probe.system.local_files import LocalFiles
from imds_probe.system.rootfs import FileUnreadable, file_system, status

_MAGIC = (0x27E0EB, 0x63677270)  # CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC: <linux/magic.h>
_HERE = LocalFiles()
Look = Callable[[Path, str], FileStatus | None]
MOUNTED = "/sys/fs/cgroup"
# Of a hierarchy (its number and its controllers, as /proc/PID/cgroup has them) and a path in it, by its names: 0 where all of
# its directories are root's, otherwise the user who owns the first that is not; None where that cannot be seen.
OwnerOf = Callable[[str, str, Sequence[str]], int | None]


class GroupOwners:
    """What the control groups below `root` say, each directory looked at once. Made anew for each look: directories are handed
    over, and others come in their place.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._uids: dict[str, int | None] = {}
        self._answering: dict[str, bool] = {}

    def owner(self, hierarchy: str, controllers: str, names: Sequence[str]) -> int | None:
        """An OwnerOf."""
        base = next((place for place in _mounted(hierarchy, controllers) if self._uid(place) is not None), None)
        if base is None or ".." in names:  # what is above the reader's own control group namespace has no names
            return None
        path = base
        look = _HERE.status if self._is_the_kernels(base) else status
        for name in names:
            path = f"{path}/{name}"
            uid = self._uid(path, look)
            if uid != 0:
                return uid
        return 0

    def _is_the_kernels(self, base: str) -> bool:
        """Whether control groups are mounted there: the kernel answers at once, and a busy host has many of them. Below a root it
        may be any directory, on whatever somebody mounted.
        """
        if base not in self._answering:
            try:
                found = file_system(self._root, base)
            except FileUnreadable:
                found = None
            self._answering[base] = found is not None and found.magic in _MAGIC
        return self._answering[base]

    def _uid(self, path: str, look: Look = status) -> int | None:
        if path not in self._uids:
            try:
                found = look(self._root, path)
            except FileUnreadable:
                found = None
            self._uids[path] = None if found is None else found.st_uid
        return self._uids[path]


def _mounted(hierarchy: str, controllers: str) -> Iterator[str]:
    """Where a hierarchy may be: version 2 alone or beside version 1; one of version 1 by a name of its own or by all of its
    controllers.
    """
    if controllers:
        yield f"{MOUNTED}/{controllers.removeprefix('name=')}"
        yield f"{MOUNTED}/{controllers.partition(',')[0]}"
    elif hierarchy == "0":
        yield f"{MOUNTED}/unified"
        yield MOUNTED
