"""One connection: read one request, have it answered, close. EC2 closes after each answer, too."""

from __future__ import annotations

import asyncio
import re
import socket

from imds_probe.simulator.delivery import deliver, end_orderly, limit_hops, until_closed
from imds_probe.simulator.faults import NO_STATUS_SENT
from imds_probe.simulator.instance import Reply, SimulatedInstance
from imds_probe.simulator.messages import HEAD_LIMIT_BYTES, parse

REQUEST_LIMIT_S = 30.0
CONNECTION_LIMIT_S = 600.0
BODY_LIMIT_BYTES = 1024 * 1024
# An answer that never arrives (that is what a hop limit does) would stay with the kernel for minutes, and with it the
# network namespace of the socket.
UNACKNOWLEDGED_LIMIT_MS = 15_000

_HEAD_END = re.compile(rb"\r?\n\r?\n")


async def serve(sock: socket.socket, caller: str, instance: SimulatedInstance) -> None:
    """Serve an accepted, non-blocking connection and close it; ends within 600 s whatever the client does."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_LIMIT_MS)
        async with asyncio.timeout(CONNECTION_LIMIT_S):
            await _serve(sock, caller, instance)
    except OSError:
        # The client left or went silent (TimeoutError is one of these): nobody is there to be told.
        return
    finally:
        sock.close()


async def _serve(sock: socket.socket, caller: str, instance: SimulatedInstance) -> None:
    if instance.accept(caller) is not None:
        await until_closed(sock)
        return
    async with asyncio.timeout(REQUEST_LIMIT_S):
        head, rest = await _read_head(sock)
    if not head and not rest:
        return
    state = instance.state
    request = parse(head) if head else None
    if request is None:
        reply, left = Reply(instance.malformed(), None), True
    else:
        async with asyncio.timeout(REQUEST_LIMIT_S):
            left = await _skip_body(sock, request.body_bytes, len(rest))
        if state.latency_ms:
            await asyncio.sleep(state.latency_ms / 1000)
        reply = instance.handle(request, caller)
        state = instance.state
    if reply.answer.limits_hops and (reply.fault is None or reply.fault.kind not in NO_STATUS_SENT):
        limit_hops(sock, state.hop_limit)
    head_only = request is not None and request.method == "HEAD"
    await deliver(sock, reply, server=state.server_header, unix_s=instance.clock.unix_s(), head_only=head_only)
    if left and reply.fault is None:
        await end_orderly(sock)


async def _read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    """(head, what came after it). No head where the client left before its end or it is longer than 32 KiB."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) <= HEAD_LIMIT_BYTES:
        piece = await loop.sock_recv(sock, 16384)
        if not piece:
            return b"", data
        data += piece
        end = _HEAD_END.search(data)
        if end:
            return data[: end.end()], data[end.end() :]
    return b"", data


async def _skip_body(sock: socket.socket, announced: int | None, have: int) -> bool:
    """Read the body of a request, which nothing here needs; whether bytes may be left unread."""
    if announced is None or announced > BODY_LIMIT_BYTES:
        return True
    while have < announced:
        piece = await asyncio.get_running_loop().sock_recv(sock, min(65536, announced - have))
        if not piece:
            return False
        have += len(piece)
    return have > announced
