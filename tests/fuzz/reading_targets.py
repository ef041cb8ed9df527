"""Targets: what workers say that a stranger's bytes may have taken over, and what earlier runs have left of them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from fuzz.target import Parse, Target, check, choose, chosen

from imds_probe.inventory.sdks.wanted import SOUGHT
from imds_probe.reading import messages as m
from imds_probe.reading import worker_messages as w
from imds_probe.reading.connection import LENGTH, Connection, Garbage
from imds_probe.reading.opener import OPEN_MAX, Opener
from imds_probe.reading.reader import Reader, _Gathering
from imds_probe.reading.unanswered import FILE, Unanswered
from imds_probe.reading.whereabouts import ROOM_BYTES, Whereabouts
from imds_probe.system.door import FileStatus
from imds_probe.system.walk_memory import Chunk, Held

STATUS = FileStatus(0o100644, 1, 2, 6, 3, 4, 0)
GRANTED, HIDDEN = b"granted", b"what lies beside it"


def _said(incoming: Any, content: bytes) -> Iterator[Any]:
    """The messages that arrive, until there are no more or one makes no sense."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            theirs.send(content)
        theirs.close()
        connection: Connection[Any] = Connection(ours, incoming)
        with contextlib.suppress(EOFError, Garbage):
            while True:
                yield connection.receive()


def _framed(*messages: m.Message) -> bytes:
    bodies = [msgspec.msgpack.encode(each) for each in messages]
    return b"".join(LENGTH.pack(len(body)) + body for body in bodies)


def _worker(data: bytes) -> None:
    """To the run from a parser, to a parser from an opener, and to the run from the fork server."""
    at, content = choose(data, 3)
    if at == 0:
        reader, gathering = (
            Reader.__new__(Reader),
            _Gathering(msgspec.msgpack.Decoder(dict[str, tuple[str, ...]]).decode, lambda _: "", None),
        )
        for word in _said(w.Word, content):
            if isinstance(word, w.Result):
                with contextlib.suppress(Garbage):
                    reader._take(word, gathering)
        check(gathering.found)
    else:
        assert all(isinstance(each, m.Message) for each in _said((m.Reply, w.Account)[at - 1], content))


def _worker_seeds() -> Mapping[str, bytes]:
    found = msgspec.msgpack.encode({"boto3": ("/usr/lib/python3", "1.9")})
    return {
        "words": chosen(0, _framed(w.Result(found), w.Trouble("it is torn", ""), w.DoorLost(True), w.Done())),
        "replies": chosen(1, _framed(m.Opened(3, STATUS, b"ELF"), m.Listed([b"a", b"\xff"]), m.Failed(2), m.Absent())),
        "accounts": chosen(2, _framed(w.Spawned(7), w.Ended(True, 0.5, 1 << 20), w.Imported())),
    }


def _requests(root: Path) -> Parse:
    """To an opener from a parser: below what was granted lie the files, and nothing of what lies beside it is answered."""
    granted = root / os.fsdecode(GRANTED)
    granted.mkdir(exist_ok=True)
    (granted / "file").write_bytes(b"content")
    (root / "hidden").write_bytes(HIDDEN)
    for name, target in (("out", "../hidden"), ("up", ".."), ("round", "round")):
        if not (granted / name).is_symlink():
            (granted / name).symlink_to(target)
    whereabouts = Whereabouts.made().descriptor

    def parse(data: bytes) -> None:
        orders, door = socket.socketpair()  # that nothing comes by: requests are handed on here
        with orders, door:
            opener = Opener(orders, door, whereabouts)
            opener._files.grant(str(granted), [], [])
            for request in _said(m.Request, data):
                assert HIDDEN not in msgspec.msgpack.encode(opener._reply(_at(granted, request)))
                assert len(opener._held) <= OPEN_MAX
            for handle in list(opener._held):
                opener._close(m.Close(handle))
            opener._files.revoke()

    return parse


def _at(granted: Path, request: m.Request) -> m.Request:
    """The same of the root that was granted, which seeds do not know by its path."""
    asked = getattr(request, "root", b"")
    return msgspec.structs.replace(request, root=os.fsencode(granted)) if asked == GRANTED else request


def _request_seeds() -> Mapping[str, bytes]:
    looked_up = [m.Status(GRANTED, b"up"), m.RealPath(GRANTED, b"out"), m.Link(GRANTED, b"out"), m.Names(GRANTED, b".")]
    opened = [m.Open(GRANTED, b"file", 3), m.Piece(1, 2, 5), m.Data(1, 0), m.Close(1), m.Open(GRANTED, b"7", 3, True)]
    known = msgspec.msgpack.encode(Chunk(1, [Held(2, (3, 4), ("up",), ("file",), ("out",))]))
    return {
        "opened": _framed(*opened),
        "looked-up": _framed(
            *looked_up,
            m.Statuses(GRANTED, [b"file", b"round"]),
            m.Together(GRANTED, [b"file", b"round"], 99),
            m.AllNames(GRANTED, [b".", b"file", b"round"]),
            m.Head(GRANTED, b"out", 99),
        ),
        "walked": _framed(
            m.Several(GRANTED, b".", [(b"file", 99), (b"out", 99), (b"../hidden", 99)], [b"up"]),
            m.Links(GRANTED, b".", 9),
            m.Walk(GRANTED, [b"/", b"up"], SOUGHT, [], 1000, 1e12),
            m.WalkOn(),
        ),
        "walked-again": _framed(m.Walk(GRANTED, [b"/"], SOUGHT, [], 1000, 1e12, [known], 1), m.WalkOn()),
        "far": _framed(m.Open(GRANTED, b"file", 3), m.Piece(1, 2**63, 2**63), m.Data(1, 2**63)),
    }


def _left(root: Path) -> Parse:
    """What earlier runs left in the state directory; and memory that an opener writes."""
    memory = Whereabouts.made()

    def parse(data: bytes) -> None:
        (root / FILE).write_bytes(data)
        assert Unanswered(root).refused("/") is not None
        os.pwrite(memory.descriptor, data[:ROOM_BYTES], 0)
        assert sum(map(len, memory.get()[:2])) <= ROOM_BYTES

    return parse


def _left_seeds() -> Mapping[str, bytes]:
    entry = {
        "place": {"root": "/", "path": "/etc", "device": "0:41"},
        "pid": os.getpid(),
        "started": "1",
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
    }
    return {"left": json.dumps([entry]).encode(), "short": LENGTH.pack(9) + b"/\0etc/x"}


TARGETS = {
    "worker-words": Target(lambda _: _worker, _worker_seeds),
    "worker-requests": Target(_requests, _request_seeds),
    "left-behind": Target(_left, _left_seeds),
}
