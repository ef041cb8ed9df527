import pytest

from imds_probe.net.obstacles.flow import NO_INTERFACE, Names, Surroundings, flows, named
from imds_probe.net.obstacles.ranges import Ranges, network, only

HERE = Surroundings(own=network("10.9.0.2"), uplink="eth0", neighbours=network("203.0.113.0/24"))


@pytest.mark.parametrize(
    ("hook", "replies"),
    [
        ("prerouting", [False, True]),
        ("input", [True]),
        ("forward", [False, True]),
        ("output", [False, True]),
        ("postrouting", [False, True]),
        ("ingress", [False, True]),
        ("egress", [False, True]),
        ("", []),
    ],
)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_what_passes_a_hook(family, hook, replies):
    assert [flow.reply for flow in flows(family, hook, HERE)] == replies
    assert all(flow.family == family for flow in flows(family, hook, HERE))


def test_own_requests():
    request = flows("ipv4", "output", HERE)[0]
    assert request.saddr == network("10.9.0.2")
    assert request.daddr == network("169.254.169.254")
    assert (request.dport, request.ttl, request.iif) == (only(80), only(64), NO_INTERFACE)
    assert request.oif == Names(frozenset({"eth0"}))
    assert request.uid.covers(only(1000))


def test_requests_of_containers():
    request, reply = flows("ipv4", "forward", HERE)
    assert request.saddr.covers(network("172.17.0.0/16"))
    assert request.saddr.covers(network("203.0.113.0/24"))  # a network beside, whatever its addresses
    assert not request.saddr.touches(network("198.51.100.7"))  # the subject of block lists
    assert not request.saddr.touches(network("169.254.169.254"))
    assert request.iif.barred == frozenset({"eth0"})
    assert request.uid == Ranges()
    assert (reply.saddr, reply.sport) == (network("169.254.169.254"), only(80))
    assert reply.ttl.covers(only(1))
    assert reply.states == frozenset({"established"})


def test_nothing_known_of_the_surroundings():
    request = flows("ipv6", "output", Surroundings())[0]
    assert request.oif == Names()
    assert request.saddr.covers(network("2001:db8::/32"))


def test_the_service_is_here():
    here = Surroundings(own=network("169.254.169.254"), metadata_is_here=True)
    request = flows("ipv4", "output", here)[0]
    assert (request.saddr, request.to_here) == (network("169.254.169.254"), True)


def test_narrowed():
    request = flows("ipv4", "output", HERE)[0]
    assert request.narrowed("uid", only(5)).uid == only(5)
    assert request.narrowed("uid", only(5)).narrowed("uid", request.uid) == request


def test_names():
    assert named(["eth0", "docker+"]) == frozenset({"eth0", "docker*"})
