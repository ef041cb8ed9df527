"""Targets: packets, requests, the kernel's notes and answers."""

from __future__ import annotations

import contextlib
import os
import struct
from collections import OrderedDict
from collections.abc import Mapping
from types import SimpleNamespace

import watched_packets
from fuzz.target import Target, check, choose, chosen, printable

from imds_probe.imds.outcomes import of_beginning
from imds_probe.net import packets
from imds_probe.net.capture import Arrivals
from imds_probe.net.tap import Tap
from imds_probe.watch import connections, owner, requests, tracing
from imds_probe.watch.lives import BEGUN, MOVED, RENAMED, RUN, Lives
from imds_probe.watch.ring import Packet
from imds_probe.watch.segments import sent_on
from imds_probe.watch.tracepoint import EVENT, Tracepoint
from imds_probe.watch.tracing import NotToBeHad, Tracing, read_format

MD4, MD6 = bytes([169, 254, 169, 254]), bytes.fromhex("fd000ec2") + bytes(10) + b"\x02\x54"


def _seen(found: list[requests.HttpRequestHead]) -> None:
    for each in found:
        for text in (each.path, each.user_agent, each.method):
            printable(text, requests.TEXT_MAX)


def _request(data: bytes) -> None:
    """What clients send, in two parts, and as a whole: the same requests come of it."""
    reader, whole = requests.RequestReader(), requests.RequestReader()
    half = len(data) // 2
    found = [*reader.feed(data[:half]), *reader.feed(data[half:]), *reader.give_up()]
    _seen(found)
    _seen([*whole.feed(data), *whole.give_up()])
    of_beginning(data[:64])


def _packets(data: bytes) -> None:
    """Packets as they come from an interface, of a length that the first byte says; and as a capture of answers reads them."""
    calls: list[connections.Call] = []
    seen = connections.Connections([MD4, MD6], 80, lambda interface: interface == 1, calls.append, calls.append)
    tap = SimpleNamespace(_family="ipv6", _address="fd00:ec2::254")
    while data:
        length = 20 + data[0]
        packet, data = data[1:length], data[length:]
        for interface, outgoing in ((2, False), (1, True), (1, False)):
            seen.packet(Packet(0.0, interface, outgoing, packet))
        sent_on(packet, 80)
        parsed = packets.parse(packet)
        if parsed is not None:
            check(parsed.source)
            assert 0 <= parsed.ttl <= 255
            Arrivals.at(parsed.destination_port, [parsed])
        Tap._parsed(tap, packet, [(41, 52, packet[:4])])  # type: ignore[arg-type]
    seen.give_up(1.0)
    assert not seen.undecided
    _seen([call.request for call in calls])


def _packet_seeds() -> Mapping[str, bytes]:
    ip4 = [
        watched_packets.to(1, flags=2),
        watched_packets.to(2, watched_packets.V1),
        watched_packets.back(5, watched_packets.OK),
    ]
    options = [
        watched_packets.to(1, flags=2, options=b"\2\4\5\xb4", ip_options=b"\x94\4\0\0"),
        watched_packets.to(2, watched_packets.V2),
    ]
    client = "fd00::5"
    ip6 = [
        watched_packets.to(1, flags=2, client=client),
        watched_packets.to(2, watched_packets.V1, client=client, extension=b"\6\0\1\4\0\0\0\0"),
        watched_packets.back(9, watched_packets.OK, client=client),
    ]
    talk = watched_packets.Talk()
    whole = [packet for _, packet in talk.opened() + talk.asks() + talk.asks(watched_packets.V2)]
    joined = {"ip4": ip4, "options": options, "ip6": ip6, "whole": whole}
    return {name: b"".join(bytes([len(each) - 19]) + each for each in some) for name, some in joined.items()}


def _traced(data: bytes) -> None:
    """A page of the kernel's notes, with formats of the events as the input has them or as they are."""
    at, content = choose(data, 4)
    if at == 0:
        with contextlib.suppress(NotToBeHad):
            number, fields = read_format(content.decode(errors="replace"))
            assert number >= 0
            for offset, size in fields.values():
                assert offset >= 0 and size >= 0
        return
    events = (EVENT, *(BEGUN, RUN, MOVED, RENAMED))
    kinds = {number: (name, _FIELDS) for number, name in enumerate(events, 1)}
    page = struct.pack("=QQ", 5, len(content)) + content if at == 1 else content
    traced = SimpleNamespace(_kinds=kinds, lost_until=0)
    firings = list(Tracing._read(traced, _pipe(page)))  # type: ignore[arg-type]
    point, lives = Tracepoint.__new__(Tracepoint), Lives.__new__(Lives)
    point._begun, point._ended, point._tracing = OrderedDict(), OrderedDict(), _Fired(firings)  # type: ignore[assignment]
    point._services, point._glanced = frozenset([MD4, MD6]), []
    lives._known, lives._threads, lives._known_since = OrderedDict(), OrderedDict(), 0
    lives._tracing = _Fired([each for each in firings if each.event != EVENT])  # type: ignore[assignment]
    point._tracing.fired = [each for each in firings if each.event == EVENT]  # type: ignore[attr-defined]
    point.glance()
    for connect in point.connects():
        check(connect.local)
    lives.of(7)
    for life in lives._known.values():
        printable(life.ran, 300)
        for path in life.cgroups.values():
            printable(path, 1024)


class _Fired:
    """Stands in for what was traced."""

    def __init__(self, fired: list[tracing.Firing]) -> None:
        self.fired, self.lost_until, self.until = fired, 0, 0

    def firings(self) -> list[tracing.Firing]:
        return self.fired


def _pipe(page: bytes) -> int:
    descriptor = os.memfd_create("page")
    os.write(descriptor, page)
    os.lseek(descriptor, 0, os.SEEK_SET)
    _OPEN.append(descriptor)
    while len(_OPEN) > 4:
        os.close(_OPEN.pop(0))
    return descriptor


_OPEN: list[int] = []
_FIELDS = {
    **{"skaddr": (8, 8), "newstate": (16, 4), "sport": (24, 2), "family": (28, 2), "saddr": (32, 4), "daddr": (36, 4)},
    **{"saddr_v6": (40, 16), "daddr_v6": (56, 16), "pid": (8, 4), "clone_flags": (28, 8), "filename": (8, 4)},
    **{"dst_root": (8, 4), "dst_path": (12, 4)},
}
_FORMAT = """name: inet_sock_set_state
ID: 1476
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;
"""


def _traced_seeds() -> Mapping[str, bytes]:
    def record(kind: int, body: bytes) -> bytes:
        content = struct.pack("=HxxI", kind, 7) + body
        content = content.ljust(-(-len(content) // 4) * 4, b"\0")
        return struct.pack("=II", 0, len(content) + 4) + content

    state = struct.pack("=QIIHHHHH", 9, 2, 0, 4000, 0, 2, 0, 0).ljust(24, b"\0") + bytes(40)
    ran = struct.pack("=I", 8 << 16 | 12) + b"/bin/x\0\0"
    moved = struct.pack("=II", 1, 8 << 16 | 16) + b"/a/b\0\0\0\0"
    firings = (
        record(1, state) + record(1, state.replace(b"\2\0\0\0", b"\1\0\0\0", 1)) + record(3, ran) + record(4, moved)
    )
    begun = record(2, struct.pack("=I16sQ", 9, b"app", 0x10000)) + record(5, bytes(40))
    return {
        "format": chosen(0, _FORMAT),
        "page": chosen(1, firings + begun),
        "page-with-head": chosen(2, struct.pack("=QQ", 5, len(firings)) + firings),
        "extended": chosen(1, struct.pack("=III", 1 << 5 | 30, 2, 5 << 5 | 31) + firings),
    }


class _Asked:
    """Stands in for a socket of the kernel that answers so."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def send(self, _: bytes) -> None: ...

    def recv(self, length: int) -> bytes:
        return self._answer[:length]


def _netlink(data: bytes) -> None:
    found = owner.answered(_Asked(data), b"")  # type: ignore[arg-type]
    assert found is None or 0 < found.inode < 1 << 32


_ANSWER = struct.pack("=IHHII", 88, 20, 0, 1, 0) + bytes(68) + struct.pack("=I", 4242)
TARGETS = {
    "request": Target(
        lambda _: _request,
        lambda: {
            "get": b"GET /a HTTP/1.1\r\nUser-Agent: x\r\nX-aws-ec2-metadata-token: t\r\nContent-Length: 3\r\n\r\nabc",
            "put": b"PUT /latest/api/token HTTP/1.1\r\nX-AWS-EC2-Metadata-Token-TTL-Seconds: 60\r\nContent-Length: 0\r\n\r\n",
            "two": watched_packets.V1 + watched_packets.V2,
            "answer": watched_packets.OK,
        },
    ),
    "packets": Target(lambda _: _packets, _packet_seeds),
    "tracing": Target(lambda _: _traced, _traced_seeds),
    "netlink": Target(lambda _: _netlink, lambda: {"answer": _ANSWER}),
}
