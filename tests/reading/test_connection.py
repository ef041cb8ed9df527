from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from soon import SOON_S

from imds_probe.reading import messages as m
from imds_probe.reading.connection import Connection, Garbage

Pair = tuple[Connection[m.Reply], socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """One end as we have it, and the bare other one."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(ours, m.Reply, takes_descriptors=True, frame_max_bytes=1 << 20), theirs


def soon() -> float:
    return time.monotonic() + SOON_S


def test_messages_come_whole_and_in_their_order(pair: Pair) -> None:
    ours, theirs = pair
    other: Connection[m.Reply] = Connection(theirs, m.Reply)
    sent = [m.Content(b"x" * size) for size in (0, 1, 100_000, 999_000)] + [m.Absent(), m.Unreadable("a", "b")]
    thread = threading.Thread(target=lambda: [other.send(each, soon()) for each in sent])
    thread.start()
    assert [ours.receive(soon()) for _ in sent] == sent
    thread.join()
    assert ours.arrived() is None


def test_byte_by_byte(pair: Pair) -> None:
    ours, theirs = pair
    frame = b"\2\0\0\0\x91\xa6"  # the beginning of what is longer
    for byte in frame[:-1]:
        theirs.send(bytes([byte]))
        assert ours.arrived() is None
    theirs.send(frame[-1:])
    with pytest.raises(Garbage):
        ours.arrived()


@pytest.mark.parametrize(
    "sent", [b"\xff\xff\xff\xff", b"\1\0\0\0\xc1", b"\4\0\0\0\x91\xa2no", b"\1\0\0\0\x90", b"\0\0\0\0"]
)
def test_what_is_no_message_is_garbage(pair: Pair, sent: bytes) -> None:
    ours, theirs = pair
    theirs.send(sent)
    with pytest.raises(Garbage):
        ours.receive(soon())


def test_nothing_is_waited_for_past_a_deadline(pair: Pair) -> None:
    ours, theirs = pair
    with pytest.raises(TimeoutError):
        ours.receive(time.monotonic() + 0.01)
    with pytest.raises(TimeoutError):  # nobody takes it
        ours.send(m.Content(b"x" * 10_000_000), time.monotonic() + 0.01)
    theirs.send(b"\7\0")
    with pytest.raises(TimeoutError):
        ours.receive(time.monotonic() - 1)


def test_who_is_gone_is_said(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive(soon())
    with pytest.raises(EOFError):
        ours.send(m.Absent(), soon())
    with pytest.raises(EOFError):
        ours.send(m.Absent(), soon(), (0,))


def test_descriptors_come_along(pair: Pair) -> None:
    ours, theirs = pair
    reading, writing = os.pipe()
    Connection(theirs, m.Reply).send(m.Absent(), soon(), (writing,))
    os.close(writing)
    assert ours.receive(soon()) == m.Absent()
    (came,) = ours.descriptors
    os.write(came, b"through")
    assert os.read(reading, 10) == b"through"
    assert not os.get_inheritable(came)
    for descriptor in (came, reading):
        os.close(descriptor)
