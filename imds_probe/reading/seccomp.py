"""A filter of system calls that lists what is allowed, as a program in classic BPF over struct seccomp_data.

Source: seccomp(2), Documentation/userspace-api/seccomp_filter.rst of Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

from imds_probe.reading.calls import AUDIT_ARCH, Call, OneOf, Without

LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JSET|K, BPF_RET|K
ALLOW, KILL = 0x7FFF0000, 0x80000000  # SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS: <linux/seccomp.h>
REFUSE = 0x00050000 | errno.EPERM  # SECCOMP_RET_ERRNO
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2  # <linux/prctl.h>, <linux/seccomp.h>
LOW_BITS = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, value


def program(calls: Sequence[Call], architecture: str) -> bytes:
    """What allows these calls, refuses others with EPERM, and ends a process that calls as another architecture does.

    Both architectures have their low bytes first, which is where the halves of an argument lie.
    """
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    for call in calls:
        number = call.number(architecture)
        if number is not None:
            allowed = _allowed(call)
            code += [(JUMP_EQUAL, 0, len(allowed), number), *allowed]
    code.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _allowed(call: Call) -> list[Instruction]:
    """From where the number was found to be this call's on to the answer."""
    code: list[Instruction] = []
    for condition in call.conditions:
        code += _holds(condition)
    return [*code, (RETURN, 0, 0, ALLOW)]


def _holds(condition: Without | OneOf) -> list[Instruction]:
    """Goes on behind itself where the condition holds, and answers where it does not."""
    at = ARGUMENTS_AT + 8 * condition.argument
    if isinstance(condition, OneOf):
        count = len(condition.values)
        tests: list[Instruction] = [
            (JUMP_EQUAL, count - index, 0, value) for index, value in enumerate(condition.values)
        ]
        return [(LOAD, 0, 0, at), *tests, (RETURN, 0, 0, REFUSE)]
    code: list[Instruction] = []
    for offset, mask in ((0, condition.mask & LOW_BITS), (4, condition.mask >> 32)):
        if mask:
            code += [(LOAD, 0, 0, at + offset), (JUMP_SET, 0, 1, mask), (RETURN, 0, 0, REFUSE)]
    return code


def install(code: bytes) -> None:
    """Put the filter onto this thread and what it starts, for good. No new privileges must have been promised before.

    Raises OSError where the kernel has no such filters.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    body = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count and a pointer, with the padding of the machine.
    described = struct.pack("@HP", len(code) // 8, ctypes.addressof(body))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(described, len(described)), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"no filter of system calls: {os.strerror(number)}")
