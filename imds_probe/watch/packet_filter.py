"""The filter of the watch, in classic BPF: of a busy host's traffic only what says who asks the metadata service for what.

That is, to the service: SYNs and segments with payload; from it: SYNs and segments that begin with a status line.
Instruction set: Linux, networking/filter. Packets begin with the IP header, as a SOCK_DGRAM packet socket has them.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Collection

from imds_probe.net.bpf import (
    ADD_X,
    AND,
    INTERFACE,
    INTERFACES_MAX,
    JEQ,
    JGT_X,
    JSET,
    LD_B,
    LD_B_X,
    LD_H,
    LD_H_X,
    LD_W,
    LD_W_X,
    LDX_IMMEDIATE,
    LDX_IPV4_HEADER_LENGTH,
    RSH,
    TAX,
    Program,
)

SYN = 0x02
HTTP = int.from_bytes(b"HTTP", "big")
IPV6_HEADER = 40
EXTENSIONS = (0, 43, 60)  # hop-by-hop options, routing, destination options: RFC 8200


def watch_filter(ipv4: str, ipv6: str, port: int, interfaces: Collection[int] | None = None) -> bytes:
    """The program for both addresses of the service, and what comes or leaves by these interfaces; None is for all."""
    program = Program()
    if interfaces is not None:
        program.do(LD_W, INTERFACE)
        for interface in sorted(interfaces)[:INTERFACES_MAX]:
            program.jump(JEQ, interface, yes="ours")
        program.jump(JEQ, 0, no="drop")  # no interface has this number
        program.label("ours")
    program.do(LD_B, 0)
    program.do(AND, 0xF0)
    program.jump(JEQ, 0x40, yes="ipv4")
    program.jump(JEQ, 0x60, yes="ipv6", no="drop")
    _ipv4(program, int(ipaddress.IPv4Address(ipv4)), port)
    _ipv6(program, struct.unpack("!4I", ipaddress.IPv6Address(ipv6).packed), port)
    return program.end()


def _ipv4(program: Program, address: int, port: int) -> None:
    program.label("ipv4")
    program.do(LD_B, 9)
    program.jump(JEQ, socket.IPPROTO_TCP, no="drop")
    program.do(LD_H, 6)
    program.jump(JSET, 0x1FFF, yes="drop")  # a later fragment has no TCP header
    program.do(LDX_IPV4_HEADER_LENGTH, 0)
    program.do(LD_W, 16)
    program.jump(JEQ, address, yes="ipv4 to")
    program.do(LD_W, 12)
    program.jump(JEQ, address, no="drop")
    program.do(LD_H_X, 0)
    program.jump(JEQ, port, no="drop")
    program.do(LD_B_X, 13)
    program.jump(JSET, SYN, yes="keep")
    _data_offset(program, 12)
    program.do(TAX)
    program.do(LD_W_X, 0)
    program.jump(JEQ, HTTP, yes="keep", no="drop")
    program.label("ipv4 to")
    program.do(LD_H_X, 2)
    program.jump(JEQ, port, no="drop")
    program.do(LD_B_X, 13)
    program.jump(JSET, SYN, yes="keep")
    _data_offset(program, 12)
    program.do(TAX)
    program.do(LD_H, 2)  # is the whole longer than its headers?
    program.jump(JGT_X, 0, yes="keep", no="drop")


def _data_offset(program: Program, at: int) -> None:
    """Where the payload begins, into A: X plus the length of the TCP header, whose data offset stands at X + `at`."""
    program.do(LD_B_X, at)
    program.do(AND, 0xF0)
    program.do(RSH, 2)
    program.do(ADD_X)


def _ipv6(program: Program, words: tuple[int, ...], port: int) -> None:
    program.label("ipv6")
    program.do(LD_B, 6)
    program.jump(JEQ, socket.IPPROTO_TCP, yes="ipv6 tcp")
    for index, extension in enumerate(EXTENSIONS):
        program.jump(JEQ, extension, yes="ipv6 extended", no="drop" if index == len(EXTENSIONS) - 1 else "")
    # With extension headers, which nobody has reason to send, whoever reads the packets looks for the TCP header.
    program.label("ipv6 extended")
    for index, word in enumerate(words):
        program.do(LD_W, 24 + 4 * index)
        program.jump(JEQ, word, yes="keep" if index == 3 else "", no="drop")
    program.label("ipv6 tcp")
    for index, word in enumerate(words):
        program.do(LD_W, 24 + 4 * index)
        program.jump(JEQ, word, yes="ipv6 to" if index == 3 else "", no="ipv6 from")
    program.label("ipv6 from")
    for index, word in enumerate(words):
        program.do(LD_W, 8 + 4 * index)
        program.jump(JEQ, word, no="drop")
    program.do(LD_H, IPV6_HEADER)
    program.jump(JEQ, port, no="drop")
    program.do(LD_B, IPV6_HEADER + 13)
    program.jump(JSET, SYN, yes="keep")
    program.do(LDX_IMMEDIATE, IPV6_HEADER)
    _data_offset(program, 12)
    program.do(TAX)
    program.do(LD_W_X, 0)
    program.jump(JEQ, HTTP, yes="keep", no="drop")
    program.label("ipv6 to")
    program.do(LD_H, IPV6_HEADER + 2)
    program.jump(JEQ, port, no="drop")
    program.do(LD_B, IPV6_HEADER + 13)
    program.jump(JSET, SYN, yes="keep")
    program.do(LDX_IMMEDIATE, 0)
    _data_offset(program, IPV6_HEADER + 12)
    program.do(TAX)
    program.do(LD_H, 4)  # the payload of IPv6: the TCP header and what follows
    program.jump(JGT_X, 0, yes="keep", no="drop")
