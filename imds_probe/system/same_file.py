"""Which file a path leads to, without asking a file system that may not answer: what the kernel knows of it suffices.

Source: statx(2), AT_STATX_DONT_SYNC; Linux, include/uapi/linux/stat.h. stat(2) asks the server of a network file system, and
the program of one in user space, which may be anybody's.
"""

from __future__ import annotations

import ctypes
import os
import struct

from imds_probe.system.door import Identity

# A system call, as glibc has had it since 2.28 only.
_STATX = {"x86_64": 332, "aarch64": 291}.get(os.uname().machine)
AT_FDCWD, AT_STATX_DONT_SYNC, STATX_INO = -100, 0x4000, 0x100
_INODE_AT, _DEVICE_AT, _SIZE = 32, 136, 256  # of struct statx
_LIBC = ctypes.CDLL(None, use_errno=True)


def same_file(one: str, other: str) -> bool:
    """Whether both are there and lead to the same inode of the same device. False where the kernel cannot tell."""
    first = identity(one)
    return first is not None and first == identity(other)


def identity(path: str, directory: int = AT_FDCWD) -> Identity | None:
    """The file that a path leads to, which begins at a directory that is held open. None where there is none, or the kernel
    cannot tell.
    """
    found = ctypes.create_string_buffer(_SIZE)
    if _STATX is None or _LIBC.syscall(_STATX, directory, os.fsencode(path), AT_STATX_DONT_SYNC, STATX_INO, found):
        return None
    major, minor = struct.unpack_from("=II", found, _DEVICE_AT)
    (inode,) = struct.unpack_from("=Q", found, _INODE_AT)
    return major, minor, inode
