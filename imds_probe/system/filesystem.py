"""What kind of file system something is on, and how much room it has."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileSystem:
    """`magic` is f_type of statfs(2); `free_bytes` are those that are free for whoever is not root."""

    magic: int
    free_bytes: int
    size_bytes: int

    @staticmethod
    def of(descriptor: int) -> FileSystem:
        """The one that something is on which is held open. Raises OSError."""
        said = os.fstatvfs(descriptor)
        return FileSystem(magic(descriptor), said.f_bavail * said.f_frsize, said.f_blocks * said.f_frsize)


_LIBC = ctypes.CDLL(None, use_errno=True)


def magic(fd: int) -> int:
    """f_type of fstatfs(2), the first field of struct statfs and a long; os.fstatvfs leaves it out. Raises OSError."""
    answer = (ctypes.c_long * 32)()  # 256 bytes; the structure has 120 on 64-bit Linux
    if _LIBC.fstatfs(fd, ctypes.byref(answer)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(answer[0])
