"""Which traced connection is which that was seen: by port, address, time and network."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from watched_calls import CURL

from imds_probe.watch import connects as module
from imds_probe.watch.connection import Answers, Connection
from imds_probe.watch.connects import AT_ONCE_S, SENT_AGAIN_S, Connects
from imds_probe.watch.tracepoint import Connect

SERVICE, NOW = "169.254.169.254", 1000.0
HOST, OTHER = replace(CURL, pid=7, netns=1), replace(CURL, pid=8, netns=2)


def seen(client: str = "10.0.0.5", began: float = NOW, answers: Answers = "uplink", port: int = 4000) -> Connection:
    ends = (socket.inet_aton(client), port, socket.inet_aton(SERVICE))
    return Connection("ipv4", client, port, SERVICE, [((2, True), ends)], began, 1, 1, answers)


def traced(*callers, local: str = "10.0.0.5", at: float = NOW, may_be_of=lambda *_: True) -> Connects:
    connects = Connects(may_be_of)
    for caller in callers:
        connects.note(Connect(0, caller.pid, local, 4000, SERVICE), at, caller)
    return connects


def test_the_same_address_port_and_time_is_it_at_once() -> None:
    connects, connection = traced(HOST), seen()
    assert connects.maker(connection, waited=False) is HOST
    assert connects.maker(connection, waited=False) is HOST


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"began": NOW + SENT_AGAIN_S}, True),  # its SYN was lost out of sight, and sent again
        ({"began": NOW + SENT_AGAIN_S + 0.1}, False),
        ({"began": NOW - AT_ONCE_S - 0.1}, False),
        ({"client": "172.17.0.2"}, True),  # translated out of sight
        ({"port": 4001}, False),
    ],
)
def test_what_is_less_sure_is_it_once_all_was_read(changes, found: bool) -> None:
    connects, connection = traced(HOST), seen(**changes)
    assert connects.maker(connection, waited=False) is None
    assert (connects.maker(connection, waited=True) is HOST) is found


def test_one_connect_makes_one_connection() -> None:
    """Somebody who uses the same port just then is not who made the other one."""
    connects = traced(HOST, local="10.88.0.2")
    assert connects.maker(seen("172.17.0.2"), waited=True) is HOST
    assert connects.maker(seen("172.17.0.3"), waited=True) is None


def test_what_is_only_claimed_waits_and_gives_way() -> None:
    connects = traced(HOST)
    claimed = seen(began=NOW + 0.01, answers="elsewhere")
    assert connects.maker(claimed, waited=False) is None
    assert connects.maker(claimed, waited=True) is HOST
    assert connects.maker(seen(), waited=True) is HOST
    assert connects.maker(seen(began=NOW + 0.02, answers="elsewhere"), waited=True) is None


def test_only_who_can_have_made_it_is_it() -> None:
    def may_be_of(netns: int | None, local: str, connection: Connection) -> bool:
        return netns == 2

    assert traced(HOST, OTHER, may_be_of=may_be_of).maker(seen(), waited=True) is OTHER
    assert traced(HOST, may_be_of=may_be_of).maker(seen(), waited=True) is None


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTS_MAX", 5)
    connects = Connects(lambda *_: True)
    for port in range(100):
        connects.note(Connect(0, 7, "10.0.0.5", port, SERVICE), NOW, HOST)
    assert len(connects._keys) == len(connects._traced) == 5
    assert connects.maker(seen(port=99), waited=True) is HOST
    assert connects.maker(seen(port=1), waited=True) is None


def test_of_one_call_a_minute_it_keeps_an_hour() -> None:
    connects = Connects(lambda *_: True)
    for port in range(1000, 2000):
        connects.note(Connect(0, 7, "10.0.0.5", port, SERVICE), NOW + 60 * port, HOST)
    assert len(connects._keys) == len(connects._traced) == module.KEPT_S / 60 + 1
    assert connects.maker(seen(port=1999, began=NOW + 60 * 1999), waited=True) is HOST
    assert connects.maker(seen(port=1939, began=NOW + 60 * 1939), waited=True) is HOST
    assert connects.maker(seen(port=1938, began=NOW + 60 * 1938), waited=True) is None


def test_a_port_from_which_somebody_connected_lately() -> None:
    connects = traced(HOST)
    assert connects.has(4000, socket.inet_aton(SERVICE))
    assert not connects.has(4001, socket.inet_aton(SERVICE))
    assert not connects.has(4000, socket.inet_aton("169.254.169.253"))
