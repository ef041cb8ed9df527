"""Whose packets come by which interface, in the lab, as a watch on its instance knows it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node
from imds_probe.watch import ways as module
from imds_probe.watch.connection import APART, Connection
from imds_probe.watch.ways import Ways

SERVICES = ("169.254.169.254", "fd00:ec2::254")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("ways") as built:
        for name in ("one", "other"):
            built.add_container(name)
        yield built


@pytest.fixture
def ways(lab: Lab) -> Iterator[Ways]:
    opened = lab.instance.call(lambda: Ways(Path("/proc"), SERVICES))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def numbers(lab: Lab) -> dict[str, int]:
    return {name: number for number, name in lab.instance.call(socket.if_nameindex)}


def connection(client: str, interface: int, *, outgoing: bool) -> Connection:
    ends = (socket.inet_aton(client), 4000, socket.inet_aton(SERVICES[0]))
    return Connection("ipv4", client, 4000, SERVICES[0], [((interface, outgoing), ends)], 1.0, 1, 1)


def started(node: Node) -> subprocess.Popen[bytes]:
    child = node.start(["sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    return child


def test_the_hosts_own_leave_its_stack_with_an_address_of_its_own(lab, ways, numbers):
    def may(local: str, seen: Connection) -> bool:
        return lab.instance.call(lambda: ways.may_be_of(lab.instance.inode, local, seen))

    host = lab.instance.ipv4
    assert may(host, connection(host, numbers["ens5"], outgoing=True))
    assert may("172.17.0.1", connection(host, numbers["ens5"], outgoing=True))  # it was translated on its way out
    assert not may(host, connection(host, numbers["veth2"], outgoing=False))  # somebody else says so
    assert not may(host, connection("172.17.0.2", numbers["veth2"], outgoing=False))
    assert not may(host, connection("10.0.1.20", numbers["ens5"], outgoing=True))


def test_a_containers_come_in_by_its_own_interface(lab, ways, numbers):
    one, other = lab.nodes["one"], lab.nodes["other"]
    child = started(one)
    ways.learn(one.inode, child.pid)
    for node, expected in ((one, True), (other, False)):
        interface = numbers[f"veth{node.ipv4.rpartition('.')[2]}"]
        assert ways.may_be_of(one.inode, one.ipv4, connection(one.ipv4, interface, outgoing=False)) is expected
    assert not ways.may_be_of(one.inode, one.ipv4, connection(one.ipv4, numbers["ens5"], outgoing=True))


class Own:
    """Namespace 70 is watched by an interface of its own, which a process is behind."""

    process: int | None = 7

    def has(self, netns: int) -> bool:
        return netns == 70

    def netns_of(self, interface: int) -> int | None:
        return 70 if interface == APART + 2 else None

    def process_of(self, interface: int) -> int | None:
        return self.process


def test_by_an_interface_of_its_own_a_namespace_sends_and_what_is_behind_it(lab, ways, numbers):
    ways.apart = Own()
    own = connection("10.0.2.20", APART + 2, outgoing=False)
    assert ways.lead_to_service(APART + 2)
    assert ways.netns_of(APART + 2) == 70
    assert ways.whose(APART + 2) == 7
    assert ways.may_be_of(70, "10.0.2.20", own)
    assert ways.may_be_of(None, "10.0.2.20", own)
    assert ways.may_be_of(80, "10.88.0.2", own)
    assert not ways.may_be_of(80, "10.0.2.20", own)
    assert not ways.may_be_of(ways.home, "10.0.2.20", own)
    started(lab.nodes["one"])
    # What comes in by the host's interfaces is not its, unless it may have a way in besides.
    assert ways.may_be_of(70, "10.0.2.20", connection("10.0.2.20", numbers["veth2"], outgoing=False))
    ways._known[70] = module._Known(frozenset(), 0.0, frozenset())
    assert not ways.may_be_of(70, "10.0.2.20", connection("10.0.2.20", numbers["veth2"], outgoing=False))
    ways.apart.process = None
    ways.apart.netns_of = lambda _: lab.nodes["one"].inode
    found = ways.whose(APART + 2)
    assert Path(f"/proc/{found}/ns/net").stat().st_ino == lab.nodes["one"].inode


def test_of_one_that_has_ended_all_is_possible_that_is_not_the_hosts(lab, ways, numbers):
    def may(local: str, client: str, *, outgoing: bool) -> bool:
        seen = connection(client, numbers["ens5" if outgoing else "veth2"], outgoing=outgoing)
        return lab.instance.call(lambda: ways.may_be_of(None, local, seen))

    host = lab.instance.ipv4
    assert may("172.17.0.2", "172.17.0.2", outgoing=False)
    assert may("10.88.1.2", "172.17.0.2", outgoing=False)
    assert may(host, host, outgoing=True)
    assert may("10.0.1.20", "10.0.1.20", outgoing=True)
    assert not may(host, host, outgoing=False)
    assert not may(host, "172.17.0.2", outgoing=False)
    assert not may(host, "10.0.1.20", outgoing=True)


def test_a_number_that_is_another_process_by_now_teaches_nothing(lab, ways):
    child = started(lab.nodes["one"])
    ways.learn(4242, child.pid)
    ways.learn(lab.nodes["one"].inode, 4_999_999)
    assert ways._known == {}


def test_a_namespace_may_have_the_number_of_one_that_has_gone(lab, ways, numbers, monkeypatch):
    """A container that is begun soon after has an interface of its own. What the one before sent is its own still."""
    one, interface, gone, others = lab.nodes["one"], numbers["veth2"], 99_999, numbers["veth3"]
    child = started(one)

    def may(by: int) -> bool:
        return ways.may_be_of(one.inode, one.ipv4, connection(one.ipv4, by, outgoing=False))

    with monkeypatch.context() as patched:
        patched.setattr(module.links, "ways_into", lambda *_: frozenset({gone}))
        lab.instance.call(lambda: ways.learn(one.inode, child.pid))
    assert not may(interface)
    lab.instance.call(lambda: ways.learn(one.inode, child.pid))
    assert may(interface)
    assert may(gone)
    assert not may(others)


def test_a_number_that_has_gone_is_forgotten_also_where_its_new_process_has_ended(lab, ways, numbers, monkeypatch):
    one = lab.nodes["one"]
    child = started(one)
    with monkeypatch.context() as patched:
        patched.setattr(module.links, "ways_into", lambda *_: frozenset({99_999}))
        lab.instance.call(lambda: ways.learn(one.inode, child.pid))
    lab.instance.call(lambda: ways.learn(one.inode, 4_999_999))
    assert ways.may_be_of(one.inode, one.ipv4, connection(one.ipv4, numbers["veth2"], outgoing=False))


def test_who_is_behind_an_interface(lab, ways, numbers):
    child = started(lab.nodes["other"])
    assert ways.whose(numbers["veth3"]) == child.pid
    assert ways.whose(numbers["docker0"]) is None


def test_the_hosts_way_to_the_service(lab, ways, numbers, monkeypatch):
    leading = [name for name, number in numbers.items() if lab.instance.call(lambda n=number: ways.lead_to_service(n))]
    assert leading == ["ens5"]
    monkeypatch.setattr(module, "_is_physical", lambda interface: interface == numbers["docker0"])
    ways._physical.clear()
    assert ways.lead_to_service(numbers["docker0"])
    # What is put together of cards is none itself: containers have ports of it as well.
    monkeypatch.setattr(module.links, "interface_to", lambda _: numbers["docker0"])
    monkeypatch.setattr(module, "_is_physical", lambda _: False)
    ways._physical.clear()
    ways._uplinks = (frozenset(), float("-inf"))
    assert not lab.instance.call(lambda: ways.lead_to_service(numbers["docker0"]))


def test_a_link_is_a_card_where_it_has_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = socket.if_nametoindex("lo")
    assert module._is_physical(loopback) is False
    assert module._is_physical(99999) is False
    # One of a made-up /sys that has a device.
    (tmp_path / "lo/device").mkdir(parents=True)
    monkeypatch.setattr(module, "OF_DEVICES", tmp_path)
    assert module._is_physical(loopback) is True


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 3)
    known: dict[int, int] = {}
    for number in range(10):
        module._keep(known, number, number)
        assert len(known) <= 3


HOLDS_A_TAP = """
import fcntl, struct, sys, time
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"tap7", 0x1002))  # TUNSETIFF; IFF_TAP | IFF_NO_PI
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("program", "is_vpn"), [("openvpn", True), ("qemu-system-x86_64", False)])
def test_a_program_of_a_vpn_is_told_from_one_that_runs_virtual_machines(
    lab: Lab, ways: Ways, tmp_path: Path, program: str, is_vpn: bool
) -> None:
    exe = tmp_path / program
    shutil.copy(os.path.realpath(sys.executable), exe)
    holding = lab.instance.start([str(exe), "-S", "-c", HOLDS_A_TAP], stdout=subprocess.PIPE)
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline().strip() == b"ready"
        assert ways.is_of_vpn("tap7") == is_vpn
        assert not ways.is_of_vpn("tap77")
    finally:
        holding.kill()
        holding.wait()
