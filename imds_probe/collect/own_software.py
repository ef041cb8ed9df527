"""The probe's own software, which is nobody's concern: its package, its runtime on disk, and processes that run it.

There may be other copies of it than that which runs: a package in an image that is judged from outside, a container of it beside a
package, a new version that somebody tries.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

import imds_probe
from imds_probe.dataclass import dataclass
from imds_probe.system import rootfs
from imds_probe.system.unchanged import is_of_root

# Where its packages and its image have an interpreter and libraries of its own: packaging/architectures.py.
RUNTIME = "/usr/lib/imds-probe"
NAME = "imds_probe"
PACKAGED = f"{RUNTIME}/runtime/lib/python3/dist-packages/{NAME}"
# What an interpreter is told to run: the program, or the module after -m.
_NAMES = frozenset({"imds-probe", NAME})
# By these together it is known: in every release, and in no other package that is called so.
_FILES = ("__init__.py", "collect/own_software.py", "imds/client.py", "inventory/code/words.py", "rules/hop_limit.py")


@dataclass(frozen=True)
class OwnPackage:
    """The package that runs here: where it lies, and the file there by which it is known again. A system that has the same file
    at that place has the probe itself, and not one that is called so.
    """

    path: str
    marked_by: str
    device: int
    inode: int

    def in_root(self, root: Path) -> str:
        """Its place in a system below `root`; empty where there is another, or none."""
        try:
            found = rootfs.status(root, self.marked_by)
        except rootfs.FileUnreadable:
            return ""
        return self.path if found is not None and (found.st_dev, found.st_ino) == (self.device, self.inode) else ""

    def runs_in(self, scripts: Sequence[str], root: Path) -> bool:
        """Whether a process that may have been started with these scripts is the probe. Whoever is called so to be passed over has
        the probe itself where it lies, and hides no more than this one process.
        """
        called_so = any(posixpath.basename(each) in _NAMES for each in scripts)
        return called_so and (
            bool(self.in_root(root)) or any(is_copy(root, directory) for directory in {self.path, PACKAGED})
        )


@dataclass
class OwnFiles:
    """What is the probe's own in the system below a root: the package that runs here, and every copy of it."""

    root: Path
    own: OwnPackage | None = None
    _known: dict[str, bool] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Whether a file belongs to it."""
        within = f"/{NAME}/"
        ends = [at for at in range(len(path)) if path.startswith(within, at)] if within in path else ()
        return any(self._is_own(path[: at + len(within) - 1]) for at in ends)

    def _is_own(self, directory: str) -> bool:
        if directory not in self._known:
            runs = self.own is not None and self.own.path == directory and bool(self.own.in_root(self.root))
            self._known[directory] = runs or is_copy(self.root, directory)
        return self._known[directory]


def is_copy(root: Path, directory: str) -> bool:
    """Whether a directory in a system is the probe's package. Root alone can have put it there: what a user calls so is his own."""
    try:
        found = [rootfs.status(root, place) for place in (directory, *(f"{directory}/{name}" for name in _FILES))]
    except rootfs.FileUnreadable:
        return False
    there = [each for each in found if each is not None and is_of_root(each)]
    return len(there) == len(found) and all(stat.S_ISREG(each.st_mode) for each in there[1:])


def own_package() -> OwnPackage | None:
    """That of the probe which runs here; None where it lies in no file."""
    try:
        status = os.stat(imds_probe.__file__)
    except OSError:
        return None
    return OwnPackage(str(Path(imds_probe.__file__).parent), imds_probe.__file__, status.st_dev, status.st_ino)
