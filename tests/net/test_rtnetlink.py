import os
import socket

import pytest

from imds_probe.net import namespaces, rtnetlink
from imds_probe.net.netlink import attribute
from imds_probe.net.rtnetlink import RTN_LOCAL, RTN_UNICAST, Route, Rtnetlink
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab


@pytest.fixture(scope="module")
def lab():
    with Lab("rtnetlink") as built:
        built.add_container("web")
        built.add_container("mac", "macvlan")
        built.add_container("stranded", no_route=True)
        yield built


def asked(node, question):
    with Rtnetlink(node.netns) as netlink:
        return question(netlink)


def links(node):
    return {link.name: link for link in asked(node, Rtnetlink.links).values()}


def test_the_links_of_a_namespace(lab):
    found = links(lab.instance)
    assert (found["lo"].loopback, found["lo"].kind, found["lo"].other) == (True, "", None)
    assert (found["docker0"].kind, found["docker0"].master) == ("bridge", None)
    (port,) = [link for link in found.values() if link.name.startswith("veth") and link.other == 2][:1]
    assert (port.kind, port.master) == ("veth", found["docker0"].index)
    inside = links(lab.nodes["web"])["eth0"]
    assert (inside.kind, inside.other_namespace is None) == ("veth", False)
    assert inside.other in {link.index for link in found.values()}
    mac = links(lab.nodes["mac"])["eth0"]
    assert (mac.kind, mac.other) == ("macvlan", found["ens6"].index)


@pytest.mark.parametrize(("hardware", "kind"), [(rtnetlink.ARPHRD_PIMREG, "pimreg"), (rtnetlink.ARPHRD_ETHER, "")])
def test_what_a_router_for_multicast_registers_with_is_no_hardware(hardware, kind):
    """Whoever rules over a network namespace has one made, and the kernel names no kind of it."""
    name = attribute(rtnetlink.IFLA_IFNAME, b"pimreg\0")
    link = rtnetlink._link(rtnetlink._LINK.pack(0, hardware, 2, 0x80, 0) + name)
    assert (link.index, link.name, link.kind, link.loopback) == (2, "pimreg", kind, False)


@pytest.mark.parametrize("count", [300])
def test_more_links_than_one_answer_holds(count):
    with Lab("many") as lab:
        plumbing.ip_batch(lab.instance.netns, [f"link add many{number} type bridge" for number in range(count)])
        found = links(lab.instance)
    assert {f"many{number}" for number in range(count)} <= set(found)
    assert found["many0"].kind == "bridge"


@pytest.mark.parametrize(
    ("address", "gateway", "own"),
    [("169.254.169.254", "172.17.0.1", "172.17.0.2"), ("fd00:ec2::254", "fd00:172:17::1", "fd00:172:17::2")],
)
def test_the_way_of_a_packet(lab, address, gateway, own):
    eth0 = links(lab.nodes["web"])["eth0"].index
    assert asked(lab.nodes["web"], lambda netlink: netlink.route(address)) == Route(RTN_UNICAST, eth0, gateway)
    assert asked(lab.nodes["web"], lambda netlink: netlink.route(own)).kind == RTN_LOCAL
    assert asked(lab.instance, lambda netlink: netlink.route(address)).gateway is None
    assert asked(lab.nodes["stranded"], lambda netlink: netlink.route(address)) is None


def test_the_number_of_another_namespace(lab):
    inside = links(lab.nodes["web"])["eth0"]

    def number_of(node):
        opened = namespaces.open_netns(node.netns)
        try:
            return asked(lab.nodes["web"], lambda netlink: netlink.number_of(opened))
        finally:
            os.close(opened)

    assert number_of(lab.instance) == inside.other_namespace
    assert number_of(lab.nodes["mac"]) is None


def test_nothing_stays_open(lab):
    before = len(os.listdir("/proc/self/fd"))
    links(lab.instance)
    with pytest.raises(namespaces.NamespaceGone):
        Rtnetlink(lab.instance.netns.with_name("never-was"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_is_the_namespace_that_is_asked_not_the_callers(lab):
    assert "ens5" not in {name for _, name in socket.if_nameindex()}
    assert "ens5" in links(lab.instance)


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("169.254.169.254", "ens5"),
        ("fd00:ec2::254", "ens5"),
        ("172.17.0.9", "docker0"),
        ("10.0.0.10", "lo"),
        ("203.0.113.9", None),
    ],
)
def test_by_which_interface_a_packet_leaves(lab, address, interface):
    assert lab.instance.call(lambda: rtnetlink.outgoing_interface(address)) == interface
