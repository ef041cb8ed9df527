"""Distances as packets show them: the TTL of the SYN-ACK, captured where the caller is."""

import contextlib
import errno
import ipaddress
import json
import socket
import struct
import time

import pytest
from soon import SOON_S

from imds_probe.simulator.lab import topology
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.plumbing import LabError

SERVICE = {socket.AF_INET: topology.SERVICE_IPV4, socket.AF_INET6: topology.SERVICE_IPV6}
FAMILIES = pytest.mark.parametrize("family", SERVICE, ids=["ipv4", "ipv6"])


def listening(lab):
    """Listeners at the service's addresses; the kernel completes the handshakes by itself."""
    stack = contextlib.ExitStack()
    for family, address in SERVICE.items():
        listener = stack.enter_context(lab.service.socket(family, socket.SOCK_STREAM))
        listener.bind((address, 80))
        listener.listen(64)
    return stack


def connect(node, family, timeout_s=2 * SOON_S):
    sock = node.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout_s)
    try:
        sock.connect((SERVICE[family], 80))
    except OSError:
        sock.close()
        raise
    return sock


def syn_ack_ttl(node, family):
    ethertype, ttl_at = (0x0800, 8) if family == socket.AF_INET else (0x86DD, 7)
    with node.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ethertype)) as tap:
        tap.settimeout(SOON_S)
        with connect(node, family) as sock:
            port = sock.getsockname()[1]
        for _ in range(50):
            packet, address = tap.recvfrom(65535)
            tcp = (packet[0] & 15) * 4 if family == socket.AF_INET else 40
            from_service, to_port = struct.unpack("!HH", packet[tcp : tcp + 4])
            is_syn_ack = packet[tcp + 13] & 0x12 == 0x12
            if address[2] != socket.PACKET_OUTGOING and (from_service, to_port) == (80, port) and is_syn_ack:
                return packet[ttl_at]
    raise AssertionError("no SYN-ACK among 50 packets")


@pytest.fixture(scope="module")
def lab():
    with Lab("distances") as built:
        bridge = built.add_container("bridge")
        built.add_container("nested", "nested")
        built.add_container("chain", "chain", hops=3)
        built.add_container("chain-of-one", "chain", hops=1)
        built.add_container("far", "chain", hops=6)
        built.add_container("in-bridge", "nested", inside=bridge)
        built.add_container("also-in-bridge", "nested", inside=bridge)
        built.add_container("host", "host")
        built.add_container("shared", "shared", with_=bridge)
        macvlan = built.add_container("macvlan", "macvlan")
        built.add_container("second-macvlan", "macvlan")
        built.add_container("in-macvlan", "nested", inside=macvlan)
        built.add_container("dropped", drop=True)
        built.add_container("dropped-inside", "nested", inside=bridge, drop=True)
        built.add_container("routeless", no_route=True)
        built.add_container("routeless-macvlan", "macvlan", no_route=True)
        with listening(built):
            yield built


EXPECTED_TTL = {
    "instance": 64,
    "host": 64,
    "macvlan": 64,
    "second-macvlan": 64,
    "bridge": 63,
    "shared": 63,
    "chain-of-one": 63,
    "in-macvlan": 63,
    "nested": 62,
    "in-bridge": 62,
    "also-in-bridge": 62,
    "chain": 61,
    "far": 58,
}


@FAMILIES
@pytest.mark.parametrize("name", EXPECTED_TTL)
def test_the_ttl_says_how_far_a_container_is(lab, name, family):
    node = lab.nodes[name]
    assert syn_ack_ttl(node, family) == EXPECTED_TTL[name]
    assert node.distance == 64 - EXPECTED_TTL[name]


@FAMILIES
@pytest.mark.parametrize("name", ["dropped", "dropped-inside"])
def test_dropped_packets_leave_silence(lab, name, family):
    with pytest.raises(TimeoutError):
        connect(lab.nodes[name], family, timeout_s=0.3)


@FAMILIES
@pytest.mark.parametrize("name", ["routeless", "routeless-macvlan"])
def test_without_a_route_the_error_is_immediate(lab, name, family):
    started = time.monotonic()
    with pytest.raises(OSError) as caught:
        connect(lab.nodes[name], family)
    assert caught.value.errno == errno.ENETUNREACH
    assert time.monotonic() - started < SOON_S


@FAMILIES
def test_a_drop_concerns_the_metadata_service_only(lab, family):
    node = lab.nodes["dropped"]
    instance = lab.instance.ipv4 if family == socket.AF_INET else lab.instance.ipv6
    with node.socket(family, socket.SOCK_STREAM) as sock, pytest.raises(ConnectionRefusedError):
        sock.settimeout(SOON_S)
        sock.connect((instance, 80))


@FAMILIES
def test_containers_reach_the_service_behind_the_instances_address(lab, family):
    for name, expected in (("bridge", lab.instance), ("nested", lab.instance), ("macvlan", lab.nodes["macvlan"])):
        with lab.service.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((SERVICE[family], 8080))
            listener.listen()
            listener.settimeout(SOON_S)
            with lab.nodes[name].socket(family, socket.SOCK_STREAM) as sock:
                sock.settimeout(SOON_S)
                sock.connect((SERVICE[family], 8080))
                accepted, peer = listener.accept()
                accepted.close()
        assert peer[0] == (expected.ipv4 if family == socket.AF_INET else expected.ipv6), name


def test_a_refused_connection_is_told_apart(lab):
    for family, address in SERVICE.items():
        with lab.nodes["nested"].socket(family, socket.SOCK_STREAM) as sock, pytest.raises(ConnectionRefusedError):
            sock.settimeout(SOON_S)
            sock.connect((address, 81))


@FAMILIES
def test_the_service_reaches_the_instances_subnet_only(lab, family):
    with lab.service.socket(family, socket.SOCK_DGRAM) as sock, pytest.raises(OSError) as caught:
        sock.connect(("192.0.2.1" if family == socket.AF_INET else "2001:db8:ffff::1", 9))
    assert caught.value.errno == errno.ENETUNREACH


def test_the_first_connection_of_a_new_lab_is_not_held_up():
    """A lost SYN or an address still being checked for duplicates would cost a second, each time."""
    slowest = []
    for _ in range(5):
        slowest.append(0.0)
        with Lab("fresh") as fresh, listening(fresh):
            node = fresh.add_container("c", "nested")
            for family in (socket.AF_INET6, socket.AF_INET):
                started = time.monotonic()
                connect(node, family).close()
                slowest[-1] = max(slowest[-1], time.monotonic() - started)
    assert min(slowest) < 0.9, slowest


def kernel_has_ipvlan(lab):
    tried = lab.service.run(["ip", "link", "add", "link", "eth0", "name", "try0", "type", "ipvlan"], timeout_s=SOON_S)
    lab.service.run(["ip", "link", "delete", "try0"], timeout_s=SOON_S)
    return tried.returncode == 0


def test_ipvlan_l3_is_as_near_as_the_instance_or_the_kernel_lacks_it():
    with Lab("ipvlan") as lab, listening(lab):
        if kernel_has_ipvlan(lab):
            node = lab.add_container("c", "ipvlan-l3")
            assert [syn_ack_ttl(node, family) for family in SERVICE] == [64, 64]
            assert [syn_ack_ttl(lab.instance, family) for family in SERVICE] == [64, 64]
        else:
            with pytest.raises(LabError, match="modprobe ipvlan"):
                lab.add_container("c", "ipvlan-l3")
            assert "c" not in lab.nodes
            assert lab.add_container("c").distance == 1  # the name is free again


def test_no_address_of_a_lab_can_be_routed_on_the_internet():
    subnets = (topology.VPC, topology.SECOND_VPC, topology.DOCKER, topology.inner_subnet(9))
    found = [subnet.address(2, has_ipv6=True) for subnet in subnets] + [topology.service_address(has_ipv6=True)]
    assert [a for f in found for a in (f.ipv4, f.ipv6) if ipaddress.ip_address(a).is_global] == []


def test_without_ipv6_no_command_mentions_it():
    address = topology.VPC.address(10, has_ipv6=False)
    here, there = topology.macvlan_uplink("x", has_ipv6=False)
    commands = [
        *topology.instance_links("x", has_ipv6=False),
        *topology.service_links(has_ipv6=False),
        *topology.masquerade("ens5", has_ipv6=False),
        *topology.drop_metadata([address]),
        *topology.default_route(address),
        *topology.service_route("eth0", has_ipv6=False),
        *topology.ipvlan_return_route(address, address),
        *here,
        *there,
        *topology.sysctls(forwards=True, has_ipv6=False),
    ]
    assert address.ipv6 is None
    assert [line for line in commands if "::" in line or "ip6" in line or "ipv6" in line] == []


def test_the_bridge_keeps_its_address_when_containers_come_and_go():
    with Lab("bridge-mac") as lab:
        before = json.loads(lab.instance.run(["ip", "-j", "link", "show", "docker0"], timeout_s=SOON_S).stdout)[0]
        for number in range(4):
            lab.add_container(f"c{number}")
        after = json.loads(lab.instance.run(["ip", "-j", "link", "show", "docker0"], timeout_s=SOON_S).stdout)[0]
    assert before["address"] == after["address"] == topology.BRIDGE_MAC
