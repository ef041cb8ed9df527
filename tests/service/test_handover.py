from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from soon import SOON_S
from watched_calls import NOW, SEEN

from imds_probe.errors import ProbeError
from imds_probe.service import handover
from imds_probe.service.handover import SOCKET, Handed, HandoverError, Listening, decoded, encoded, sent, take_over

HANDED = Handed(NOW, 1.0, NOW + 60, True, 2, {"veth2": 3}, (SEEN, replace(SEEN, caller=None, how="none", status=None)))
NO_TEXT = encoded(HANDED).replace(b"/latest", b"/l\xb1test")  # which is no UTF-8


def answering(listening: Listening, answer) -> threading.Thread:
    """Whoever connects gets this; the thread ends with that."""

    def wait() -> None:
        deadline = time.monotonic() + SOON_S
        while (connection := listening.connected()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if connection is not None:
            with connection:
                answer(connection)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.fixture
def place(tmp_path):
    return tmp_path / "run"


def test_what_was_seen_comes_over_as_it_was(place):
    with closing(Listening(place)) as listening:
        thread = answering(listening, lambda connection: sent(connection, HANDED))
        assert take_over(place) == HANDED
        thread.join()
    assert take_over(place) is None
    assert not (place / SOCKET).exists()


def test_without_an_early_watch_there_is_nothing_to_take_over(place):
    assert take_over(place) is None
    listening = Listening(place)
    listening._socket.close()  # as one that was killed leaves it
    assert take_over(place) is None
    with closing(Listening(place)):
        pass


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "ended before it had said all"),
        (struct.pack("=Q", 100) + b"x", "ended before it had said all"),
        (struct.pack("=Q", 1 << 40), "wants to send 1099511627776 bytes"),
        (struct.pack("=Q", 2) + b"{}", "sent no message"),
        (struct.pack("=Q", 4) + b"[[[[", "sent no message"),
        (struct.pack("=Q", len(NO_TEXT)) + NO_TEXT, "sent no message"),
    ],
)
def test_what_is_no_message_is_an_error(place, answer, why):
    with closing(Listening(place)) as listening:
        thread = answering(listening, lambda connection: connection.sendall(answer))
        with pytest.raises(HandoverError, match=why):
            take_over(place)
        thread.join()


def test_one_that_says_nothing_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(handover, "WITHIN_S", 0.2)
    with closing(Listening(place)), pytest.raises(HandoverError, match="did not answer"):
        take_over(place)


@pytest.mark.parametrize(
    "changes",
    [
        {"lost": -1},
        {"unconfirmed": {"veth2": -1}},
        {"began": -1.0},
        {"steady_began": time.monotonic() + 1e9},
        {"calls": (replace(SEEN, at=-5.0),)},
        {"calls": (SEEN,) * (handover.CALLS_MAX + 1)},
    ],
)
def test_what_cannot_be_true_is_not_believed(changes):
    with pytest.raises(HandoverError, match="cannot be true"):
        decoded(encoded(replace(HANDED, **changes)))


def test_a_directory_that_others_can_write_to_is_not_used(place):
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(ProbeError, match="can be written by other users"):
        Listening(place)
    with closing(socket.socket(socket.AF_UNIX)) as theirs:
        theirs.bind(str(place / SOCKET))
        theirs.listen()
        with pytest.raises(ProbeError, match="can be written by other users"):
            take_over(place)
