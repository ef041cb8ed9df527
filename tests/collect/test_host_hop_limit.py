"""On loopback; the namespaces of tests/lab show the same with every hop limit and over both families."""

import time

import pytest
from soon import SOON_S

from imds_probe.collect.host_hop_limit import put_token
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import Endpoint
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


def measured(address, **state):
    with Simulator(InstanceState(http_protocol_ipv6="enabled", **state), listen=((address, 0),)) as simulator:
        deadline, counter = time.monotonic() + SOON_S, RequestCounter()
        client = MetadataClient(Endpoint(*simulator.addresses[0]), deadline=deadline, counter=counter)
        result = put_token(client, deadline=deadline, counter=counter)
        assert counter.imdsv2 == simulator.counts.imdsv2
        return result


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_by_capture(address):
    result = measured(address, hop_limit=3)
    assert (result.hop_limit, result.method, result.reason) == (3, "capture", "")


def test_no_token_no_limit():
    result = measured("127.0.0.1", http_endpoint="disabled")
    assert (result.hop_limit, result.method) == (None, "unknown")
    assert "no token" in result.reason


def test_the_ttl_of_somebody_elses_answer_is_not_the_instances():
    result = measured("127.0.0.1", server_header="nginx", hop_limit=7)
    assert (result.hop_limit, result.reason) == (None, "answered by nginx, not by EC2 itself")
