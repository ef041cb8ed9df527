"""One token PUT from another network namespace, driven step by step and with as few packets as TCP allows.

Three packets leave for an answered request: SYN, the request with the handshake's ACK on it, and an RST. The RST is for
the answers that do not arrive: after a FIN the service would go on sending them again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import struct
import time
from dataclasses import field
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.imds.answers import read_answer
from imds_probe.imds.client import BODY_LIMIT_BYTES
from imds_probe.imds.dialer import Conversation
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.outcomes import CLOSED, NO_TOKEN, SILENCE, classify, server_name, trouble_of
from imds_probe.imds.replies import Outcome
from imds_probe.imds.token import Token, plausible
from imds_probe.imds.token_put import token_put
from imds_probe.net import namespaces
from imds_probe.net.capture import Arrivals
from imds_probe.net.packets import Handshake
from imds_probe.net.peers import taken_inside
from imds_probe.net.tap import Tap

HOP_LIMIT_MAX = 64  # HttpPutResponseHopLimit: EC2 API, InstanceMetadataOptionsRequest
CONNECT_S = 1.0
PATIENCE_S = 1.0  # what AWS's own SDKs allow an answer
# For an answer that the distance already says cannot arrive. Shorter than the kernel's first retransmission (200 ms),
# and longer by far than the instance itself waits.
SHORT_PATIENCE_S, LATENCY_FACTOR = 0.1, 10.0
PACKETS_PER_REQUEST = 3
RETRANSMITTED = 2  # within PATIENCE_S
TIME_EXCEEDED = 3  # ICMP that a router sends back for the answer, the FIN after it and a repetition: RFC 792
_WITHOUT_TOKEN = (Outcome.ANSWER_LOST, Outcome.UNEXPECTED)  # silence, or a relay that says that it waited in vain
TIME_UP = "the time of the run was up"
HELD_S = 60  # the life of a token that is held until the service was asked whether it knows it


@dataclass(frozen=True)
class Way:
    """A network namespace and an address of the service to ask from there. `inode` names the namespace that is meant:
    process ids come again. `hold` keeps the token that comes.
    """

    netns: Path
    inode: int
    endpoint: Endpoint
    hold: bool = False


@dataclass(frozen=True)
class Attempt:
    """What came of a token PUT. `detail` is safe to print. TTLs and handshake are None where the packet was not seen.
    `taken_inside`: no token came, and who took the connection is in the namespace that it was made from.

    `outcome` is None for a way that could not be tried, `gone` where that is because the namespace is. `token` is held only
    where the way says so.
    """

    outcome: Outcome | None
    detail: str
    status: int | None = None
    server: str | None = None
    latency_ms: float | None = None
    syn_ack_ttl: int | None = None
    answer_ttl: int | None = None
    handshake: Handshake | None = None
    gone: bool = False
    taken_inside: bool = False
    token: Token | None = field(default=None, repr=False, compare=False)

    def distance_from(self, origin: Attempt | None) -> int | None:
        """How many hops further from the service than `origin`, who asked at the same address. None: not measured."""
        if origin is None or origin.syn_ack_ttl is None or self.syn_ack_ttl is None:
            return None
        hops = origin.syn_ack_ttl - self.syn_ack_ttl
        # Nearer than the instance itself, or further than any hop limit reaches, is nobody but an impostor with a
        # first TTL of its own.
        return hops if 0 <= hops < HOP_LIMIT_MAX else None


class Exchange:
    """One connection: what it has come to, and until when it may take. `result` is set once there is one."""

    def __init__(self, way: Way, origin: Attempt | None, deadline: float, selector: selectors.BaseSelector) -> None:
        self.result: Attempt | None = None
        self.connected = self.expected_to_be_lost = False
        self._packets = 0
        self.deadline = self._last = deadline
        self._way, self._origin, self._selector = way, origin, selector
        self._socket: socket.socket | None = None
        self._tap: Tap | None = None
        self._conversation = Conversation()
        self._received = bytearray()
        self._started = time.monotonic()

    def begin(self) -> None:
        """Make the sockets and start to connect."""
        try:
            self._socket, self._tap = namespaces.call_in(self._way.netns, self._make_sockets)
        except namespaces.NamespaceError as trouble:
            gone = isinstance(trouble, namespaces.NamespaceGone)
            self.result = Attempt(None, trouble.problem, gone=gone)
            return
        except OSError as error:
            self.result = self._not_connected(error)
            return
        self._started = time.monotonic()
        self.deadline = min(self._last, self._started + CONNECT_S)
        endpoint = self._way.endpoint
        failed = self._socket.connect_ex((endpoint.address, endpoint.port))
        if failed not in (0, errno.EINPROGRESS):
            self.result = self._not_connected(OSError(failed, os.strerror(failed)))
            return
        self._packets += PACKETS_PER_REQUEST
        self._selector.register(self._socket, selectors.EVENT_WRITE, self)

    def go_on(self) -> None:
        """The socket is ready: connected or refused while connecting, readable afterwards."""
        assert self._socket is not None  # noqa: S101 - registered sockets only
        try:
            if not self.connected:
                self._send()
                return
            chunk = self._socket.recv(BODY_LIMIT_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if self.connected:
                self._settle(trouble_of(error))
            else:
                self.result = self._not_connected(error)
            return
        self._received += chunk
        self._conversation.bytes_received += len(chunk)
        self._read(ended=not chunk)

    def packets_since(self) -> int:
        """How many packets to account for since it was last asked."""
        packets, self._packets = self._packets, 0
        return packets

    def finish(self) -> Attempt:
        """The result, which is silence where there is none yet. Frees the sockets."""
        try:
            if self.result is None:
                self._packets += 0 if self.expected_to_be_lost else RETRANSMITTED
                if self.deadline >= self._last:
                    self.result = Attempt(None, TIME_UP)  # it was not given the time that silence takes
                elif self.connected:
                    self._settle(SILENCE)
                else:
                    self.result = self._not_connected(TimeoutError())
            assert self.result is not None  # noqa: S101 - set in either branch
            return self.result
        finally:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(KeyError):  # it never got as far as that
                self._selector.unregister(self._socket)
            self._socket.close()
        if self._tap is not None:
            self._tap.close()
        self._socket = self._tap = None

    def _make_sockets(self) -> tuple[socket.socket, Tap | None]:
        if namespaces.current_inode() != self._way.inode:
            raise namespaces.NamespaceGone(f"the network namespace {self._way.inode} is gone")
        family = self._way.endpoint.socket_family
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            # Without quick ACKs the handshake's ACK waits for the request and goes with it: tcp(7).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            sock.close()
            raise
        try:
            raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
            return sock, Tap(raw, self._way.endpoint.address, self._way.endpoint.family)
        except OSError:
            return sock, None  # not allowed, or no route: then there is nothing to see either

    def _send(self) -> None:
        """The connection is made, or has failed: connect(2), EINPROGRESS. Raises OSError for the latter."""
        assert self._socket is not None  # noqa: S101 - registered sockets only
        if failed := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(failed, os.strerror(failed))
        self.connected = self._conversation.connected = True
        self._conversation.local_port = self._socket.getsockname()[1]
        self.deadline = min(self._last, time.monotonic() + self._patience_s())
        self._selector.modify(self._socket, selectors.EVENT_READ, self)
        self._socket.send(
            token_put(self._way.endpoint, HELD_S if self._way.hold else 1)
        )  # fits into any fresh socket's buffer

    def _patience_s(self) -> float:
        origin = self._origin
        hops = Attempt(None, "", syn_ack_ttl=self._arrivals().syn_ack).distance_from(origin)
        if origin is None or origin.answer_ttl is None or origin.latency_ms is None or hops is None:
            return PATIENCE_S
        self.expected_to_be_lost = hops >= origin.answer_ttl
        if not self.expected_to_be_lost:
            return PATIENCE_S
        self._packets += TIME_EXCEEDED
        return min(PATIENCE_S, max(SHORT_PATIENCE_S, LATENCY_FACTOR * origin.latency_ms / 1000))

    def _arrivals(self) -> Arrivals:
        if self._tap is None or self._conversation.local_port is None:
            return Arrivals()
        return self._tap.arrivals(self._conversation.local_port)

    def _read(self, *, ended: bool) -> None:
        if ended and not self._received:
            self._settle(CLOSED)
            return
        answer = read_answer(bytes(self._received), ended=ended, limit_bytes=BODY_LIMIT_BYTES)
        if answer is not None:
            trouble = answer.trouble
            if answer.status == 200 and not trouble and not plausible(answer.body):
                trouble = NO_TOKEN
            token = Token(answer.body.decode("ascii"), HELD_S) if self._way.hold and plausible(answer.body) else None
            self._settle(trouble, answer.status, server_name(answer.server), token)

    def _settle(
        self, trouble: str, status: int | None = None, server: str | None = None, token: Token | None = None
    ) -> None:
        seen = self._arrivals()
        outcome, detail = classify(self._conversation, status, trouble)
        self.result = Attempt(
            outcome,
            detail,
            status=status,
            server=server,
            latency_ms=round((time.monotonic() - self._started) * 1000, 3),
            syn_ack_ttl=seen.syn_ack,
            answer_ttl=min(seen.payload, default=None),
            handshake=seen.handshake,
            taken_inside=outcome in _WITHOUT_TOKEN and self._is_taken_inside(),
            token=token if outcome is Outcome.OK else None,
        )

    def _is_taken_inside(self) -> bool:
        assert self._socket is not None  # noqa: S101 - it is connected
        address, port, *_ = self._socket.getsockname()
        return taken_inside(self._way.netns, (address, port))

    def _not_connected(self, error: OSError) -> Attempt:
        self._conversation.connect_error = error
        outcome, detail = classify(self._conversation, None, "")
        return Attempt(outcome, detail)
