import pytest

from imds_probe.errors import UsageError
from imds_probe.imds import endpoints
from imds_probe.imds.endpoints import IPV4, IPV6, Endpoint, from_environment, has_route

URL, MODE = endpoints.ENDPOINT_VARIABLE, endpoints.MODE_VARIABLE


def test_by_default_both_addresses_ipv4_first():
    found = from_environment({})
    assert (found.primary, found.twin, found.given) == (IPV4, IPV6, False)


@pytest.mark.parametrize(("mode", "primary"), [("IPv6", IPV6), ("ipv6", IPV6), ("IPv4", IPV4), ("", IPV4)])
def test_the_mode_chooses_the_primary(mode, primary):
    assert from_environment({MODE: mode}).primary == primary


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:1338", Endpoint("127.0.0.1", 1338)),
        ("http://127.0.0.1:1338/", Endpoint("127.0.0.1", 1338)),
        ("http://[::1]:1338", Endpoint("::1", 1338)),
        ("http://localhost:1338", Endpoint("127.0.0.1", 1338)),
        ("http://LOCALHOST.:1338/", Endpoint("127.0.0.1", 1338)),
        ("http://ip6-localhost:1338", Endpoint("::1", 1338)),
        ("http://169.254.169.254", IPV4),
        ("http://[fd00:ec2::254]/", IPV6),
    ],
)
def test_an_explicit_endpoint_wins_over_the_mode(url, endpoint):
    found = from_environment({URL: url, MODE: "IPv6"})
    assert (found.primary, found.twin, found.given) == (endpoint, None, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1",
        "http://metadata.example",
        "http://localhost.example:1338",
        "http://localhost:1338/latest",
        "localhost:1338",
        "127.0.0.1:1338",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://127.0.0.1/latest",
        "http://user@127.0.0.1",
        "http://[::1",
        "ftp://[::1]",
        "\x1b[31m",
    ],
)
def test_anything_else_is_refused_by_name(url):
    with pytest.raises(UsageError, match=URL):
        from_environment({URL: url})


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(UsageError, match="IPv4 or IPv6"):
        from_environment({MODE: "both"})


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [(IPV4, "http://169.254.169.254"), (IPV6, "http://[fd00:ec2::254]"), (Endpoint("::1", 8), "http://[::1]:8")],
)
def test_url(endpoint, url):
    assert endpoint.url == url


def test_routes_are_asked_of_the_kernel():
    # The tests' own namespace has loopback and nothing else.
    assert has_route(Endpoint("127.0.0.1", 9))
    assert has_route(Endpoint("::1", 9))
    assert not has_route(Endpoint("192.0.2.1", 9))
    assert not has_route(Endpoint("2001:db8::1", 9))
