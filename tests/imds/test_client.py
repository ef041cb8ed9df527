"""The client against the simulator: every outcome told apart, no fallback, nothing trusted from the environment."""

import os
import socket
import struct
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from soon import SOON_S, wait_for

from imds_probe.imds import dialer
from imds_probe.imds.client import BODY_LIMIT_BYTES, MetadataClient, RequestCounter, Timeouts
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.replies import Outcome
from imds_probe.imds.token import Token
from imds_probe.simulator.faults import Fault
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

ID = "/latest/meta-data/instance-id"
FOR_LONG = Timeouts(SOON_S, SOON_S, SOON_S)
# For what ends by the time alone.
SHORTLY = Timeouts(connect_s=0.5, read_s=0.3, exchange_s=0.8)
SILENT = ("silence-after-accept", "silence-after-request")


def client_of(address, *, timeouts=FOR_LONG, deadline_s=2 * SOON_S, counter=None):
    return MetadataClient(
        Endpoint(*address),
        deadline=time.monotonic() + deadline_s,
        counter=counter or RequestCounter(),
        timeouts=timeouts,
    )


def time_up_with_the_first_byte(client, monkeypatch):
    """The client's clock: its deadline has come once something was received, however long that takes."""

    def monotonic():
        return time.monotonic() + (3 * SOON_S if client._dialer.conversation.bytes_received else 0.0)

    monkeypatch.setattr(dialer, "time", SimpleNamespace(monotonic=monotonic))


@pytest.fixture(params=["127.0.0.1", "::1"])
def simulator(request):
    with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen=((request.param, 0),)) as running:
        yield running


def test_put_then_get(simulator):
    counter = RequestCounter()
    reply = client_of(simulator.addresses[0], counter=counter).get(ID)
    assert (reply.outcome, reply.body, reply.server) == (Outcome.OK, b"i-0123456789abcdef0", "EC2ws")
    assert reply.latency_ms > 0
    assert (counter.imdsv1, counter.imdsv2) == (0, 2)
    assert (simulator.counts.imdsv1, simulator.counts.imdsv2) == (0, 2)


@pytest.mark.parametrize(
    ("changes", "made_up", "expected"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"invalid_token_when_optional": "ignored"}, False, True),
        ({"invalid_token_when_optional": "ignored"}, True, None),  # served, whatever was sent
        ({"faults": (Fault("status", status=404),)}, False, None),
        ({"faults": (Fault("garbage"),)}, False, None),
    ],
)
def test_whether_a_token_is_the_services(simulator, changes, made_up, expected):
    asked = client_of(simulator.addresses[0])
    assert asked.put_token().ok
    given = Token("made-up", 60) if made_up else asked._token
    simulator.update(**changes)
    simulator.reset_counts()
    assert client_of(simulator.addresses[0]).knows(given) is expected
    assert (simulator.counts.imdsv1, simulator.counts.token_puts) == (0, 0)


def test_one_token_serves_many_requests(simulator):
    client = client_of(simulator.addresses[0])
    assert all(client.get(ID).ok for _ in range(5))
    assert simulator.counts.token_puts == 1


def test_a_reply_to_the_token_put_does_not_carry_the_token(simulator):
    reply = client_of(simulator.addresses[0]).put_token()
    assert (reply.outcome, reply.body) == (Outcome.OK, b"")
    assert not any(secret in repr(reply) for secret in simulator.issued_secrets)


def test_one_new_token_after_a_401(simulator):
    client = client_of(simulator.addresses[0])
    client.put_token(ttl_s=60)
    simulator.update(faults=(Fault("clock-jump", applies_to="get", count=1),))
    assert client.get(ID).ok
    assert simulator.counts.token_puts == 2
    assert simulator.counts.by_status[401] == 1


def test_only_one_new_token_after_a_401(simulator):
    simulator.update(faults=(Fault("status", applies_to="get", status=401),))
    assert client_of(simulator.addresses[0]).get(ID).outcome is Outcome.UNAUTHORIZED
    assert simulator.counts.token_puts == 2


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({"http_endpoint": "disabled"}, Outcome.FORBIDDEN),
        ({"faults": (Fault("status", status=400),)}, Outcome.BAD_REQUEST),
        ({"faults": (Fault("status", status=401),)}, Outcome.UNAUTHORIZED),
        ({"faults": (Fault("status", status=404),)}, Outcome.NOT_FOUND),
        ({"faults": (Fault("status", status=405),)}, Outcome.UNEXPECTED),
        ({"faults": (Fault("status", status=429),)}, Outcome.THROTTLED),
        ({"faults": (Fault("status", status=503),)}, Outcome.THROTTLED),
        ({"faults": (Fault("status", status=500),)}, Outcome.UNEXPECTED),
        ({"faults": (Fault("silence-after-accept"),)}, Outcome.ANSWER_LOST),
        ({"faults": (Fault("silence-after-request"),)}, Outcome.ANSWER_LOST),
        ({"faults": (Fault("reset-before-answer"),)}, Outcome.ANSWER_LOST),
        ({"faults": (Fault("close"),)}, Outcome.ANSWER_LOST),
        ({"faults": (Fault("reset-mid-answer"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("drip", interval_ms=200),)}, Outcome.GARBAGE),
        ({"faults": (Fault("garbage"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("endless-headers"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("endless-body", framing="chunked"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("endless-body", framing="close"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("oversized-body", size_bytes=BODY_LIMIT_BYTES + 1),)}, Outcome.GARBAGE),
        ({"faults": (Fault("content-length-too-long"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("content-length-negative"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("content-length-not-a-number"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("token-empty"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("token-binary"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("token-crlf"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("token-spaces"),)}, Outcome.GARBAGE),
        ({"faults": (Fault("token-html"),)}, Outcome.GARBAGE),
    ],
    ids=lambda value: str(value).replace("Fault", "")[:60],
)
def test_each_way_to_fail_has_its_name_and_no_request_goes_out_without_a_token(simulator, monkeypatch, state, outcome):
    simulator.update(**state)
    started = time.monotonic()
    kinds = {fault.kind for fault in state.get("faults", ())}
    client = client_of(simulator.addresses[0], timeouts=SHORTLY if kinds & {*SILENT} else FOR_LONG)
    if "drip" in kinds:
        time_up_with_the_first_byte(client, monkeypatch)
    reply = client.get(ID)
    assert reply.outcome is outcome, reply
    assert time.monotonic() - started < SOON_S
    assert simulator.counts.imdsv1 == 0
    assert reply.body == b""


def test_a_body_cut_short_by_its_length_is_not_taken_for_whole(simulator):
    # The head promises less than is sent: what arrives is complete by HTTP's own rules, and is no instance id.
    simulator.update(faults=(Fault("content-length-too-short", applies_to="get"),))
    assert client_of(simulator.addresses[0]).get(ID).body != b"i-0123456789abcdef0"


def test_redirects_are_not_followed(simulator):
    with Simulator(InstanceState(http_protocol_ipv6="enabled")) as trap:
        simulator.update(faults=(Fault("redirect", location=f"{trap.url}/latest/meta-data/"),))
        assert client_of(simulator.addresses[0]).get(ID).outcome is Outcome.UNEXPECTED
        assert trap.counts.connections == 0


def test_503_is_tried_again(simulator):
    simulator.update(faults=(Fault("status", status=503, applies_to="token_put", count=2),))
    assert client_of(simulator.addresses[0]).get(ID).ok
    assert simulator.counts.token_puts == 3


def test_the_request_without_a_token_is_never_repeated(simulator):
    counter = RequestCounter()
    simulator.update(faults=(Fault("status", status=503),))
    reply = client_of(simulator.addresses[0], counter=counter).get_without_token(ID)
    assert reply.outcome is Outcome.THROTTLED
    assert (counter.imdsv1, simulator.counts.imdsv1) == (1, 1)


def test_nobody_listening_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    reply = client_of(address).get(ID)
    assert (reply.outcome, reply.connected) == (Outcome.REFUSED, False)


def test_no_route_is_unreachable():
    assert client_of(("192.0.2.1", 80)).get(ID).outcome is Outcome.UNREACHABLE


def is_full(server):
    """Whether as many wait to be accepted as may: tcpi_unacked and tcpi_sacked of a listener in <linux/tcp.h>."""
    waiting, room = struct.unpack_from("=II", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)
    return waiting > room


def test_a_full_backlog_is_a_connect_timeout():
    # A listener that accepts nobody and whose queue is full drops further SYNs, as a firewall would.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            wait_for(lambda: is_full(server))
            counter = RequestCounter()
            reply = client_of(server.getsockname(), counter=counter, timeouts=SHORTLY).get(ID)
            assert (reply.outcome, reply.connected) == (Outcome.CONNECT_TIMEOUT, False)
            assert counter.imdsv2 == 0
        finally:
            for filler in fillers:
                filler.close()


def test_the_deadline_ends_everything(simulator):
    simulator.update(faults=(Fault("drip", interval_ms=50),))
    started = time.monotonic()
    reply = client_of(simulator.addresses[0], deadline_s=0.4).get(ID)
    # A machine that has sent no byte by then has lost the answer.
    assert reply.outcome in (Outcome.GARBAGE, Outcome.ANSWER_LOST)
    assert time.monotonic() - started < SOON_S


def test_a_deadline_that_comes_in_the_middle_of_an_answer_leaves_garbage(simulator, monkeypatch):
    simulator.update(faults=(Fault("drip", interval_ms=50),))
    client = client_of(simulator.addresses[0])
    time_up_with_the_first_byte(client, monkeypatch)
    assert client.get(ID).outcome is Outcome.GARBAGE


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_in_the_environment_sees_nothing(simulator, monkeypatch, variable):
    with Simulator(InstanceState(http_protocol_ipv6="enabled")) as trap:
        monkeypatch.setenv(variable, trap.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert client_of(simulator.addresses[0]).get(ID).ok
        assert trap.counts.connections == 0


def test_a_netrc_for_the_address_is_not_used(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\ndefault login any password thing\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    Path(tmp_path / ".netrc").write_text(netrc.read_text())
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert client_of(server.getsockname()).get(ID).outcome is Outcome.NOT_FOUND
        thread.join()
    assert b"authorization" not in seen[0].lower()
    assert b"PUT /latest/api/token HTTP/1.1\r\n" in seen[0]


def test_no_descriptor_is_left_open(simulator):
    client = client_of(simulator.addresses[0])
    client.get(ID)
    before = len(os.listdir("/proc/self/fd"))
    for fault in ("garbage", "reset-mid-answer", "endless-body", "close"):
        simulator.update(faults=(Fault(fault, applies_to="get"),))
        client.get(ID)
    simulator.update(faults=())
    client.get(ID)
    wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)
