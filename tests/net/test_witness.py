"""What the host sees of the connections of containers, with every packet of the kernel's own making."""

import os
import socket

import pytest
from soon import SOON_S
from users_network import SERVICE as ADDRESSES

from imds_probe.net import namespaces
from imds_probe.net.tap import Tap
from imds_probe.net.witness import Witness
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

FAMILIES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
SERVICES = [(address, 80) for address in ADDRESSES.values()]
FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=FAMILIES.values())


@pytest.fixture(scope="module")
def lab():
    with Lab("witness") as built:
        built.add_container("web")
        built.add_container("deep", "nested")
        built.add_container("mac", "macvlan")
        built.add_container("task", "awsvpc")
        state = InstanceState(http_protocol_ipv6="enabled")
        with Simulator(state, tuple(SERVICES), netns=str(built.service.netns)):
            yield built


@pytest.fixture
def witness(lab):
    with Witness(lab.instance.netns, SERVICES) as listening:
        yield listening


def connected(node, family, address=None):
    """The handshake of a connection to the service, or to who is in its place."""
    tap = Tap(node.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP), ADDRESSES[family], FAMILIES[family])
    with node.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(SOON_S)
        sock.connect((address or ADDRESSES[family], 80))
        handshake = tap.arrivals(sock.getsockname()[1]).handshake
    tap.close()
    return handshake


@FAMILY
@pytest.mark.parametrize(
    ("name", "interfaces"),
    [
        ("instance", {"ens5"}),
        ("web", {"ens5"}),
        ("deep", {"ens5"}),
        ("mac", {"ens6"}),
        ("task", set()),
    ],
)
def test_by_which_interfaces_a_connections_answer_came_in(lab, witness, family, name, interfaces):
    handshake = connected(lab.nodes[name], family)
    assert handshake is not None
    assert witness.interfaces(handshake) == interfaces
    assert witness.dropped() == 0


@FAMILY
def test_only_the_interfaces_that_are_named(lab, witness, family):
    def index(name):
        return lab.instance.call(lambda: socket.if_nametoindex(name))

    witness.only({index("docker0"), index("ens6")})
    assert witness.interfaces(connected(lab.nodes["web"], family)) == set()
    witness.only({index("ens5"), index("docker0")})
    assert witness.interfaces(connected(lab.nodes["web"], family)) == {"ens5"}
    witness.only(())
    assert witness.interfaces(connected(lab.nodes["web"], family)) == set()


def test_where_a_namespace_has_an_interface_of_its_own(lab):
    with Witness(lab.nodes["task"].netns, SERVICES) as there:
        assert there.interfaces(connected(lab.nodes["task"], socket.AF_INET)) == {"eth0"}


def test_who_answers_inside_is_never_seen_outside(lab, witness):
    node = lab.add_container("impostor")
    plumbing.ip_batch(node.netns, ["addr add 169.254.169.254/32 dev lo"])
    with node.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.bind(("169.254.169.254", 80))
        listening.listen()
        handshake = connected(node, socket.AF_INET)
    assert handshake is not None
    assert witness.interfaces(handshake) == set()


def test_what_a_container_forges_comes_in_by_its_own_interface(lab, witness):
    """The kernel forwards nothing of it to the uplink, and nothing from there has its numbers."""
    node = lab.nodes["web"]
    uplink = lab.instance.call(lambda: socket.if_nametoindex("ens5"))
    witness.only({uplink})
    handshake = connected(node, socket.AF_INET)
    forged = type(handshake)(handshake.client + 1, handshake.service)
    assert witness.interfaces(forged) == set()
    assert witness.interfaces(None) == set()


def test_what_is_kept_is_bounded(lab, witness, monkeypatch):
    monkeypatch.setattr("imds_probe.net.witness.KEPT_MAX", 2)
    seen = []
    for _ in range(4):
        seen.append(connected(lab.nodes["web"], socket.AF_INET))
        witness.drain()
    assert [bool(witness.interfaces(each)) for each in seen] == [False, False, True, True]


def test_without_the_namespace_there_is_nothing_to_see(lab):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(namespaces.NamespaceGone):
        Witness(lab.instance.netns.with_name("never-was"), SERVICES)
    assert len(os.listdir("/proc/self/fd")) == before
