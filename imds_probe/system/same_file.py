"""Whether two paths are one file, without asking a file system that may not answer: what the kernel knows of it suffices.

Source: statx(2), AT_STATX_DONT_SYNC; Linux, include/uapi/linux/stat.h. stat(2) asks the server of a network file system, and
the program of one in user space, which may be anybody's.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_STATX = {"x86_64": 332, "aarch64": 291}  # system calls, as glibc has had it since 2.28 only
AT_FDCWD, AT_STATX_DONT_SYNC, STATX_INO = -100, 0x4000, 0x100
_INODE_AT, _DEVICE_AT, _SIZE = 32, 136, 256  # of struct statx


def same_file(one: str, other: str) -> bool:
    """Whether both are there and lead to the same inode of the same device. False where the kernel cannot tell."""
    first = _identity(one)
    return first is not None and first == _identity(other)


def _identity(path: str) -> tuple[int, int, int] | None:
    number = _STATX.get(platform.machine())
    found = ctypes.create_string_buffer(_SIZE)
    if number is None or ctypes.CDLL(None, use_errno=True).syscall(
        number, AT_FDCWD, os.fsencode(path), AT_STATX_DONT_SYNC, STATX_INO, found
    ):
        return None
    major, minor = struct.unpack_from("=II", found, _DEVICE_AT)
    (inode,) = struct.unpack_from("=Q", found, _INODE_AT)
    return major, minor, inode
