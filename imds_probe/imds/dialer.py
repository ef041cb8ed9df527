"""Sockets for http.client to use: made where and how we say, and never waited on past the deadline."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.imds.endpoints import Endpoint


@dataclass
class Conversation:
    """What the sockets saw of one request, noted while it happens: exceptions say it less well."""

    connect_error: OSError | None = None
    connected: bool = False
    bytes_received: int = 0
    local_port: int | None = None


class DeadlineSocket(socket.socket):
    """A socket whose every receive ends by one moment.

    A read timeout alone bounds each receive: a service that drips a byte at a time would hold us for hours.
    """

    deadline: float
    read_timeout_s: float
    conversation: Conversation

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("deadline passed")
        self.settimeout(min(self.read_timeout_s, left_s))
        received = super().recv_into(*args, **kwargs)
        self.conversation.bytes_received += received
        return received


HELD_MAX = 4
_held: deque[int] = deque()


def hold(sock: socket.socket) -> None:
    """Keep a connection open after it was closed, as long as this process runs or others are held: a watch that is without the
    kernel's tracepoint asks whose it is, and on a busy host asks late.
    """
    with contextlib.suppress(OSError):  # the process has as many as it may have
        _held.append(os.dup(sock.fileno()))
    while len(_held) > HELD_MAX:
        os.close(_held.popleft())


SocketOption = tuple[int, int, int]
SocketMaker = Callable[[socket.AddressFamily], socket.socket]


class Dialer:
    """Makes the connections of one client. Single-threaded, one conversation at a time.

    `make_socket` lets a caller hand in sockets from another network namespace; `options` are set once connected. `once_connected`
    gets each connected socket.
    """

    once_connected: Callable[[socket.socket], None] | None = None

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        connect_timeout_s: float,
        read_timeout_s: float,
        options: tuple[SocketOption, ...] = (),
        make_socket: SocketMaker | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._options = options
        self._make_socket = make_socket or (lambda family: socket.socket(family, socket.SOCK_STREAM))
        self._deadline = 0.0
        self.conversation = Conversation()

    def begin(self, deadline: float) -> None:
        """Start a new conversation that must be over at `deadline` (time.monotonic)."""
        self._deadline = deadline
        self.conversation = Conversation()

    def dial(self) -> socket.socket:
        """Connect. Raises OSError, noted in the conversation too."""
        made = self._make_socket(self._endpoint.socket_family)
        sock = DeadlineSocket(made.family, made.type, made.proto, fileno=made.detach())
        sock.deadline, sock.read_timeout_s = self._deadline, self._read_timeout_s
        sock.conversation = self.conversation
        try:
            sock.settimeout(max(0.001, min(self._connect_timeout_s, self._deadline - time.monotonic())))
            sock.connect((self._endpoint.address, self._endpoint.port))
            self.conversation.local_port = sock.getsockname()[1]
            for option in self._options:
                sock.setsockopt(*option)
        except OSError as error:
            self.conversation.connect_error = error
            sock.close()
            raise
        self.conversation.connected = True
        if self.once_connected is not None:
            self.once_connected(sock)
        return sock

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is made through this dialer and through nothing else."""
        return _DialedConnection(self, self._endpoint)


class _DialedConnection(http.client.HTTPConnection):
    def __init__(self, dialer: Dialer, endpoint: Endpoint) -> None:
        super().__init__(endpoint.address, endpoint.port)
        self._dialer = dialer

    def connect(self) -> None:
        self.sock = self._dialer.dial()
