"""On loopback, what needs no lab; tests/lab/test_options.py has the rest."""

import time

from imds_probe.collect.options import collect
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import Endpoint, Endpoints
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


def test_the_twin_decides_where_the_primary_has_no_route():
    with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen=(("::1", 0),)) as simulator:
        endpoints = Endpoints(Endpoint("192.0.2.1"), Endpoint(*simulator.addresses[0]), given=False)
        imds, instance, missing = collect(
            endpoints, deadline=time.monotonic() + 5, counter=RequestCounter(), v1_probe_allowed=True
        )
    assert (imds.endpoint, imds.tokens, imds.ipv6) == ("enabled", "optional", "enabled")
    assert [entry.token_outcome for entry in imds.endpoints] == ["no-route", "ok"]
    assert (instance.region, missing) == ("us-east-1", "")


def test_an_identity_document_that_is_none_is_said():
    state = InstanceState(faults=({"kind": "oversized-body", "applies_to": "get", "size_bytes": 60000},))
    with Simulator(state, listen=(("127.0.0.1", 0),)) as simulator:
        endpoints = Endpoints(Endpoint(*simulator.addresses[0]), None, given=True)
        imds, instance, missing = collect(
            endpoints, deadline=time.monotonic() + 5, counter=RequestCounter(), v1_probe_allowed=False
        )
    assert (imds.endpoint, imds.tokens, imds.tokens_method, instance) == ("enabled", "unknown", "not-tried", None)
    assert "JSON object" in missing
