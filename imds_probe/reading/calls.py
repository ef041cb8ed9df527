"""System calls by their numbers, and which of them each kind of worker may make.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux, which aarch64 has. What is not
in these lists is refused: programs of another architecture, x32, io_uring, and what later kernels bring.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence

from imds_probe.dataclass import dataclass

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # <linux/audit.h>
ARCHITECTURES = tuple(AUDIT_ARCH)
F_DUPFD_CLOEXEC = 1030  # <linux/fcntl.h>
_TMPFILE = 0o20000000  # __O_TMPFILE, without the O_DIRECTORY that goes with it: <asm-generic/fcntl.h>
# Whatever opens for anything but reading, or changes something by opening. The same figures on both architectures.
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _TMPFILE


@dataclass(frozen=True)
class Without:
    """The argument of this number has none of these bits; of a pointer, `mask` is all of its 64."""

    argument: int
    mask: int


@dataclass(frozen=True)
class OneOf:
    """The argument of this number, of 32 bits, is one of these."""

    argument: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One system call. A number is None where the architecture has no such call. All `conditions` must hold."""

    name: str
    x86_64: int | None
    aarch64: int | None
    conditions: tuple[Without | OneOf, ...] = ()

    def number(self, architecture: str) -> int | None:
        """Its number on one of ARCHITECTURES."""
        return {"x86_64": self.x86_64, "aarch64": self.aarch64}[architecture]


_ALL_BITS = 0xFFFFFFFFFFFFFFFF
_NOT_EXECUTABLE = (Without(2, mmap.PROT_EXEC),)

# What Python needs to be at all, and to talk by sockets that it holds. A socket of a pair goes nowhere else: an address
# beside it (sendto's) would be refused by the kernel, and is refused here.
COMMON = (
    Call("sendto", 44, 206, (Without(4, _ALL_BITS),)),
    Call("recvfrom", 45, 207),
    Call("poll", 7, None),
    Call("ppoll", 271, 73),
    Call("close", 3, 57),
    Call("mmap", 9, 222, _NOT_EXECUTABLE),
    Call("mprotect", 10, 226, _NOT_EXECUTABLE),
    Call("munmap", 11, 215),
    Call("mremap", 25, 216),
    Call("madvise", 28, 233),
    Call("brk", 12, 214),
    Call("futex", 202, 98),
    Call("rt_sigreturn", 15, 139),
    Call("rt_sigprocmask", 14, 135),
    Call("restart_syscall", 219, 128),
    Call("clock_gettime", 228, 113),
    Call("getrandom", 318, 278),
    Call("getpid", 39, 172),
    Call("gettid", 186, 178),
    Call("sched_yield", 24, 124),
    Call("exit", 60, 93),
    Call("exit_group", 231, 94),
)

# The parser gets the socket to a new opener in the place of one that hung.
PARSER = (*COMMON, Call("recvmsg", 47, 212))

# openat2 has its flags in memory, where no filter sees them: paths are looked up step by step.
OPENER = (
    *COMMON,
    Call("openat", 257, 56, (Without(2, WRITING),)),
    Call("read", 0, 63),
    Call("pread64", 17, 67),
    Call("lseek", 8, 62),
    Call("getdents64", 217, 61),
    Call("fstat", 5, 80),
    Call("newfstatat", 262, 79),
    Call("fstatfs", 138, 44),
    Call("statx", 332, 291),
    Call("readlink", 89, None),
    Call("readlinkat", 267, 78),
    Call("fcntl", 72, 25, (OneOf(1, (F_DUPFD_CLOEXEC, 1, 2, 3)),)),  # F_GETFD, F_SETFD, F_GETFL
)

ROLES: Mapping[str, Sequence[Call]] = {"opener": OPENER, "parser": PARSER}
