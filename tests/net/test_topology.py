"""The lab has every kind of network; a way is followed in it, or it is not."""

import os
from pathlib import Path

import pytest
from sent import sent
from soon import SOON_S

from imds_probe.net.topology import Topology
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab

ADDRESSES = ("169.254.169.254", "fd00:ec2::254")
ADDRESS = pytest.mark.parametrize("address", ADDRESSES)


@pytest.fixture(scope="module")
def lab():
    with Lab("topology") as built:
        built.add_container("web")
        built.add_container("far", "chain", hops=4)
        built.add_container("mac", "macvlan")
        built.add_container("task", "awsvpc")
        built.add_container("inside-task", "nested", inside=built.nodes["task"])
        built.add_container("stranded", no_route=True)
        yield built


def followed(lab, name, address, *, hidden=()):
    ways_in = {n.inode: n.netns for n in lab.nodes.values() if n.name not in ("service", *hidden)}
    names = {node.inode: node.name for node in lab.nodes.values()}
    with Topology(ways_in) as topology:
        return [
            (names[step.inode], step.incoming.partition(" ")[0], step.outgoing)
            for step in topology.way(lab.nodes[name].inode, address, lab.instance.inode)
        ]


def places(lab, name, address=ADDRESSES[0], *, hidden=()):
    return [place for place, _, _ in followed(lab, name, address, hidden=hidden)]


@ADDRESS
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("instance", ["instance"]),
        ("web", ["web", "instance"]),
        ("far", ["far", "far-r3", "far-r2", "far-r1", "instance"]),
        ("mac", ["mac"]),
        ("task", ["task"]),
        ("inside-task", ["inside-task", "task"]),
        ("stranded", []),
    ],
)
def test_the_namespaces_on_a_way_are_one_more_than_the_hops(lab, name, address, expected):
    assert places(lab, name, address) == expected
    if expected:
        assert len(expected) - 1 == lab.nodes[name].distance


def test_the_interfaces_on_a_way(lab):
    begin, between, *_, host = followed(lab, "far", ADDRESSES[0])
    assert begin == ("far", "", "eth0")
    assert (between[0], between[2]) == ("far-r3", "eth0")
    assert between[1].startswith("inner")
    assert (host[0], host[2]) == ("instance", "ens5")
    assert host[1].startswith("veth")


def test_where_one_is_not_known_the_way_is_too_short(lab):
    assert places(lab, "far", hidden=("far-r2",)) == ["far", "far-r3"]


@pytest.mark.parametrize(
    ("name", "uplinks"), [("instance", {"ens5", "ens6"}), ("web", set()), ("task", {"eth0"}), ("mac", set())]
)
def test_by_which_interfaces_packets_come_from_outside(lab, name, uplinks):
    plumbing.ip_batch(lab.nodes["web"].netns, ["link add more type bridge", "link add loop type veth peer name back"])
    ways_in = {n.inode: n.netns for n in lab.nodes.values() if n.name != "service"}
    with Topology(ways_in) as topology:
        assert {link.name for link in topology.uplinks(lab.nodes[name].inode)} == uplinks
    plumbing.ip_batch(lab.nodes["web"].netns, ["link del more", "link del loop"])


def test_what_is_outside_counts_as_outside_also_where_it_is_known(lab):
    ways_in = {node.inode: node.netns for node in lab.nodes.values()}
    inodes = {name: node.inode for name, node in lab.nodes.items()}
    with Topology(ways_in) as topology:
        outside = topology.beyond(inodes["instance"], ADDRESSES[0])
        assert outside == inodes["service"]
        assert topology.beyond(inodes["mac"], ADDRESSES[0]) is None
        assert topology.beyond(99, ADDRESSES[0]) is None
        assert topology.uplinks(inodes["task"]) == ()
        assert [link.name for link in topology.uplinks(inodes["task"], outside)] == ["eth0"]
        assert topology.uplinks(inodes["web"], outside) == ()
        assert topology.is_known(inodes["web"])
        assert not topology.is_known(99)


def test_a_bridge_that_hands_on_to_another_router_is_no_hop_of_its_own(lab):
    """The router that packets are for is a neighbour on the bridge: nothing here says what it does with them."""
    node = lab.add_container("behind-a-neighbour")
    plumbing.ip_batch(node.netns, [f"route replace default via {lab.nodes['web'].ipv4}"])
    assert places(lab, "behind-a-neighbour") == []


def test_a_way_in_a_circle_ends(lab):
    node = lab.add_container("circle")
    plumbing.ip_batch(
        node.netns,
        [
            "link add here type veth peer name there",
            "link set here up",
            "link set there up",
            "route add 169.254.169.254/32 dev here",
        ],
    )
    assert places(lab, "circle") == []


def test_an_address_of_ones_own_leads_nowhere(lab):
    node = lab.add_container("impostor")
    plumbing.ip_batch(node.netns, ["addr add 169.254.169.254/32 dev lo"])
    assert places(lab, "impostor") == []


def test_what_is_gone_or_another_by_now_is_not_known(lab):
    before = len(os.listdir("/proc/self/fd"))
    web = lab.nodes["web"]
    for ways_in in ({}, {web.inode: Path("/proc/0/ns/net")}, {web.inode: lab.instance.netns}):
        with Topology(ways_in) as topology:
            assert topology.way(web.inode, ADDRESSES[0], lab.instance.inode) == ()
            assert topology.uplinks(web.inode) == topology.links(web.inode) == ()
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_sent(lab):
    """A socket of netlink asks this kernel."""
    with sent(lab.instance) as packets:
        places(lab, "web")
    assert packets == []


def test_what_is_sent_is_noticed(lab):
    with sent(lab.instance) as packets:
        lab.instance.run(["curl", "-s", "http://169.254.169.254/"], timeout_s=SOON_S)
    assert packets
