"""What kind of file system something is on."""

from __future__ import annotations

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)


def magic(fd: int) -> int:
    """f_type of fstatfs(2), the first field of struct statfs and a long; os.fstatvfs leaves it out. Raises OSError."""
    answer = (ctypes.c_long * 32)()  # 256 bytes; the structure has 120 on 64-bit Linux
    if _LIBC.fstatfs(fd, ctypes.byref(answer)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(answer[0])
