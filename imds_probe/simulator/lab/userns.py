"""Makes a fresh user, network and mount namespace fit for a lab, then becomes the program named in its arguments.

privilege.py runs this file, in those namespaces, as `python -m`; nothing else has a use for it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from imds_probe.errors import ProbeError
from imds_probe.simulator.lab.naming import NETNS_DIRECTORY
from imds_probe.system import process

# Holds the inode number of the starter's mount namespace: proof that the mount below can only be seen from here.
OUTSIDE_MARKER = "IMDS_PROBE_OUTSIDE_MOUNT_NAMESPACE"
MS_NOSUID, MS_NODEV = 2, 4  # <linux/mount.h>


def mount_namespace() -> int:
    """The inode number of this process's mount namespace."""
    return Path("/proc/self/ns/mnt").stat().st_ino


def become(argv: Sequence[str]) -> NoReturn:
    """Mount an empty /run with a netns directory in it, raise the loopback, and run a program in place of this one.

    Raises ProbeError where this is not a mount namespace of its own: the /run of the machine is not touched.
    """
    outside = os.environ.pop(OUTSIDE_MARKER, "")
    if not outside.isdecimal() or int(outside) == mount_namespace():
        raise ProbeError(
            "this is not a mount namespace of its own, /run is left alone", "Use privilege.reexec_in_userns"
        )
    libc = ctypes.CDLL(None, use_errno=True)
    target = bytes(NETNS_DIRECTORY.parent)
    if libc.mount(b"tmpfs", target, b"tmpfs", ctypes.c_ulong(MS_NOSUID | MS_NODEV), b"mode=755"):
        raise ProbeError(f"an empty /run cannot be mounted: {os.strerror(ctypes.get_errno())}")
    NETNS_DIRECTORY.mkdir()
    done = process.run(["ip", "link", "set", "lo", "up"], timeout_s=10.0)
    if done.returncode:
        raise ProbeError(f"the loopback cannot be set up: {done.whole_stderr_line()}")
    os.execvp(argv[0], list(argv))  # noqa: S606 - an argument list, no shell


if __name__ == "__main__":
    become(sys.argv[1:])
