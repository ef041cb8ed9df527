"""Which process opens a connection to the metadata service, exactly: the kernel says so in the caller's own context.

The tracepoint sock:inet_sock_set_state fires when a socket begins to connect, in the thread that connects, and again when
it is connected, then with its port; the address of the kernel's socket is the same both times. It knows all network
namespaces. Linux 4.16 or newer.
"""

from __future__ import annotations

import contextlib
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from imds_probe.watch.tracing import Firing, Tracing

EVENT = "events/sock/inet_sock_set_state"
ESTABLISHED, SYN_SENT = 1, 2
SIZE_KB = 256  # for some 3,000 firings: a second of 1,500 new connections on one CPU
CONNECTING_MAX = 10_000
_INTEGERS = {1: "B", 2: "H", 4: "I", 8: "Q"}  # by their size in bytes
ADDRESSES = ("saddr", "daddr", "saddr_v6", "daddr_v6")


class Connect(NamedTuple):
    """A connection that a thread made. Addresses and port as its own network namespace has them.

    `at` is when it began to connect, in nanoseconds of the monotonic clock.
    """

    at: int
    tid: int
    local: str
    port: int
    remote: str


class _Layout(NamedTuple):
    """What reads a note with these fields: the kernel's socket and its new state; its port, family and addresses."""

    fields: Mapping[str, tuple[int, int]]
    state: Callable[[bytes], tuple[Any, ...]]
    ends: Callable[[bytes], tuple[Any, ...]]


class Tracepoint:
    """Connections to one port, while this is open. `number` tells those of one process apart. Raises NotToBeHad."""

    _layout: _Layout | None = None

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
        layout = self._layout
        if layout is None or layout.fields is not firing.fields:
            layout = self._layout = _layout_of(firing.fields)
        try:
            socket, state = layout.state(firing.record)
        except struct.error:
            return None
        begins = state == SYN_SENT
        mine, others = (self._begun, self._ended) if begins else (self._ended, self._begun)
        other = others.pop(socket, None)
        if other is not None:
            begin, end = (firing, other) if begins else (other, firing)
            if begin.at <= end.at:
                return _connect(begin, end, layout)
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


def _layout_of(fields: Mapping[str, tuple[int, int]]) -> _Layout:
    state = _reader_of(fields, {"skaddr": int, "newstate": int})
    ends = _reader_of(fields, dict.fromkeys(("sport", "family"), int) | dict.fromkeys(ADDRESSES, bytes))
    return _Layout(fields, state or _cut_off, ends or _cut_off)


def _reader_of(
    fields: Mapping[str, tuple[int, int]], names: Mapping[str, type]
) -> Callable[[bytes], tuple[Any, ...]] | None:
    """What reads these fields of a record at once, in this order: numbers (int) and what stands there as it is (bytes). None where
    this kernel's event does not have them all. It raises struct.error for a record that was cut off.
    """
    if not all(name in fields and (kind is bytes or fields[name][1] in _INTEGERS) for name, kind in names.items()):
        return None
    layout, at = "<", 0
    in_place = sorted(names, key=lambda name: fields[name])
    for name in in_place:
        offset, size = fields[name]
        if offset < at:
            return None
        layout += f"{offset - at}x{_INTEGERS[size] if names[name] is int else f'{size}s'}"
        at = offset + size
    unpacked = struct.Struct(layout).unpack_from
    order = [in_place.index(name) for name in names]
    if order == sorted(order):
        return unpacked
    return lambda record: tuple(map(unpacked(record).__getitem__, order))


def _cut_off(_: bytes) -> NoReturn:
    raise struct.error


def _connect(begin: Firing, end: Firing, layout: _Layout | None = None) -> Connect | None:
    """None where the note was cut off, or a kernel has no such fields."""
    try:
        port, family, *addresses = (layout or _layout_of(end.fields)).ends(end.record)
    except struct.error:
        return None
    local, remote, local6, remote6 = addresses
    # A socket of IPv6 that talks IPv4 has both.
    if family == AF_INET6 and not any(remote):
        return Connect(begin.at, begin.tid, _written(local6), port, _written(remote6))
    return Connect(begin.at, begin.tid, _written(local), port, _written(remote))


@lru_cache(maxsize=256)
def _written(address: bytes) -> str:
    """Of few, again and again: what is kept of each connection is one text."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)
