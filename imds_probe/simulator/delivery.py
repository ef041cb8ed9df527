"""Sends a reply on a socket, properly or with the fault it was given. Every way here ends by itself or on cancel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from imds_probe.simulator.faults import Fault
from imds_probe.simulator.instance import Reply
from imds_probe.simulator.messages import Header, render_head
from imds_probe.simulator.shaping import GARBAGE

PIECE = b"A" * 65536
CHUNKED: tuple[Header, ...] = (("Transfer-Encoding", "chunked"),)
PAUSE_BEFORE_RESET_S = 0.02
LINGER_S = 1.0


def limit_hops(sock: socket.socket, hop_limit: int) -> None:
    """Give the packets that leave this connection from now on the TTL that EC2 gives to token responses.

    EC2 User Guide: "the response to PUT requests has a response hop limit (time to live)". What left before, the
    SYN-ACK among it, had the system's TTL.
    """
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop_limit)


def arm_reset(sock: socket.socket) -> None:
    """Make the next close send RST: socket(7), SO_LINGER with no time."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def until_closed(sock: socket.socket) -> None:
    """Read and drop until the other side has left."""
    while await asyncio.get_running_loop().sock_recv(sock, 65536):
        pass


async def end_orderly(sock: socket.socket) -> None:
    """Send FIN and drop what still arrives: closing with unread bytes would send RST and could void the answer."""
    sock.shutdown(socket.SHUT_WR)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await until_closed(sock)


async def deliver(sock: socket.socket, reply: Reply, *, server: str, unix_s: float, head_only: bool) -> None:
    """Send the reply and leave the socket open for the caller to close; raises OSError where the client has left."""
    loop = asyncio.get_running_loop()
    answer, fault = reply.answer, reply.fault
    body = b"" if head_only else answer.body
    if fault is None:
        await loop.sock_sendall(sock, render_head(answer, server=server, unix_s=unix_s) + body)
        return
    match fault.kind:
        case "silence-after-request":
            await until_closed(sock)
        case "close":
            return
        case "reset-before-answer":
            arm_reset(sock)
        case "garbage":
            await loop.sock_sendall(sock, GARBAGE)
        case "oversized-body" | "endless-body":
            framing = _framing(fault)
            await loop.sock_sendall(sock, render_head(answer, server=server, unix_s=unix_s, framing=framing))
            if not head_only:
                await _pour(sock, fault.size_bytes, chunked=framing == CHUNKED)
        case "endless-headers":
            # Without the empty line at its end.
            await loop.sock_sendall(sock, render_head(answer, server=server, unix_s=unix_s)[:-2])
            await _pour_headers(sock, fault.size_bytes)
        case _:
            await _send_whole(sock, render_head(answer, server=server, unix_s=unix_s) + body, fault)


async def _send_whole(sock: socket.socket, data: bytes, fault: Fault) -> None:
    loop = asyncio.get_running_loop()
    match fault.kind:
        case "drip":
            # Without this the kernel would gather the bytes into larger segments.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for index in range(len(data)):
                await loop.sock_sendall(sock, data[index : index + 1])
                await asyncio.sleep(fault.interval_ms / 1000)
        case "reset-mid-answer":
            await loop.sock_sendall(sock, data[: fault.at_byte or len(data) // 2])
            # Sent bytes that the other side has not acknowledged yet would go with the connection.
            await asyncio.sleep(PAUSE_BEFORE_RESET_S)
            arm_reset(sock)
        case _:
            await loop.sock_sendall(sock, data)


def _framing(fault: Fault) -> tuple[Header, ...] | None:
    """The headers in place of Content-Length; None where it is to stay."""
    if fault.kind == "oversized-body":
        return None
    return CHUNKED if fault.framing == "chunked" else ()


async def _pour(sock: socket.socket, size_bytes: int, *, chunked: bool) -> None:
    """Bytes without meaning. The last chunk, which would end a chunked body, is never sent."""
    left = size_bytes
    while left > 0:
        piece = PIECE[:left]
        left -= len(piece)
        await asyncio.get_running_loop().sock_sendall(sock, b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        await asyncio.sleep(0)  # a fast client must not keep the loop from others, or from stopping


async def _pour_headers(sock: socket.socket, size_bytes: int) -> None:
    sent = number = 0
    while sent < size_bytes:
        lines = b"".join(b"X-Filler-%d: %s\r\n" % (number + i, b"a" * 100) for i in range(100))
        number += 100
        sent += len(lines)
        await asyncio.get_running_loop().sock_sendall(sock, lines)
        await asyncio.sleep(0)
