import pytest

from imds_probe.imds.endpoints import IPV4, IPV6, Endpoint
from imds_probe.imds.token_put import USER_AGENT, token_put
from imds_probe.watch.call_meaning import OURS
from imds_probe.watch.requests import RequestReader


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [(IPV4, b"169.254.169.254"), (IPV6, b"[fd00:ec2::254]"), (Endpoint("10.0.0.1", 1338), b"10.0.0.1:1338")],
)
def test_the_request_asks_for_a_token_and_nothing_else(endpoint, host):
    start, *headers = token_put(endpoint).removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert start == b"PUT /latest/api/token HTTP/1.1"
    assert b"Host: " + host in headers
    assert b"X-aws-ec2-metadata-token-ttl-seconds: 1" in headers


def test_a_watch_knows_it_for_the_probes_own():
    (head,) = RequestReader().feed(token_put(IPV4))
    assert (head.method, head.asks_for_token, head.user_agent) == ("PUT", True, USER_AGENT)
    assert head.user_agent.startswith(OURS)
