"""The probe's own software, which is nobody's concern: its runtime on disk, and processes that run the probe."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

import imds_probe
from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.running import Running
from imds_probe.system import rootfs

# Where its packages and its image have an interpreter and libraries of its own: packaging/architectures.py.
RUNTIME = "/usr/lib/imds-probe"
# What an interpreter is told to run: the program, or the module after -m.
_NAMES = frozenset({"imds-probe", "imds_probe"})


@dataclass(frozen=True)
class OwnFile:
    """A file of the probe's package, by which it is known again where the same file is at the same path."""

    path: str
    device: int
    inode: int

    def is_there(self, root: Path) -> bool:
        """Whether the system below `root` has it."""
        try:
            found = rootfs.status(root, self.path)
        except rootfs.FileUnreadable:
            return False
        return found is not None and (found.st_dev, found.st_ino) == (self.device, self.inode)

    def runs_in(self, running: Running, root: Path) -> bool:
        """Whether a process is the probe. The name alone is nothing to go by: whoever wants to be passed over has the probe
        itself where it lies, and hides no more than this one process.
        """
        return any(posixpath.basename(each) in _NAMES for each in running.scripts) and self.is_there(root)


def own_file() -> OwnFile | None:
    """That of the package which runs here; None where it lies in no file."""
    try:
        status = os.stat(imds_probe.__file__)
    except OSError:
        return None
    return OwnFile(imds_probe.__file__, status.st_dev, status.st_ino)
