"""On loopback, what needs no lab; tests/lab/test_options.py has the rest."""

import time
from pathlib import Path

from contexts import collected, context
from soon import SOON_S

from imds_probe.collect import instance
from imds_probe.collect.options import ask
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint, Endpoints
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
