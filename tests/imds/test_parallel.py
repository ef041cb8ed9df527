"""Token PUTs from the namespaces of a lab to the real simulator, with its faults."""

import os
import socket
import struct
import time

import pytest
from soon import SOON_S, wait_for

from imds_probe.imds import exchange
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.imds.exchange import PACKETS_PER_REQUEST, Way
from imds_probe.imds.pace import LINK_LOCAL_PACKETS_PER_S, Pacer
from imds_probe.imds.parallel import put_tokens
from imds_probe.imds.replies import Outcome
from imds_probe.simulator.faults import Fault
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

ENDPOINT = pytest.mark.parametrize("endpoint", [IPV4, IPV6], ids=["ipv4", "ipv6"])
ETH_P_ALL = 0x0003  # <linux/if_ether.h>
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35  # <asm-generic/socket.h>


@pytest.fixture(scope="module")
def lab():
    with Lab("parallel") as built:
        built.add_container("web")
        built.add_container("api")
        built.add_container("deep", "nested", inside=built.nodes["web"])
        yield built


@pytest.fixture(scope="module")
def _service(lab):
    listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
    state = InstanceState(http_protocol_ipv6="enabled", hop_limit=9)
    with Simulator(state, listen, netns=str(lab.service.netns)) as simulator:
        for endpoint in (IPV4, IPV6):  # neighbours are found before anything is counted
            asked(lab, "instance", "web", "api", "deep", endpoint=endpoint)
        simulator.update(hop_limit=1)
        yield simulator


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A slow machine's answers come all the same. For what never comes, a test says how long it waits."""

    def of(seconds):
        monkeypatch.setattr(exchange, "PATIENCE_S", seconds)

    monkeypatch.setattr(exchange, "CONNECT_S", SOON_S)
    of(SOON_S)
    return of


@pytest.fixture
def service(_service):
    yield _service
    _service.update(**InstanceState(http_protocol_ipv6="enabled").to_mapping())
    _service.reset_counts()


def way(node, endpoint=IPV4):
    return Way(node.netns, node.inode, endpoint)


def asked(lab, *names, endpoint=IPV4, origin=None, counter=None, pacer=None, timeout_s=SOON_S):
    return put_tokens(
        [way(lab.nodes[name], endpoint) for name in names],
        origins={endpoint: origin} if origin else {},
        pacer=pacer or Pacer(),
        deadline=time.monotonic() + timeout_s,
        counter=counter or RequestCounter(),
    )


@ENDPOINT
def test_each_in_its_place_with_the_ttls_of_the_wire(lab, service, endpoint):
    service.update(hop_limit=5)
    origin, *others = asked(lab, "instance", "web", "deep", "api", endpoint=endpoint)
    assert (origin.outcome, origin.syn_ack_ttl, origin.answer_ttl, origin.server) == (Outcome.OK, 64, 5, "EC2ws")
    assert [each.distance_from(origin) for each in others] == [1, 2, 1]
    assert [each.answer_ttl for each in others] == [4, 3, 4]


@ENDPOINT
def test_what_distance_says_is_lost_is_not_waited_for(lab, service, endpoint, patience):
    patience(2 * SOON_S)
    (origin,) = asked(lab, "instance", endpoint=endpoint)
    service.reset_counts()
    started = time.monotonic()
    lost = asked(lab, "web", "deep", "api", endpoint=endpoint, origin=origin, timeout_s=4 * SOON_S)
    assert time.monotonic() - started < SOON_S
    assert [each.outcome for each in lost] == [Outcome.ANSWER_LOST] * 3
    assert service.counts.token_puts == 3  # each tried, and once


def test_what_should_arrive_is_waited_for_and_asked_for_again(lab, service, patience):
    service.update(hop_limit=3)
    (origin,) = asked(lab, "instance")
    patience(3.0)
    service.update(faults=(Fault("silence-after-request"),))
    service.reset_counts()
    started = time.monotonic()
    (lost,) = asked(lab, "web", origin=origin)
    assert time.monotonic() - started > 2 * 3.0
    assert (lost.outcome, service.counts.token_puts) == (Outcome.ANSWER_LOST, 2)


def test_one_lost_answer_is_made_good_by_the_next(lab, service, patience):
    service.update(hop_limit=3)
    (origin,) = asked(lab, "instance")
    patience(5.0)
    service.update(faults=(Fault("silence-after-request", count=1),))
    (result,) = asked(lab, "web", origin=origin)
    assert result.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("reset-before-answer"), Outcome.ANSWER_LOST),
        (Fault("close"), Outcome.ANSWER_LOST),
        (Fault("garbage"), Outcome.GARBAGE),
        (Fault("reset-mid-answer"), Outcome.GARBAGE),
        (Fault("oversized-body"), Outcome.GARBAGE),
        (Fault("endless-headers"), Outcome.GARBAGE),
        (Fault("endless-body"), Outcome.GARBAGE),
        (Fault("content-length-too-long"), Outcome.GARBAGE),
        (Fault("content-length-negative"), Outcome.GARBAGE),
        (Fault("content-length-not-a-number"), Outcome.GARBAGE),
        (Fault("drip", interval_ms=200), Outcome.GARBAGE),
        (Fault("redirect", location="http://169.254.169.254/"), Outcome.UNEXPECTED),
        (Fault("status", status=400), Outcome.BAD_REQUEST),
        (Fault("status", status=403), Outcome.FORBIDDEN),
        (Fault("status", status=404), Outcome.NOT_FOUND),
        (Fault("status", status=503), Outcome.THROTTLED),
        (Fault("token-empty"), Outcome.GARBAGE),
        (Fault("token-binary"), Outcome.GARBAGE),
        (Fault("token-html"), Outcome.GARBAGE),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else str(value),
)
def test_every_trouble_has_its_outcome(lab, service, patience, fault, outcome):
    patience(5.0 if fault.kind == "drip" else SOON_S)
    service.update(hop_limit=9, faults=(fault,))
    results = asked(lab, "web", "deep")
    assert [each.outcome for each in results] == [outcome] * 2
    assert not any(secret in repr(results) for secret in service.issued_secrets)


def test_troubles_of_some_are_not_those_of_others(lab, service):
    service.update(hop_limit=9, faults=(Fault("garbage", after=3, count=3),))
    outcomes = [each.outcome for each in asked(lab, *["web", "api", "deep"] * 4)]
    assert sorted(outcomes) == [Outcome.GARBAGE] * 3 + [Outcome.OK] * 9


def test_requests_are_counted_and_never_without_a_token(lab, service):
    service.update(hop_limit=9)
    counter = RequestCounter()
    asked(lab, "web", "api", counter=counter)
    assert (counter.imdsv1, counter.imdsv2) == (0, service.counts.token_puts)
    assert service.counts.imdsv1 == 0
    assert service.counts.token_puts == 2


def test_nobody_there_is_told_from_nobody_answering(lab):
    with Lab("empty") as empty:
        empty.add_container("web")
        empty.add_container("stranded", no_route=True)
        results = asked(empty, "web", "stranded", "instance")
    assert [each.outcome for each in results] == [Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.REFUSED]


def test_a_namespace_that_is_another_now_or_gone(lab, service):
    service.update(hop_limit=9)
    node = lab.nodes["web"]
    ways = [Way(node.netns, 1, IPV4), Way(node.netns.with_name("never-was"), 2, IPV4), way(node)]
    deadline = time.monotonic() + SOON_S
    results = put_tokens(ways, origins={}, pacer=Pacer(), deadline=deadline, counter=RequestCounter())
    assert [(each.outcome, each.gone) for each in results[:2]] == [(None, True)] * 2
    assert not results[2].gone


def test_something_that_is_no_namespace_is_said(lab, service, tmp_path):
    ways = [Way(tmp_path, 1, IPV4)]
    (result,) = put_tokens(
        ways, origins={}, pacer=Pacer(), deadline=time.monotonic() + SOON_S, counter=RequestCounter()
    )
    assert (result.outcome, result.gone) == (None, False)
    assert "not a namespace" in result.detail


def test_the_deadline_ends_all(lab, service):
    service.update(faults=(Fault("silence-after-request"),))
    started = time.monotonic()
    results = asked(lab, *["web"] * 40, timeout_s=0.3)
    assert time.monotonic() - started < SOON_S
    assert {(each.outcome, each.detail) for each in results} == {(None, "the time of the run was up")}


def test_nothing_stays_open(lab, service):
    before = len(os.listdir("/proc/self/fd"))
    service.update(hop_limit=9, faults=(Fault("garbage", after=4, count=4),))
    asked(lab, *["web", "deep", "api", "instance"] * 4)
    asked(lab, *["web"] * 10, timeout_s=0.05)
    # The simulator is of the same process, and closes its own a moment later.
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


class OnTheWire:
    """The times and flags of TCP packets that arrive in the service's namespace."""

    def __init__(self, lab):
        self._tap = lab.service.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._tap.setblocking(False)
        self._tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 * 1024 * 1024)
        self._tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def packets(self):
        found = []
        while True:
            try:
                packet, ancillary, _, address = self._tap.recvmsg(100, 64)
            except BlockingIOError:
                self._tap.close()
                return found
            if address[2] != socket.PACKET_OUTGOING and packet[0] == 0x45 and packet[9] in (1, 6):
                seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
                found.append((seconds + nanoseconds / 1e9, "ICMP" if packet[9] == 1 else packet[33]))


def test_three_packets_leave_for_an_answered_request(lab, service):
    """Where it gets its turn in time: an acknowledgement waits for what could take it along no longer than 40 ms."""
    service.update(hop_limit=2)

    def flags_of_three():
        wire = OnTheWire(lab)
        assert asked(lab, "web")[0].outcome is Outcome.OK
        flags = [flags for _, flags in wire.packets()]
        assert 0x01 not in [each & 0x01 for each in flags]  # no FIN
        return flags if len(flags) == PACKETS_PER_REQUEST else []

    syn, request, reset = wait_for(flags_of_three)
    assert (syn, request & 0x18, reset & 0x04) == (0x02, 0x18, 0x04)


@pytest.mark.parametrize("limit", [1, 3], ids=["all lost", "none lost"])
def test_never_more_than_a_third_of_the_link_local_limit(lab, service, limit):
    service.update(hop_limit=limit)
    (origin,) = asked(lab, "instance")
    time.sleep(1.0)
    wire = OnTheWire(lab)
    results = asked(lab, *["web", "deep", "api"] * 60, origin=origin)
    assert {each.outcome for each in results} == {Outcome.OK if limit == 3 else Outcome.ANSWER_LOST}
    times = [when for when, _ in wire.packets()]
    most = max(sum(1 for other in times if when <= other < when + 1.0) for when in times)
    assert len(times) > LINK_LOCAL_PACKETS_PER_S / 3 > most
