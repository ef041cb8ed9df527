"""On loopback, what needs no lab; tests/lab/test_options.py has the rest."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from contexts import collected, context
from soon import SOON_S

from imds_probe.collect import host_hop_limit, instance
from imds_probe.collect.host_hop_limit import MeasuredHopLimit
from imds_probe.collect.options import ask
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint, Endpoints
from imds_probe.imds.replies import Outcome, Reply
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


def test_the_twin_decides_where_the_primary_has_no_route():
    with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen=(("::1", 0),)) as simulator:
        endpoints = Endpoints(Endpoint("192.0.2.1"), Endpoint(*simulator.addresses[0]), given=False)
        imds, service = ask(
            endpoints, deadline=time.monotonic() + SOON_S, counter=RequestCounter(), v1_probe_allowed=True
        )
        given = context(Path("/nonexistent"), service)
        runs = collected(given, [instance.COLLECTOR])
    assert (imds.endpoint, imds.tokens, imds.ipv6) == ("enabled", "optional", "enabled")
    assert [entry.token_outcome for entry in imds.endpoints] == ["no-route", "ok"]
    assert (instance.instance_of(given).region, runs["identity"].reason) == ("us-east-1", "")


@pytest.mark.parametrize(
    ("lost", "endpoint", "puts"),
    [(1, "enabled", 2), (None, "loses-tokens", 2)],
    ids=["one", "all"],
)
def test_an_answer_that_is_lost_is_asked_for_once_more_before_anything_is_said_to_lose_it(lost, endpoint, puts):
    """A single packet can get lost anywhere: the switch is not held up by it."""
    state = InstanceState(faults=({"kind": "close", "applies_to": "token_put", "count": lost},))
    with Simulator(state, listen=(("127.0.0.1", 0),)) as simulator:
        endpoints, counter = Endpoints(Endpoint(*simulator.addresses[0]), None, given=True), RequestCounter()
        imds, _ = ask(endpoints, deadline=time.monotonic() + SOON_S, counter=counter, v1_probe_allowed=True)
        assert simulator.counts.token_puts == puts
    assert (imds.endpoint, imds.tokens, counter.imdsv1) == (endpoint, "optional", 1)


def test_a_connection_that_is_lost_is_made_once_more_and_not_to_the_twin(monkeypatch):
    """The twin is often not there, and drops packets."""
    asked = []

    def put_token(client, **_):
        asked.append(client.endpoint.address)
        return MeasuredHopLimit(Reply(Outcome.CONNECT_TIMEOUT, "silence"))

    monkeypatch.setattr(host_hop_limit, "put_token", put_token)
    endpoints = Endpoints(Endpoint("127.0.0.1"), Endpoint("::1"), given=False)
    imds, _ = ask(endpoints, deadline=time.monotonic() + SOON_S, counter=RequestCounter(), v1_probe_allowed=True)
    assert sorted(asked) == ["127.0.0.1", "127.0.0.1", "::1"]
    assert imds.endpoint == "unreachable"


def test_nothing_is_asked_for_again_where_the_time_is_needed_for_the_rest():
    state = InstanceState(faults=({"kind": "close", "applies_to": "token_put"},))
    with Simulator(state, listen=(("127.0.0.1", 0),)) as simulator:
        endpoints, counter = Endpoints(Endpoint(*simulator.addresses[0]), None, given=True), RequestCounter()
        imds, _ = ask(endpoints, deadline=time.monotonic() + 2, counter=counter, v1_probe_allowed=True)
        assert simulator.counts.token_puts == 1
    assert counter.imdsv2 == 1 and imds.endpoint in ("loses-tokens", "unknown")  # on a machine that is slow to ask


class Refusing(BaseHTTPRequestHandler):
    """403 to everything, by whom `server` says; by nobody where that is None."""

    server_name: str | None = None

    def do_GET(self) -> None:
        self.send_response_only(403)
        if self.server_name is not None:
            self.send_header("Server", self.server_name)
        self.end_headers()

    do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(("server", "state"), [("EC2ws", "disabled"), ("kube2iam", "unknown"), (None, "unknown")])
def test_who_refuses_everything_and_does_not_say_that_he_is_ec2_is_not_believed(server: str | None, state: str):
    with ThreadingHTTPServer(("127.0.0.1", 0), type("", (Refusing,), {"server_name": server})) as refusing:
        thread = threading.Thread(target=refusing.serve_forever, args=(0.01,))
        thread.start()
        try:
            endpoints = Endpoints(Endpoint("127.0.0.1", refusing.server_port), None, given=True)
            imds, _ = ask(
                endpoints, deadline=time.monotonic() + SOON_S, counter=RequestCounter(), v1_probe_allowed=True
            )
        finally:
            refusing.shutdown()
            thread.join()
    assert (imds.endpoint, imds.answered_by) == (state, server)


def test_an_identity_document_that_is_none_is_said():
    state = InstanceState(faults=({"kind": "oversized-body", "applies_to": "get", "size_bytes": 60000},))
    with Simulator(state, listen=(("127.0.0.1", 0),)) as simulator:
        endpoints = Endpoints(Endpoint(*simulator.addresses[0]), None, given=True)
        imds, service = ask(
            endpoints, deadline=time.monotonic() + SOON_S, counter=RequestCounter(), v1_probe_allowed=False
        )
        given = context(Path("/nonexistent"), service)
        runs = collected(given, [instance.COLLECTOR])
    assert (imds.endpoint, imds.tokens, imds.tokens_method) == ("enabled", "unknown", "not-tried")
    assert instance.instance_of(given) is None
    assert runs["identity"].status == "nothing"
    assert "JSON object" in runs["identity"].reason
