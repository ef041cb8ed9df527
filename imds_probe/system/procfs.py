"""Where the processes of a system are listed, and which there are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from imds_probe.system import rootfs

MAGIC = 0x9FA0  # PROC_SUPER_MAGIC, <linux/magic.h>
NOWHERE = Path("/dev/null/proc")
_PID = re.compile(r"[1-9][0-9]{0,9}")  # isdigit() would also take digits that int() does not


def below(root: Path) -> Path:
    """The proc file system that is mounted below a root; NOWHERE, where there is nothing, if none is.

    What lies there besides could be anybody's, with links to this system's own files in the places of processes.
    """
    if root == Path("/"):
        return root / "proc"
    try:
        found = rootfs.file_system(root, "proc")
    except rootfs.FileUnreadable:
        return NOWHERE
    # What is mounted there answers by now: the kernel does.
    is_proc = found is not None and found.magic == MAGIC and not (root / "proc").is_symlink()
    return root / "proc" if is_proc else NOWHERE


def processes(proc: Path) -> list[int]:
    """The processes there are, by number. Raises OSError."""
    with os.scandir(proc) as entries:
        return sorted(int(entry.name) for entry in entries if _PID.fullmatch(entry.name))
