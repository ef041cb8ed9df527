from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from watched_calls import CURL

from imds_probe.watch import unconfirmed as module
from imds_probe.watch.connection import APART, Connection
from imds_probe.watch.unconfirmed import Sender, Unconfirmed, counted, said_unconfirmed

SERVICE = "169.254.169.254"
LOOPBACK = socket.if_nametoindex("lo")


def connection(client: str = "10.0.0.5", interface: int = LOOPBACK, *, outgoing: bool = False) -> Connection:
    ends = (socket.inet_aton(client), 4000, socket.inet_aton(SERVICE))
    return Connection("ipv4", client, 4000, SERVICE, [((interface, outgoing), ends)], 1.0, 1, 1)


def test_they_are_counted_by_where_they_came_from() -> None:
    unconfirmed = Unconfirmed({LOOPBACK: CURL}.get)
    for each in (connection(), connection(), connection(outgoing=True), connection("10.0.0.6")):
        unconfirmed.add(each)
    assert unconfirmed.count == 4
    into, out = unconfirmed.take()
    assert (into.interface, into.caller, into.addresses, into.count, into.place) == ("lo", CURL, 2, 3, "lo in")
    assert (out.interface, out.caller, out.client, out.count, out.place) == ("lo", None, "10.0.0.5", 1, "lo out")
    assert unconfirmed.take() == []
    unconfirmed.add(connection(interface=99999))
    assert [each.interface for each in unconfirmed.take()] == ["interface 99999 (since removed)"]


def test_whoever_is_behind_it_is_asked_for_once() -> None:
    asked: list[int] = []
    unconfirmed = Unconfirmed(lambda interface: asked.append(interface) or CURL)
    for _ in range(5):
        unconfirmed.add(connection())
        assert [each.caller for each in unconfirmed.take()] == [CURL]
    assert asked == [LOOPBACK]


@pytest.mark.parametrize(
    ("changes", "container", "said"),
    [
        ({}, None, "came in by veth2 from process 7 (curl), source address 10.0.0.5"),
        ({}, "shop/web", "came in by veth2 from container shop/web, source address 10.0.0.5"),
        ({"caller": None, "addresses": 9}, None, "came in by veth2, several source addresses"),
        (
            {"interface": ""},
            "shop/web",
            "sent from container shop/web by an interface of its own, source address 10.0.0.5",
        ),
        ({"interface": "", "addresses": 0}, "shop/web", "made where nobody watched yet from container shop/web"),
        ({"interface": "", "addresses": 0}, None, "made where nobody watched yet from process 7 (curl)"),
        ({"caller": None, "outgoing": True}, None, "sent by this host over veth2, source address 10.0.0.5"),
    ],
)
def test_in_words(changes, container, said) -> None:
    values = {"interface": "veth2", "outgoing": False, "caller": CURL, "client": "10.0.0.5", "addresses": 1, "count": 3}
    sender = Sender(**values | changes)
    assert counted([sender, sender], lambda _: container) == {said: 6}


def test_connections_of_which_nothing_was_seen_are_counted_by_their_network() -> None:
    unconfirmed = Unconfirmed(lambda _: CURL)
    one, other = replace(CURL, netns=70), replace(CURL, netns=71, pid=8)
    for caller in (one, one, other):
        unconfirmed.add_unseen(caller)
    unconfirmed.add(connection(interface=APART + 2))
    assert unconfirmed.count == 4
    first, second, third = unconfirmed.take()
    assert (first.caller, first.count, first.addresses, first.place) == (one, 2, 0, "network 70")
    assert (second.caller, second.count, second.place) == (other, 1, "network 71")
    assert (third.interface, third.caller, third.addresses) == ("", CURL, 1)
    assert (
        said_unconfirmed(first, "made") == "a connection to the metadata service was made: it may be a call by IMDSv1"
    )
    assert said_unconfirmed(third, "sent") == "unconfirmed requests by IMDSv1, which may be forged: sent"


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES_MAX", 3)
    monkeypatch.setattr(module, "ADDRESSES_MAX", 5)
    unconfirmed = Unconfirmed(lambda _: None)
    for number in range(100):
        unconfirmed.add(connection(f"10.0.0.{number}", 90000 + number))
        unconfirmed.add_unseen(replace(CURL, netns=number))
    senders = unconfirmed.take()
    assert (len(senders), sum(each.count for each in senders), unconfirmed.count) == (3, 200, 200)
    assert max(each.addresses for each in senders) == 5
