"""Which process opens a connection to the metadata service, exactly: the kernel says so in the caller's own context.

The tracepoint sock:inet_sock_set_state fires when a socket begins to connect, in the thread that connects, and again when
it is connected, then with its port; the address of the kernel's socket is the same both times. It knows all network
namespaces. Linux 4.16 or newer.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from socket import AF_INET6
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from imds_probe.watch.segments import written
from imds_probe.watch.tracing import Firing, NotToBeHad, Tracing

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


class Glance(NamedTuple):
    """What was noted lately. `threads` began to make a connection, and `made` are the ports and services of those that were made.
    `until` is as Connect.at.
    """

    until: int
    threads: set[int]
    made: set[tuple[int, bytes]]


class _Layout(NamedTuple):
    """What reads a note with these fields: the kernel's socket and its new state; its port, family and addresses; of these, what a
    glance needs.
    """

    fields: Mapping[str, tuple[int, int]]
    state: Callable[[bytes], tuple[Any, ...]]
    ends: Callable[[bytes], tuple[Any, ...]]
    glance: Callable[[bytes], tuple[Any, ...]]


class Tracepoint:
    """Connections to one port, while this is open. `number` tells those of one process apart. A glance takes notice of those to
    `services`, as their addresses are in packets; others may be left out. Raises NotToBeHad.
    """

    _layout: _Layout | None = None

    def __init__(self, port: int, number: int = 0, services: Collection[bytes] = ()) -> None:
        self._services = frozenset(services)
        self._begun: OrderedDict[int, Firing] = OrderedDict()  # by the address of the kernel's socket
        self._ended: OrderedDict[int, Firing] = OrderedDict()
        self._glanced: list[tuple[bool, list[Firing]]] = []
        states = f"dport=={port} && (newstate=={SYN_SENT} || newstate=={ESTABLISHED})"
        try:
            self._tracing = Tracing(number, {EVENT: states + _of_services(self._services)}, SIZE_KB)
        except NotToBeHad:  # as from a kernel that compares no addresses
            self._tracing = Tracing(number, {EVENT: states}, SIZE_KB)
        self.instance = self._tracing.instance
        with contextlib.suppress(OSError):  # wake us for each, where the kernel can: since 5.0
            (self.instance / "buffer_percent").write_text("0")

    def filenos(self) -> list[int]:
        """To be waited for: one for each CPU."""
        return self._tracing.filenos()

    def glance(self) -> Glance:
        """Look who connects, and keep all that there is for `connects`, which takes some times as long."""
        lost, firings = self._take_in()
        self._glanced.append((lost, firings))
        threads, made, services = set[int](), set[tuple[int, bytes]](), self._services
        for firing in firings:
            try:
                state, port, remote, remote6 = self._layout_of(firing).glance(firing.record)
            except struct.error:
                continue
            service = remote if remote in services else remote6
            if service in services:
                if state == SYN_SENT:
                    threads.add(firing.tid)
                else:
                    made.add((port, service))
        return Glance(self._tracing.until, threads, made)

    def connects(self) -> Iterator[Connect]:
        """The connections that were made since."""
        glanced, self._glanced = self._glanced, []
        for lost, firings in (*glanced, self._take_in()):
            if lost:  # what was begun then may have gone on unseen
                self._begun.clear()
                self._ended.clear()
            for firing in firings:
                connect = self._joined(firing)
                if connect is not None:
                    yield connect

    def _take_in(self) -> tuple[bool, list[Firing]]:
        """What fired since, and whether something was lost before it."""
        lost_until, firings = self._tracing.lost_until, self._tracing.firings()
        return self._tracing.lost_until > lost_until, firings

    def _layout_of(self, firing: Firing) -> _Layout:
        layout = self._layout
        if layout is None or layout.fields is not firing.fields:
            layout = self._layout = _layout_of(firing.fields)
        return layout

    def _joined(self, firing: Firing) -> Connect | None:
        """Begin and end of connecting belong together by the kernel's socket. They may be on the lists of two CPUs, one of which
        was kept from finishing its note, so that the end is read first; an address is used again, so that their time decides.
        """
        layout = self._layout_of(firing)
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


def _of_services(services: Collection[bytes]) -> str:
    """The rest of a filter: a proxy makes thousands of connections to this port of other hosts. The kernel compares no more than 8
    bytes, and a socket of IPv6 may have either kind of address.
    """
    numbers = sorted(int.from_bytes(each, sys.byteorder) for each in services if len(each) == 4)
    either = " || ".join([*(f"daddr=={number}" for number in numbers), f"family=={int(AF_INET6)}"])
    return f" && ({either})" if numbers else ""


def _layout_of(fields: Mapping[str, tuple[int, int]]) -> _Layout:
    state = _reader_of(fields, {"skaddr": int, "newstate": int})
    ends = _reader_of(fields, dict.fromkeys(("sport", "family"), int) | dict.fromkeys(ADDRESSES, bytes))
    glance = _reader_of(fields, {"newstate": int, "sport": int, "daddr": bytes, "daddr_v6": bytes})
    return _Layout(fields, state or _cut_off, ends or _cut_off, glance or _cut_off)


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
        return Connect(begin.at, begin.tid, written(local6), port, written(remote6))
    return Connect(begin.at, begin.tid, written(local), port, written(remote))
