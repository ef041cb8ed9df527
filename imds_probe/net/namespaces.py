"""Network namespaces: which one a thread is in, entering one and coming back, sockets made inside one.

A network namespace belongs to a thread, not to a process. So /proc/self is the wrong place to look (it is the first
thread); /proc/thread-self is the calling one: namespaces(7), proc(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from imds_probe.errors import ProbeError
from imds_probe.system import user_namespace
from imds_probe.system.background import Background
from imds_probe.system.filesystem import magic

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
NSFS_MAGIC = 0x6E736673  # <linux/magic.h>
NS_GET_USERNS, NS_GET_NSTYPE = 0xB701, 0xB703  # <linux/nsfs.h>
NOBODY = 65534  # the user whom nobody here knows by a number: user_namespaces(7)
CURRENT = Path("/proc/thread-self/ns/net")

T = TypeVar("T")


class NamespaceError(ProbeError):
    """A network namespace could not be entered or looked at."""


class NamespaceGone(NamespaceError):
    """There is no such namespace, or no longer: its last process ended or its file was removed."""


class NamespaceRefused(NamespaceError):
    """The kernel does not let this process in."""


class NotANamespace(NamespaceError):
    """The path or descriptor is something else than a network namespace."""


class OwnerNotSaid(NamespaceError):
    """The kernel is older than the question who made a namespace: Linux 4.11."""


class LostInNamespace(RuntimeError):
    """The thread could not return to where it came from.

    Not a ProbeError on purpose: whatever this thread did next would happen in the wrong network.
    """


def open_netns(netns: Path | int) -> int:
    """Return a new descriptor of a network namespace, given as a path or as a descriptor; the caller closes it.

    Anything else than a namespace is refused before it is opened for reading, so that a FIFO cannot block and a
    device does nothing. Raises NamespaceGone, NamespaceRefused, NotANamespace.
    """
    try:
        pinned = os.open(netns, os.O_PATH | os.O_CLOEXEC) if isinstance(netns, Path) else os.dup(netns)
    except OSError as error:
        raise _translated(error, netns) from None
    try:
        if magic(pinned) != NSFS_MAGIC:
            raise NotANamespace(f"{_named(netns)} is not a namespace", "Give a file like /proc/PID/ns/net")
        # An O_PATH descriptor takes no ioctl. The detour reopens that very file, whatever the path leads to by now.
        opened = os.open(f"/proc/thread-self/fd/{pinned}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _translated(error, netns) from None
    finally:
        os.close(pinned)
    try:
        if fcntl.ioctl(opened, NS_GET_NSTYPE) != CLONE_NEWNET:
            raise NotANamespace(f"{_named(netns)} is a namespace of another kind", "Give a network namespace")
    except OSError as error:
        os.close(opened)
        raise _translated(error, netns) from None
    except NotANamespace:
        os.close(opened)
        raise
    return opened


def inode(netns: Path | int) -> int:
    """The inode number that names a network namespace for as long as it lives. Raises as open_netns does."""
    fd = open_netns(netns)
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


def owner_uid(netns: Path | int) -> int | None:
    """The user who rules over a network namespace without being root, None where root made it.

    A network namespace belongs to a user namespace, and whoever made that one, or one of those around it, has every right
    in it. The outermost maker counts; the probe's own user namespace and those around it are the system's. What dockerd
    makes for userns-remap is root's. Raises as open_netns does, and OwnerNotSaid.
    """
    here = open_netns(netns)
    try:
        around = fcntl.ioctl(here, NS_GET_USERNS)
        try:
            return next((uid for uid in reversed(user_namespace.makers(around)) if uid), None)
        finally:
            os.close(around)
    except OSError as error:
        if error.errno == errno.EPERM:
            return None  # it belongs to a user namespace around the probe's own
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            raise OwnerNotSaid(
                f"the kernel does not report who made {_named(netns)}", "Use Linux 4.11 or later"
            ) from None
        raise _translated(error, netns) from None
    finally:
        os.close(here)


def current_inode() -> int:
    """The inode number of the calling thread's network namespace."""
    return CURRENT.stat().st_ino


@contextlib.contextmanager
def enter(netns: Path | int) -> Iterator[None]:
    """Move the calling thread into a network namespace for the length of a `with` block. Needs CAP_SYS_ADMIN.

    Raises as open_netns does, and LostInNamespace where the way back is barred (privileges dropped inside the block).
    Other threads stay where they are; threads and processes started inside the block stay in the namespace.
    """
    target = open_netns(netns)
    try:
        home = open_netns(CURRENT)
        try:
            try:
                _setns(target)
            except OSError as error:
                raise _translated(error, netns) from None
            try:
                yield
            finally:
                try:
                    _setns(home)
                except OSError as error:
                    raise LostInNamespace(
                        f"thread {threading.get_native_id()} is stuck in {_named(netns)}: {error.strerror}"
                    ) from error
        finally:
            os.close(home)
    finally:
        os.close(target)


def call_in(netns: Path | int, function: Callable[[], T]) -> T:
    """Call `function` on a short-lived thread inside a network namespace; the calling thread never moves.

    Returns what it returns and raises what it raises, beside what `enter` raises.
    """

    def work() -> T:
        with enter(netns):
            return function()

    return Background("netns", work).result()


def socket_in(netns: Path | int, family: int, kind: int, proto: int = 0) -> socket.socket:
    """Make a socket inside a network namespace; it stays there, whichever thread uses it afterwards.

    `kind` is the socket type (SOCK_STREAM ...). Raises as `enter` does; NamespaceRefused also where the kind of socket
    needs a capability (packet and raw sockets: CAP_NET_RAW).
    """

    def make() -> socket.socket:
        try:
            return socket.socket(family, kind, proto)
        except OSError as error:
            raise _translated(error, netns) from None

    return call_in(netns, make)


def _setns(fd: int) -> None:
    if sys.version_info >= (3, 12):
        os.setns(fd, CLONE_NEWNET)
    else:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _named(netns: Path | int) -> str:
    return f"descriptor {netns}" if isinstance(netns, int) else str(netns)


def _translated(error: OSError, netns: Path | int) -> NamespaceError:
    name = _named(netns)
    if error.errno in (errno.ENOENT, errno.ESRCH):
        return NamespaceGone(f"the network namespace {name} is gone", "List those that exist with `lsns -t net`")
    if error.errno in (errno.EPERM, errno.EACCES):
        return NamespaceRefused(
            f"no permission for the network namespace {name}",
            "Run as root (CAP_SYS_ADMIN, CAP_NET_RAW)",
        )
    if error.errno == errno.EBADF:
        return NotANamespace(f"{name} is not open")
    return NamespaceError(f"the network namespace {name} cannot be used: {error.strerror}")
