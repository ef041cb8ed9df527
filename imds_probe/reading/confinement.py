"""What a forked process gives up before it meets anything of a stranger's: descriptors, limits, capabilities, system calls."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
from collections.abc import Collection, Iterable
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.reading import landlock, seccomp
from imds_probe.reading.calls import ROLES

Role = Literal["opener", "parser"]
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE = 2, 19  # <linux/capability.h>
# Files that only root may read, and /proc/PID/root and the like of others. Parsing needs nothing.
CAPABILITIES: dict[Role, tuple[int, ...]] = {"opener": (CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE), "parser": ()}
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38  # <linux/prctl.h>
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
# Where no /proc says what this process has mapped, and which descriptors it holds: more than a run ever has.
MAPPED_BYTES, DESCRIPTORS_MAX = 512 << 20, 4096


@dataclass(frozen=True)
class Limits:
    """`memory_bytes` is what may come on top of what the process has as it is forked; `cpu_s` and `files` are all it gets."""

    memory_bytes: int
    cpu_s: int
    files: int


def detach(keep: Collection[int]) -> None:
    """Hold no descriptor but these: who waits for the end of a pipe waits for all that hold it. 0 to 2 lead nowhere, and
    none of `keep` may be one of these. A session of its own: what is typed at a terminal is not for it, and no handler of
    whoever forked it runs here.
    """
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):  # those that the C library keeps for itself
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    null = _nothing()
    for standard in range(3):
        os.dup2(null, standard)
    for held in _open_descriptors():
        if held > 2 and held not in keep:
            with contextlib.suppress(OSError):
                os.close(held)


def _nothing() -> int:
    """What nobody waits for. In a root without devices it is the end of a pipe that has no other."""
    try:
        return os.open(os.devnull, os.O_RDWR)
    except OSError:
        reading, writing = os.pipe()
        os.close(writing)
        return reading


def confine(role: Role, limits: Limits) -> None:
    """Give up for good whatever this role does not need. Raises OSError where the kernel can not hold us to it.

    Where Landlock or dropping capabilities is not to be had, the list of system calls alone keeps the same from us.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _limit(limits)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "new privileges cannot be given up")
    keep_capabilities(CAPABILITIES[role])
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if role == "parser":
        landlock.give_up_everything()
    seccomp.install(seccomp.program(ROLES[role], os.uname().machine))


def keep_capabilities(kept: Collection[int]) -> bool:
    """Have none but these of the capabilities that there are; whether that could be done.

    A unit's filter of system calls may refuse capset(2). The list of calls that follows leaves nothing that the rest of
    them could be used for.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    if libc.capget(header, data):
        return False
    low, _, _, high, _, _ = struct.unpack("=6I", data.raw)  # effective, permitted, inheritable; 32 capabilities each
    mask = sum(1 << each for each in kept) & (low | high << 32)
    halves = (mask & 0xFFFFFFFF, mask >> 32)
    wanted = struct.pack("=6I", halves[0], halves[0], 0, halves[1], halves[1], 0)
    return bool(libc.capset(header, wanted) == 0)


def _limit(limits: Limits) -> None:
    memory = _mapped_bytes() + limits.memory_bytes
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _mapped_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # no /proc is mounted
        return MAPPED_BYTES


def _open_descriptors() -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return range(min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], DESCRIPTORS_MAX))
