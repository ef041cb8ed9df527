"""The probe's own software, which is nobody's concern: its package, its runtime on disk, and processes that run it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

import imds_probe
from imds_probe.dataclass import dataclass
from imds_probe.system import rootfs

# Where its packages and its image have an interpreter and libraries of its own: packaging/architectures.py.
RUNTIME = "/usr/lib/imds-probe"
# What an interpreter is told to run: the program, or the module after -m.
_NAMES = frozenset({"imds-probe", "imds_probe"})


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
        return any(posixpath.basename(each) in _NAMES for each in scripts) and bool(self.in_root(root))


def own_package() -> OwnPackage | None:
    """That of the probe which runs here; None where it lies in no file."""
    try:
        status = os.stat(imds_probe.__file__)
    except OSError:
        return None
    return OwnPackage(str(Path(imds_probe.__file__).parent), imds_probe.__file__, status.st_dev, status.st_ino)
