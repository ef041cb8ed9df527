"""Which process opens a connection to the metadata service, exactly: the kernel says so in the caller's own context.

The tracepoint sock:inet_sock_set_state fires when a socket begins to connect, in the thread that connects, and again when
it is connected, then with its port; the address of the kernel's socket is the same both times. It knows all network
namespaces. Linux 4.16 or newer.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from types import TracebackType
from typing import NamedTuple

from imds_probe.watch.tracing import Firing, Tracing

EVENT = "events/sock/inet_sock_set_state"
ESTABLISHED, SYN_SENT = 1, 2
SIZE_KB = 256  # for some 3,000 firings: a second of 1,500 new connections on one CPU
CONNECTING_MAX = 10_000


class Connect(NamedTuple):
    """A connection that a thread made. Addresses and port as its own network namespace has them.

    `at` is when it began to connect, in nanoseconds of the monotonic clock.
    """

    at: int
    tid: int
    local: str
    port: int
    remote: str


class Tracepoint:
    """Connections to one port, while this is open. `number` tells those of one process apart. Raises NotToBeHad."""

    def __init__(self, port: int, number: int = 0) -> None:
        self._begun: OrderedDict[int, Firing] = OrderedDict()  # by the address of the kernel's socket
        self._ended: OrderedDict[int, Firing] = OrderedDict()
        states = f"dport=={port} && (newstate=={SYN_SENT} || newstate=={ESTABLISHED})"
        self._tracing = Tracing(number, {EVENT: states}, SIZE_KB)
        self.instance = self._tracing.instance
        with contextlib.suppress(OSError):  # wake us for each, where the kernel can: since 5.0
            (self.instance / "buffer_percent").write_text("0")

    def filenos(self) -> list[int]:
        """To be waited for: one for each CPU."""
        return self._tracing.filenos()

    def connects(self) -> Iterator[Connect]:
        """The connections that were made since."""
        lost_until, firings = self._tracing.lost_until, self._tracing.firings()
        if self._tracing.lost_until > lost_until:  # what was begun then may have gone on unseen
            self._begun.clear()
            self._ended.clear()
        for firing in firings:
            connect = self._joined(firing)
            if connect is not None:
                yield connect

    def _joined(self, firing: Firing) -> Connect | None:
        """Begin and end of connecting belong together by the kernel's socket. They may be on the lists of two CPUs, one of which
        was kept from finishing its note, so that the end is read first; an address is used again, so that their time decides.
        """
        socket = firing.number("skaddr")
        begins = firing.number("newstate") == SYN_SENT
        mine, others = (self._begun, self._ended) if begins else (self._ended, self._begun)
        other = others.pop(socket, None)
        if other is not None:
            begin, end = (firing, other) if begins else (other, firing)
            if begin.at <= end.at:
                return _connect(begin, end)
        mine[socket] = firing
        if len(mine) > CONNECTING_MAX:
            mine.popitem(last=False)
        return None

    def close(self) -> None:
        """Switch it off."""
        self._tracing.close()

    def __enter__(self) -> Tracepoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _connect(begin: Firing, end: Firing) -> Connect | None:
    """None where the note was cut off, or a kernel has no such fields."""
    kind, suffix, length = AF_INET, "", 4
    # A socket of IPv6 that talks IPv4 has both.
    if end.number("family") == AF_INET6 and not any(end.raw("daddr")):
        kind, suffix, length = AF_INET6, "_v6", 16
    local, remote = (end.raw(name + suffix) for name in ("saddr", "daddr"))
    if len(local) != length or len(remote) != length:
        return None
    return Connect(begin.at, begin.tid, _written(kind, local), end.number("sport"), _written(kind, remote))


@lru_cache(maxsize=256)
def _written(kind: int, address: bytes) -> str:
    """Of few, again and again: what is kept of each connection is one text."""
    return inet_ntop(kind, address)
