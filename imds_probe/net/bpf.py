"""Classic BPF: the kernel drops what is not about the metadata service before it reaches us.

Without it a busy host's traffic would fill the capture's buffer. Instruction set: Linux, networking/filter. Packets begin
with the IP header, as a SOCK_DGRAM packet socket has them.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Collection, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
LD_W, LD_H, LD_B = 0x20, 0x28, 0x30  # from a fixed place of the packet
LD_W_X, LD_H_X, LD_B_X = 0x40, 0x48, 0x50  # from X on
LDX_IPV4_HEADER_LENGTH = 0xB1  # BPF_LDX | BPF_B | BPF_MSH
LDX_IMMEDIATE = 0x01
TAX = 0x07
AND, RSH, ADD_X = 0x54, 0x74, 0x0C
JEQ, JGT_X, JSET = 0x15, 0x2D, 0x45
RETURN = 0x06
WHOLE_PACKET, NOTHING = 0x40000, 0
PACKET_TYPE, INTERFACE = 0xFFFFF004, 0xFFFFF008  # SKF_AD_OFF + SKF_AD_PKTTYPE and SKF_AD_IFINDEX, <linux/filter.h>
INTERFACES_MAX = 64  # a jump reaches 255 instructions far
SYN_ACK = 0x12


@dataclass
class Program:
    """Instructions whose jumps name labels; a jump without one goes on."""

    instructions: list[tuple[int, str, str, int]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    def label(self, name: str) -> None:
        self.labels[name] = len(self.instructions)

    def do(self, code: int, value: int = 0) -> None:
        self.instructions.append((code, "", "", value))

    def jump(self, code: int, value: int, yes: str = "", no: str = "") -> None:
        self.instructions.append((code, yes, no, value))

    def end(self) -> bytes:
        """The whole, with what the labels "keep" and "drop" stand for."""
        self.label("keep")
        self.do(RETURN, WHOLE_PACKET)
        self.label("drop")
        self.do(RETURN, NOTHING)
        out = []
        for index, (code, yes, no, value) in enumerate(self.instructions):
            offsets = [self.labels[name] - index - 1 if name else 0 for name in (yes, no)]
            out.append(struct.pack("HBBI", code, *offsets, value))
        return b"".join(out)


def answers_from(address: str, port: int) -> bytes:
    """A program that keeps TCP packets from this address and port, on a socket of all protocols."""
    program = Program()
    _only_version(program, ipaddress.ip_address(address).version, otherwise="drop")
    _only_from(program, address, port, otherwise="drop")
    return program.end()


def handshakes_from(services: Sequence[tuple[str, int]], interfaces: Collection[int] | None = None) -> bytes:
    """A program that keeps SYN-ACKs that come in from one of these addresses and ports, of either family: by these
    interfaces, or by any for None.
    """
    program = Program()
    program.do(LD_W, PACKET_TYPE)
    program.jump(JEQ, socket.PACKET_OUTGOING, yes="drop")
    if interfaces is not None:
        program.do(LD_W, INTERFACE)
        for interface in sorted(interfaces)[:INTERFACES_MAX]:
            program.jump(JEQ, interface, yes="0")
        program.jump(JEQ, 0, no="drop")  # no interface has this number
    for number, (address, port) in enumerate(services):
        program.label(str(number))
        following = str(number + 1) if number + 1 < len(services) else "drop"
        _only_version(program, ipaddress.ip_address(address).version, otherwise=following)
        _only_from(program, address, port, otherwise=following)
        program.do(LD_B_X, 13)
        program.do(AND, SYN_ACK)
        program.jump(JEQ, SYN_ACK, yes="keep", no=following)
    return program.end()


def _only_version(program: Program, version: int, *, otherwise: str) -> None:
    """Go on with packets that begin as those of this version of IP do."""
    program.do(LD_B, 0)
    program.do(AND, 0xF0)
    program.jump(JEQ, version << 4, no=otherwise)


def _only_from(program: Program, address: str, port: int, *, otherwise: str) -> None:
    """Go on with what this address and port sent by TCP, and with where its TCP header begins in X."""
    ip = ipaddress.ip_address(address)
    if ip.version == 4:
        program.do(LD_H, 6)
        program.jump(JSET, 0x1FFF, yes=otherwise)  # a later fragment has no TCP header
        checks = [(LD_B, 9, socket.IPPROTO_TCP), (LD_W, 12, int(ip))]
        header = (LDX_IPV4_HEADER_LENGTH, 0)
    else:
        words = struct.unpack("!4I", ip.packed)
        checks = [(LD_B, 6, socket.IPPROTO_TCP), *((LD_W, 8 + 4 * i, word) for i, word in enumerate(words))]
        header = (LDX_IMMEDIATE, 40)
    for load, offset, expected in checks:
        program.do(load, offset)
        program.jump(JEQ, expected, no=otherwise)
    program.do(*header)
    program.do(LD_H_X, 0)
    program.jump(JEQ, port, no=otherwise)


def attach(sock: socket.socket, program: bytes) -> None:
    """Put a program onto a socket, in place of an earlier one. Raises OSError where the kernel refuses it."""
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count and a pointer, with the padding of the machine.
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(buffer)))
