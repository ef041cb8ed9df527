"""A machine for the kernel's filters of system calls: classic BPF over struct seccomp_data, and a record of one call."""

from __future__ import annotations

import struct

RETURN_KILL, RETURN_REFUSE, RETURN_ALLOW = 0x80000000, 0x00050001, 0x7FFF0000  # with EPERM


def call(architecture: int, number: int, *arguments: int) -> bytes:
    """struct seccomp_data; low bytes first, on all that we know."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    return struct.pack("<IIQ6Q", number & 0xFFFFFFFF, architecture, 0, *(each & (1 << 64) - 1 for each in padded))


def run(program: bytes, data: bytes) -> int:
    """What the program answers. Every instruction that it may have is known; others, and jumps backward, are an error."""
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x20:
            assert value % 4 == 0
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x15:
            at += yes if accumulator == value else no
        elif operation == 0x45:
            at += yes if accumulator & value else no
        elif operation == 0x06:
            return int(value)
        else:
            raise AssertionError(f"an instruction that is not known: {operation:#x}")
