"""Landlock, where the kernel has it (Linux 5.13): this process gives up all of the file system, and what else it can.

Source: landlock(7), <linux/landlock.h>. A domain keeps from /proc/PID/root of others, which is why the opener has none.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

CREATE_RULESET, RESTRICT_SELF = 444, 446  # the same on every architecture: <asm-generic/unistd.h>
VERSION_FLAG = 1  # LANDLOCK_CREATE_RULESET_VERSION
# How many rights over files each version of the interface knows; all of them are given up.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NET_RIGHTS, NET_SINCE = 0b11, 4  # binding and connecting by TCP
SCOPES, SCOPES_SINCE = 0b11, 6  # abstract UNIX sockets and signals outside of the domain
_UNAVAILABLE = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)  # not built in, switched off, kept from us by a filter


def give_up_everything() -> bool:
    """Whether there was Landlock to do it with. No new privileges must have been promised before. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG)
    if version < 1:
        if ctypes.get_errno() in _UNAVAILABLE:
            return False
        raise _error("no version")
    ruleset = libc.syscall(CREATE_RULESET, *_handled(version), 0)
    if ruleset < 0:
        raise _error("no rules")
    try:
        if libc.syscall(RESTRICT_SELF, ruleset, 0):
            raise _error("no restriction")
    finally:
        os.close(ruleset)
    return True


def _handled(version: int) -> tuple[bytes, int]:
    """struct landlock_ruleset_attr as this version knows it, and its size: every right that is given up."""
    files = (1 << FILE_RIGHTS[min(version, max(FILE_RIGHTS))]) - 1
    fields = [files]
    if version >= NET_SINCE:
        fields.append(NET_RIGHTS)
    if version >= SCOPES_SINCE:
        fields.append(SCOPES)
    handled = struct.pack(f"={len(fields)}Q", *fields)
    return handled, len(handled)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"Landlock gives {what}: {os.strerror(number)}")
