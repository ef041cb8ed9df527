from dataclasses import replace

import pytest

from imds_probe.collect import reaches
from imds_probe.collect.reaches import Reference
from imds_probe.facts.containers import Hop
from imds_probe.imds.endpoints import IPV4
from imds_probe.imds.exchange import Attempt
from imds_probe.imds.replies import Outcome

ORIGIN = Attempt(Outcome.OK, "HTTP status 200", status=200, server="EC2ws", syn_ack_ttl=64, answer_ttl=2)
REFERENCE = Reference(IPV4, ORIGIN, 2)
WEB = replace(ORIGIN, syn_ack_ttl=63, answer_ttl=1)
LOST = Attempt(Outcome.ANSWER_LOST, "no answer", syn_ack_ttl=61)
SILENT = replace(LOST, detail="connected, but received no answer: the time limit came first")
GATEWAY = replace(LOST, outcome=Outcome.UNEXPECTED, status=504, server="EC2ws", detail="HTTP status 504")
KIAM = replace(WEB, server="kiam")
FORBIDDEN = replace(WEB, outcome=Outcome.FORBIDDEN, status=403, detail="HTTP status 403")
GARBAGE = replace(WEB, outcome=Outcome.GARBAGE, status=None, detail="nonsense")
WAY = (Hop("a", "", "eth0"), Hop("b", "c", "eth0"), Hop("d", "e", "eth0"), Hop("host", "f", "ens5"))


def told(reach):
    return reach.token, reach.distance, reach.needs_hop_limit, reach.expected, reach.confirmed


def test_the_host_is_its_own_reference():
    assert told(reaches.of_host(REFERENCE)) == ("ok", 0, 1, "ok", True)


@pytest.mark.parametrize(
    ("attempt", "seen", "expected"),
    [
        (WEB, True, ("ok", 1, 2, "ok", True)),
        (LOST, True, ("lost", 3, 4, "lost", True)),
        (KIAM, True, ("answered-by-proxy", None, None, None, True)),
        (FORBIDDEN, True, ("answered-by-proxy", None, None, None, True)),
        (GARBAGE, True, ("error", 1, 2, "ok", True)),
        (WEB, False, ("ok", None, None, None, False)),
        (KIAM, False, ("answered-by-proxy", None, None, None, False)),
        (FORBIDDEN, False, ("answered-by-proxy", None, None, None, False)),
        (LOST, False, ("error", None, None, None, False)),
        (SILENT, False, ("lost", None, None, None, False)),
        (replace(GATEWAY, server="envoy"), False, ("lost", None, None, None, False)),
        (replace(GATEWAY, server=None), False, ("lost", None, None, None, False)),
        (GATEWAY, False, ("answered-by-proxy", None, None, None, False)),
        (GARBAGE, False, ("error", None, None, None, False)),
        (Attempt(Outcome.REFUSED, "refused"), False, ("refused", None, None, None, None)),
        (Attempt(Outcome.CONNECT_TIMEOUT, "silence"), False, ("unreachable", None, None, None, None)),
    ],
)
def test_from_what_root_made(attempt, seen, expected):
    assert told(reaches.of_root(REFERENCE, attempt, seen=seen)) == expected


@pytest.mark.parametrize("attempt", [LOST, SILENT, GARBAGE])
def test_what_the_host_did_not_see_is_said(attempt):
    assert reaches.NOT_SEEN in reaches.of_root(REFERENCE, attempt, seen=False).detail
    assert reaches.NOT_SEEN not in reaches.of_root(REFERENCE, attempt, seen=True).detail


@pytest.mark.parametrize("attempt", [WEB, LOST, KIAM])
def test_where_nobody_could_look_nothing_is_concluded(attempt):
    reach = reaches.of_root(REFERENCE, attempt, seen=False, unseen="no right to capture")
    assert told(reach) == ("error", None, None, None, False)
    assert reach.detail == "no right to capture"


@pytest.mark.parametrize(
    ("attempt", "seen", "expected"),
    [
        (WEB, True, ("ok", 1, 2, "ok", True)),
        (LOST, True, ("lost", 3, 4, "lost", True)),
        (WEB, False, ("ok", None, None, None, False)),
        (replace(WEB, syn_ack_ttl=64, answer_ttl=64), False, ("ok", None, None, None, False)),
        (KIAM, False, ("answered-by-proxy", None, None, None, False)),
        (FORBIDDEN, False, ("answered-by-proxy", None, None, None, False)),
        (LOST, False, ("lost", None, None, None, False)),
        (replace(LOST, syn_ack_ttl=1), False, ("lost", None, None, None, False)),
        (Attempt(Outcome.REFUSED, "refused"), False, ("refused", None, None, None, None)),
    ],
)
def test_from_what_a_user_made(attempt, seen, expected):
    assert told(reaches.of_user(REFERENCE, attempt, seen=seen)) == expected


def test_a_relay_is_said():
    assert reaches.of_root(REFERENCE, WEB, seen=False).detail == "HTTP status 200, through a relay"
    assert reaches.of_user(REFERENCE, WEB, seen=False).detail == "HTTP status 200, through a relay"
    assert reaches.NOT_SEEN in reaches.of_user(REFERENCE, LOST, seen=False).detail


NEAR = WAY[2:]


@pytest.mark.parametrize(
    ("attempt", "way", "expected"),
    [
        (WEB, (), (1, None, False)),
        (WEB, NEAR, (1, 1, False)),
        (replace(WEB, syn_ack_ttl=64, answer_ttl=64), NEAR, (None, 1, True)),  # set to 64
        (replace(WEB, syn_ack_ttl=64, answer_ttl=64), (), (None, None, True)),
        (replace(WEB, syn_ack_ttl=64, answer_ttl=2), NEAR, (None, 1, True)),  # 1 was added to all
        (replace(WEB, answer_ttl=9), NEAR, (None, 1, True)),  # that of the token alone
        (replace(LOST, syn_ack_ttl=64), NEAR, (None, 1, True)),
        (replace(LOST, syn_ack_ttl=64), (), (0, None, False)),  # nobody can tell
        (replace(LOST, syn_ack_ttl=61), NEAR, (3, 1, False)),  # see explained
        (replace(WEB, answer_ttl=None), NEAR, (1, 1, False)),
    ],
)
def test_ttls_that_do_not_go_together_are_no_distance(attempt, way, expected):
    reach = reaches.of_root(REFERENCE, attempt, seen=True, way=way)
    assert (reach.distance, reach.routers, reach.ttls_changed) == expected
    assert (reach.needs_hop_limit is None) == (reach.distance is None)


def test_nothing_is_measured_by_what_a_relay_on_the_host_answers():
    relayed = replace(REFERENCE, relayed=True)
    assert told(reaches.of_host(relayed)) == ("ok", None, None, None, False)
    assert told(reaches.of_root(relayed, LOST, seen=True, way=NEAR)) == ("lost", None, None, None, True)
    assert told(reaches.of_root(relayed, WEB, seen=True)) == ("ok", None, None, None, True)


def test_the_way_stands_by_a_number_above_3_that_is_to_be_tried():
    lost = reaches.of_root(REFERENCE, replace(SILENT, syn_ack_ttl=64), seen=False, way=WAY)
    assert (lost.distance, lost.routers, lost.way) == (None, 3, WAY)


@pytest.mark.parametrize(("way", "explained"), [(WAY, True), (WAY[1:], False), ((), False)])
def test_a_far_distance_is_explained_by_as_many_routers(way, explained):
    reach = reaches.of_root(REFERENCE, LOST, seen=True, way=way)
    assert (reach.distance, reach.explained) == (3, explained)
    assert reach.way == (way if explained else ())


def test_a_near_one_needs_no_explanation():
    assert reaches.of_root(REFERENCE, replace(LOST, syn_ack_ttl=62), seen=True).explained


def test_nobody_is_connected_where_nothing_took_the_connection():
    outcomes = [outcome for outcome in Outcome if not reaches.connected(Attempt(outcome, ""))]
    assert outcomes == [Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.CONNECT_TIMEOUT]
    assert not reaches.connected(Attempt(None, "gone"))
