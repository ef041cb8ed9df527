"""Who made a user namespace: whoever did has every right in it, and over what was made in it. Source: ioctl_ns(2)."""

from __future__ import annotations

import errno
import fcntl
import os
import sys

NS_GET_PARENT, NS_GET_OWNER_UID = 0xB702, 0xB704  # <linux/nsfs.h>
DEPTH_MAX = 33  # the kernel lets 32 be nested: user_namespaces(7)


def outermost_maker(fd: int) -> int | None:
    """Of the user namespaces around and including this one, below the caller's own: who made the outermost, by the caller's
    numbers. None for the caller's own and what is not below it, and where the kernel does not say (before Linux 4.11).

    `fd` is of a user namespace, and stays open.
    """
    try:
        return next(reversed(makers(fd)), None)
    except OSError:
        return None


def makers(fd: int) -> list[int]:
    """The same for all of them, the innermost first. Raises OSError where the kernel does not say."""
    found: list[int] = []
    here = os.dup(fd)
    try:
        for _ in range(DEPTH_MAX):
            try:
                around = fcntl.ioctl(here, NS_GET_PARENT)
            except OSError as error:
                if error.errno != errno.EPERM:  # EPERM: the parent is not the caller's to see
                    raise
                break
            try:
                answer = bytearray(4)
                fcntl.ioctl(here, NS_GET_OWNER_UID, answer)
                found.append(int.from_bytes(answer, sys.byteorder))
            finally:
                os.close(here)
                here = around
        return found
    finally:
        os.close(here)
