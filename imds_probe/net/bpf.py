"""Classic BPF: the kernel drops what is not about the metadata service before it reaches us.

Without it a busy host's traffic would fill the capture's buffer. Instruction set: Linux, networking/filter.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from dataclasses import dataclass

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
LD_W_ABS, LD_H_ABS, LD_B_ABS, LD_H_IND = 0x20, 0x28, 0x30, 0x48
LDX_IPV4_HEADER_LENGTH = 0xB1  # BPF_LDX | BPF_B | BPF_MSH
LDX_IMMEDIATE = 0x01
JUMP_EQUAL, RETURN = 0x15, 0x06
WHOLE_PACKET, NOTHING = 0x40000, 0


@dataclass(frozen=True)
class _Check:
    """Load a value and go on only if it equals `expected`."""

    load: int
    offset: int
    expected: int


def answers_from(address: str, port: int) -> bytes:
    """A program that keeps TCP packets from this address and port. Packets begin with the IP header."""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:
        checks = [
            _Check(LD_B_ABS, 9, socket.IPPROTO_TCP),
            _Check(LD_W_ABS, 12, int(ip)),
        ]
        ports = (LDX_IPV4_HEADER_LENGTH, 0)
    else:
        words = struct.unpack("!4I", ip.packed)
        checks = [_Check(LD_B_ABS, 6, socket.IPPROTO_TCP)]
        checks += [_Check(LD_W_ABS, 8 + 4 * i, word) for i, word in enumerate(words)]
        ports = (LDX_IMMEDIATE, 40)
    # Each check is two instructions; a failed one jumps to the last, the port takes three, then the two returns.
    length = 2 * len(checks) + 3 + 2
    program = []
    for check in checks:
        program.append((check.load, 0, 0, check.offset))
        program.append((JUMP_EQUAL, 0, length - len(program) - 2, check.expected))
    program.append((ports[0], 0, 0, ports[1]))
    program.append((LD_H_IND, 0, 0, 0))
    program.append((JUMP_EQUAL, 0, 1, port))
    program += [(RETURN, 0, 0, WHOLE_PACKET), (RETURN, 0, 0, NOTHING)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def attach(sock: socket.socket, program: bytes) -> None:
    """Put a program onto a socket. Raises OSError where the kernel refuses it."""
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count and a pointer, with the padding of the machine.
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(buffer)))
