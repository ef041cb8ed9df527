"""Routes in real namespaces: what is said of them is what the kernel does."""

import pytest

from imds_probe.net import namespaces
from imds_probe.net.obstacles import ip_listing, routes
from imds_probe.net.obstacles.ranges import network

IMDS = "169.254.169.254"


def found(host, family="ipv4"):
    return routes.obstacles(namespaces.call_in(host.path, lambda: ip_listing.read(family, 5)))


@pytest.mark.parametrize(
    ("commands", "quote", "outcome"),
    [
        ([f"route add blackhole {IMDS}"], f"blackhole {IMDS}", "OSError"),
        (["route add blackhole 169.254.0.0/16"], "blackhole 169.254.0.0/16", "OSError"),
        ([f"route add prohibit {IMDS}"], f"prohibit {IMDS}", "PermissionError"),
        ([f"route add unreachable {IMDS} metric 5"], f"unreachable {IMDS} metric 5", "OSError"),
        (
            [f"rule add to {IMDS} lookup 100", f"route add blackhole {IMDS} table 100"],
            f"blackhole {IMDS} table 100",
            "OSError",
        ),
        ([f"rule add to {IMDS} prohibit"], f"32765: from all to {IMDS} prohibit", "PermissionError"),
        (
            ["rule add ipproto tcp dport 80 prohibit"],
            "32765: from all ipproto tcp dport 80 prohibit",
            "PermissionError",
        ),
        (["route del default"], f"no route to {IMDS} (Network is unreachable)", "OSError"),
        (
            [f"route add throw {IMDS}"],
            f"no route to {IMDS} (Network is unreachable); passed over by throw {IMDS}",
            "OSError",
        ),
    ],
)
def test_refused(host, commands, quote, outcome):
    for command in commands:
        host.ip(command)
    (obstacle,) = found(host)
    assert (obstacle.kind, obstacle.quote, obstacle.scope, obstacle.certain) == ("route", quote, None, True)
    assert host.connect(expected=outcome) == outcome
    assert found(host, "ipv6") == ()


@pytest.mark.parametrize(
    "commands",
    [
        ["route add blackhole 169.254.169.253"],
        ["route add blackhole 169.254.0.0/17"],
        ["route add blackhole 169.254.0.0/16", f"route add {IMDS} via 10.9.0.1"],
        [f"route add blackhole {IMDS} metric 100", f"route add {IMDS} via 10.9.0.1 metric 5"],
        [f"route add blackhole {IMDS} table 100"],
        [f"rule add to {IMDS} lookup 100", f"route add throw {IMDS} table 100"],
        ["rule add to 169.254.170.2 prohibit"],
        ["rule add ipproto udp prohibit"],
        ["rule add lookup main suppress_prefixlength 0", f"route add {IMDS} via 10.9.0.1 table 100"],
        ["rule add goto 32766 priority 10", f"rule add to {IMDS} prohibit priority 20"],
    ],
)
def test_not_in_the_way(host, commands):
    for command in commands:
        host.ip(command)
    assert (found(host), host.connect()) == ((), "connected")


def test_for_some_only(host):
    host.ip("rule add from 172.17.0.0/16 prohibit")
    host.ip("rule add uidrange 1000-1000 blackhole")
    host.ip("rule add fwmark 0x1 unreachable")
    host.ip("rule add iif br0 prohibit")
    assert [(each.scope, each.certain, each.applies_to) for each in found(host)] == [
        ("in via br0", True, "forward"),
        ("some packets", False, "any"),
        ("uid 1000", True, "output"),
        ("from 172.17.0.0/16", True, "any"),
    ]
    assert host.connect() == "connected"


def test_the_address_on_this_machine(host):
    host.ip(f"address add {IMDS}/32 dev lo")
    (obstacle,) = found(host)
    assert (obstacle.kind, obstacle.where, obstacle.quote) == ("local-address", "interface lo", f"{IMDS} on lo")
    assert obstacle.certain
    assert host.connect() == "ConnectionRefusedError"  # by this machine: nothing listens here


def test_a_local_route_without_the_address(host):
    host.ip(f"route add local {IMDS} dev lo")
    (obstacle,) = found(host)
    assert (obstacle.kind, obstacle.where, obstacle.quote) == (
        "local-address",
        "routing table local",
        f"local {IMDS} dev lo table local",
    )


def test_ipv6(host):
    host.ip("-6 route add unreachable fd00:ec2::/32")
    (obstacle,) = found(host, "ipv6")
    assert (obstacle.kind, obstacle.family, obstacle.certain) == ("route", "ipv6", True)
    assert obstacle.quote.startswith("unreachable fd00:ec2::/32 dev lo")
    assert (found(host), host.connect("ipv6"), host.connect("ipv4")) == ((), "OSError", "connected")


def test_surroundings(host):
    host.ip("link add br0 type bridge")
    host.ip("address add 203.0.113.1/24 dev br0")
    host.ip("link set br0 up")
    here = routes.surroundings(namespaces.call_in(host.path, lambda: ip_listing.read("ipv4", 5)))
    assert (here.uplink, here.metadata_is_here) == ("eth0", False)
    assert here.own.covers(network("10.9.0.2"))
    assert not here.own.touches(network("127.0.0.0/8"))
    assert here.neighbours == network("203.0.113.0/24")


def test_surroundings_where_the_address_is(host):
    here = routes.surroundings(namespaces.call_in(host.service.path, lambda: ip_listing.read("ipv4", 5)))
    assert (here.uplink, here.metadata_is_here) == (None, True)
