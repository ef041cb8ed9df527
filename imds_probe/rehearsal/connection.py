"""One connection through the relay: one request, answered as the service would answer it after the switch, and closed.

EC2 closes after each answer; what a client sends beyond its first request is dropped, as the service does.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import socket
import struct
import termios
import time
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.rehearsal.refusal import AnswerHead, Kind, Refusal, kind_of, read_answer_head
from imds_probe.simulator.delivery import arm_reset, end_orderly, limit_hops
from imds_probe.simulator.messages import HEAD_LIMIT_BYTES, MetadataRequest, parse

REQUEST_LIMIT_S = 30.0  # for a head, and for a body that nobody needs
ANSWER_LIMIT_S = 120.0
CONNECTION_LIMIT_S = 600.0
CONNECT_LIMIT_S = 5.0
BODY_LIMIT_BYTES = 1024 * 1024
PIECE_BYTES = 16 * 1024
# One that leaves without a word must not stay for as long as the kernel would go on sending: minutes.
UNACKNOWLEDGED_LIMIT_MS = 15_000

_REQUEST_HEAD_END = re.compile(rb"\r?\n\r?\n")
_TOKEN_LINES = re.compile(rb"^x-aws-ec2-metadata-token:[^\r\n]*", re.IGNORECASE | re.MULTILINE)

What = Literal["refused", "token", "token-refused", "passed", "not-served", "malformed", "unanswered", "withheld"]


@dataclass(frozen=True)
class Service:
    """Where the service is, by family, and how it answers. `ignores_tokens`: it serves a request whose token is none, as long
    as tokens are optional. `mark` is what the relay's own packets to it are marked with, 0 for nothing.
    """

    addresses: dict[socket.AddressFamily, tuple[str, int]]
    refusal: Refusal
    ignores_tokens: bool = False
    mark: int = 0

    def new_socket(self, family: socket.AddressFamily) -> socket.socket:
        """One to ask it by. Raises OSError."""
        made = socket.socket(family, socket.SOCK_STREAM)
        if self.mark:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.mark)
        made.setblocking(False)
        return made


@dataclass(frozen=True)
class Relayed:
    """One request. Of what was asked and answered nothing is kept but what came of it; `path` is compared and never shown.

    refused: it had no token. token: it asked for one and got it; token-refused: it did not. passed: it had a valid token.
    not-served: the service refused it, with or without a token. withheld: the hop limit would not let the token arrive.
    unanswered: the service said nothing. malformed: it was no request.
    """

    what: What
    peer: tuple[str, int]
    family: socket.AddressFamily
    path: str = ""


@dataclass(frozen=True)
class Hops:
    """How the caller of a connection sees packets of this host. `ttl` is what the token response is sent with: the hop limit
    as it would be here, had the service sent it; 0 where it would have ended before.
    """

    ttl: int


class _Broken(Exception):
    """The service broke off: so does the relay."""


class Connection:
    """A connection that was accepted. `progressed_at` (time.monotonic) is when a byte moved last."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int], service: Service, hops: Hops) -> None:
        self.progressed_at = time.monotonic()
        self._sock, self._peer, self._service, self._hops = sock, peer, service, hops
        self._loop = asyncio.get_running_loop()
        self._what: What | None = None
        self._path = ""

    async def serve(self) -> Relayed | None:
        """Serve it to its end, which comes within 600 s; None where nothing was asked. The socket is closed then."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_LIMIT_MS)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECTION_LIMIT_S):
                await self._serve()
        except _Broken:
            arm_reset(self._sock)
        except OSError:  # the client left or went silent (TimeoutError is one of these): what came of it is known
            pass
        finally:
            self._sock.close()
        return Relayed(self._what, self._peer, self._sock.family, self._path) if self._what else None

    async def _serve(self) -> None:
        async with asyncio.timeout(REQUEST_LIMIT_S):
            head, rest = await self._read_head()
        if not head and not rest:
            return
        request = parse(head) if head else None
        kind = kind_of(request)
        self._path = "" if request is None else request.path
        if request is not None and kind == "without-token":
            async with asyncio.timeout(REQUEST_LIMIT_S):
                await self._skip_body(request.body_bytes, len(rest))
            await self._refuse(request)
            return
        self._what = "unanswered"
        with self._service.new_socket(socket.AddressFamily(self._sock.family)) as service:
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    await self._loop.sock_connect(service, self._service.addresses[self._sock.family])
            except OSError:
                raise _Broken from None
            announced = BODY_LIMIT_BYTES if request is None or request.body_bytes is None else request.body_bytes
            have = rest[:announced] if request is not None else rest
            sending = asyncio.ensure_future(self._send_request(service, head + have, announced - len(have)))
            try:
                await self._pass_back(service, sending, request, kind, head)
            finally:
                await _stopped(sending)

    async def _pass_back(
        self,
        service: socket.socket,
        sending: asyncio.Future[None],
        request: MetadataRequest | None,
        kind: Kind,
        head: bytes,
    ) -> None:
        """Hand back what the service says to a request that is being sent to it, or what it would say."""
        async with asyncio.timeout(ANSWER_LIMIT_S):
            beginning, broken = await self._read_answer_head(service)
        answer = read_answer_head(beginning)
        if answer is not None:
            self._what = await self._judged(kind, head, answer)
        if self._what in ("refused", "withheld"):
            await _stopped(sending)
            await (self._refuse(request) if self._what == "refused" else self._until_closed())
            return
        if self._what == "token":
            limit_hops(self._sock, self._hops.ttl)
        await self._send(self._sock, beginning)
        if broken:
            raise _Broken
        await self._hand_back(service, _left(request, answer, beginning))
        await _stopped(sending)
        await end_orderly(self._sock)
        if self._what == "token" and _unacknowledged(self._sock):
            self._what = "withheld"

    async def _judged(self, kind: Kind, head: bytes, answer: AnswerHead) -> What:
        """What the answer comes to, were tokens required: one that could not be given then is refused."""
        match kind:
            case "malformed":
                return "refused" if answer.served else "malformed"
            case "versioned-token-path":
                return "not-served" if answer.status == 403 else "refused"
            case "token-path" if answer.served:
                return "token" if self._hops.ttl else "withheld"
            case "token-path":
                return "token-refused"
            case _:
                if self._service.ignores_tokens and not await self._token_is_valid(head, answer):
                    return "refused"
                return "not-served" if answer.status in (401, 403) else "passed"

    async def _token_is_valid(self, head: bytes, answer: AnswerHead) -> bool:
        """Of a service that serves all: it tells how long a token lives only of one that it knows, where it serves something."""
        if answer.tells_life_left or answer.status in (400, 403, 503):
            return True
        lines = b"\r\n".join(line.strip() for line in _TOKEN_LINES.findall(head))
        question = b"GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\n" + lines + b"\r\n\r\n"
        with self._service.new_socket(socket.AddressFamily(self._sock.family)) as service:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await self._loop.sock_connect(service, self._service.addresses[self._sock.family])
                await self._loop.sock_sendall(service, question)
                read = read_answer_head((await self._read_answer_head(service))[0])
        return read is not None and read.tells_life_left

    async def _send_request(self, service: socket.socket, beginning: bytes, left: int) -> None:
        """The request as it came, to the end of what it announces. Where the client ends, so does what is sent."""
        await self._send(service, beginning)
        while left > 0:
            piece = await self._receive(self._sock, min(left, PIECE_BYTES))
            if not piece:
                service.shutdown(socket.SHUT_WR)
                return
            left -= len(piece)
            await self._send(service, piece)

    async def _hand_back(self, service: socket.socket, left: int | None) -> None:
        """The rest of an answer: to the end of the connection, or so many bytes where the service leaves it open."""
        while left is None or left > 0:
            try:
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    piece = await self._receive(service, PIECE_BYTES)
            except ConnectionResetError:
                raise _Broken from None
            if not piece:
                return
            left = None if left is None else left - len(piece)
            await self._send(self._sock, piece)

    async def _refuse(self, request: MetadataRequest | None) -> None:
        self._what = "refused"
        head_only = request is not None and request.method == "HEAD"
        await self._send(self._sock, self._service.refusal.render(unix_s=time.time(), head_only=head_only))
        await end_orderly(self._sock)

    async def _read_head(self) -> tuple[bytes, bytes]:
        """(head, what came after it). No head where the client left before its end, or where it is longer than is sane."""
        data = bytearray()
        while len(data) <= HEAD_LIMIT_BYTES:
            piece = await self._receive(self._sock, PIECE_BYTES)
            if not piece:
                return b"", bytes(data)
            looked = max(0, len(data) - 3)
            data += piece
            if end := _REQUEST_HEAD_END.search(data, looked):
                return bytes(data[: end.end()]), bytes(data[end.end() :])
        return b"", bytes(data)

    async def _skip_body(self, announced: int | None, have: int) -> None:
        """Read a body that nobody needs; one that is too long, or does not say how long it is, is left to be dropped."""
        while announced is not None and have < announced <= BODY_LIMIT_BYTES:
            piece = await self._receive(self._sock, min(PIECE_BYTES, announced - have))
            if not piece:
                return
            have += len(piece)

    async def _read_answer_head(self, service: socket.socket) -> tuple[bytes, bool]:
        """What the service says up to the end of its head, with what of the body came along, or to the end of the sane; and
        whether it broke off.
        """
        data = bytearray()
        while len(data) <= HEAD_LIMIT_BYTES and b"\r\n\r\n" not in data[-PIECE_BYTES - 3 :]:
            try:
                piece = await self._receive(service, PIECE_BYTES)
            except ConnectionResetError:
                return bytes(data), True
            if not piece:
                break
            data += piece
        return bytes(data), False

    async def _until_closed(self) -> None:
        while await self._receive(self._sock, PIECE_BYTES):
            pass

    async def _receive(self, sock: socket.socket, limit: int) -> bytes:
        piece = await self._loop.sock_recv(sock, limit)
        self.progressed_at = time.monotonic()
        return piece

    async def _send(self, sock: socket.socket, data: bytes) -> None:
        await self._loop.sock_sendall(sock, data)
        self.progressed_at = time.monotonic()


def _left(request: MetadataRequest | None, answer: AnswerHead | None, beginning: bytes) -> int | None:
    """How many bytes of an answer are still to come; None where its end is that of the connection."""
    if answer is None or answer.length is None:
        return None
    if request is not None and request.method == "HEAD":
        return 0
    return answer.length - len(beginning.partition(b"\r\n\r\n")[2])


def _unacknowledged(sock: socket.socket) -> bool:
    """Whether something that was sent has not arrived, of a connection that was ended on this side: tcp(7), SIOCOUTQ.

    The end itself counts as a byte, and may be on its way.
    """
    return int(struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]) > 1


async def _stopped(task: asyncio.Future[None]) -> None:
    """End it before somebody else reads from its socket: an event loop knows one reader of each."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # what was sent to one that has left: it is said by what comes back
