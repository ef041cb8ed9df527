"""One exchange alone; what it comes to in a lab, beside others, is in test_parallel."""

import pytest

from imds_probe.imds.endpoints import IPV4, IPV6, Endpoint
from imds_probe.imds.exchange import HOP_LIMIT_MAX, Attempt, _request
from imds_probe.imds.replies import Outcome


@pytest.mark.parametrize(
    ("origin", "here", "hops"),
    [
        (64, 64, 0),
        (64, 62, 2),
        (255, 254, 1),
        (64, 1, 63),
        (64, None, None),
        (None, 64, None),
        (64, 255, None),  # nearer than the instance
        (255, 64, None),  # further than any hop limit reaches: somebody else's first TTL
        (64, 0, None),
    ],
)
def test_distance(origin, here, hops):
    asked = Attempt(Outcome.OK, "", syn_ack_ttl=origin)
    assert Attempt(Outcome.OK, "", syn_ack_ttl=here).distance_from(asked) == hops
    assert hops is None or hops < HOP_LIMIT_MAX


def test_without_an_origin_there_is_no_distance():
    assert Attempt(Outcome.OK, "", syn_ack_ttl=64).distance_from(None) is None


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [(IPV4, b"169.254.169.254"), (IPV6, b"[fd00:ec2::254]"), (Endpoint("10.0.0.1", 1338), b"10.0.0.1:1338")],
)
def test_the_request_asks_for_a_token_and_nothing_else(endpoint, host):
    start, *headers = _request(endpoint).removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert start == b"PUT /latest/api/token HTTP/1.1"
    assert b"Host: " + host in headers
    assert b"X-aws-ec2-metadata-token-ttl-seconds: 1" in headers
