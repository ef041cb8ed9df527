from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from watched_calls import CURL
from watched_packets import MD4

from imds_probe.facts.callers import Origin
from imds_probe.net import links
from imds_probe.simulator.lab.lab import Lab
from imds_probe.watch import whereabouts as module
from imds_probe.watch.connection import APART, Connection
from imds_probe.watch.whereabouts import Whereabouts, origin_of

KINDS = {6: "tap", 7: "veth", 8: "macvtap", 9: "wireguard", 10: "vxlan", 11: "tun", 12: "tap", 13: "bridge"}


class Ways:
    """That interface 5 is a card, and that process 70 is behind interface 7; how often it looked at all processes."""

    def __init__(self) -> None:
        self.looked = 0

    def physical(self, interface: int) -> bool:
        return interface == 5

    def whose(self, interface: int) -> int | None:
        self.looked += 1
        return {7: 70, APART + 5: 71}.get(interface)

    def is_of_vpn(self, tap: str) -> bool:
        return tap == "if12"


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    monkeypatch.setattr(links, "kind_of", lambda index: KINDS.get(index, ""))
    monkeypatch.setattr(module.socket, "if_indextoname", lambda index: f"if{index}")
    return Ways()


def by(interface: int, *, outgoing: bool = False) -> Connection:
    return Connection("ipv4", "10.0.0.9", 4000, MD4, [((interface, outgoing), (b"", 1, b""))], 1.0, 0, 0)


@pytest.mark.parametrize(
    ("connection", "origin", "behind"),
    [
        (by(5), "another-host", None),
        (by(6), "virtual-machine", None),
        (by(8, outgoing=True), "virtual-machine", None),
        (by(7), "unknown", 70),
        (by(9), "another-host", None),
        (by(10), "another-host", None),
        (by(11), "another-host", None),
        (by(11, outgoing=True), "unknown", None),
        (by(12), "another-host", None),  # of a VPN
        (by(13), "unknown", None),
        (by(2, outgoing=True), "unknown", None),
        (by(APART + 5), "unknown", 71),
    ],
)
def test_where_a_call_comes_from_that_is_nobodys(
    ways, connection: Connection, origin: Origin, behind: int | None
) -> None:
    there = Whereabouts(ways)
    assert (there.origin(connection, None), there.behind(connection)) == (origin, behind)
    assert there.origin(connection, CURL) == "process"
    assert there.interface(connection) == ("" if connection.is_apart else f"if{connection.interface}")


def test_all_processes_are_looked_at_once_in_a_while(ways, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Whereabouts(ways)
    assert [there.behind(by(7)) for _ in range(5)] == [70] * 5
    assert ways.looked == 1
    monkeypatch.setattr(module, "BEHIND_AGAIN_S", 0.0)
    there.behind(by(7))
    assert ways.looked == 2


def test_an_interface_that_has_gone_is_what_it_was(ways, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Whereabouts(ways)
    assert there.origin(by(6), None) == "virtual-machine"

    def gone(index: int) -> str:
        raise OSError(index)

    monkeypatch.setattr(module.socket, "if_indextoname", gone)
    monkeypatch.setattr(module, "KNOWN_S", -1.0)
    assert (there.interface(by(6)), there.origin(by(6), None), there.interface(by(9))) == ("if6", "virtual-machine", "")


@pytest.mark.parametrize(
    ("exe", "origin"),
    [
        ("/usr/bin/slirp4netns", "user-mode-network"),
        ("/usr/bin/pasta.avx2", "user-mode-network"),
        ("/usr/libexec/podman/gvproxy", "user-mode-network"),
        ("/usr/bin/qemu-system-x86_64", "virtual-machine"),
        ("/usr/bin/qemu-aarch64-static", "process"),  # one program of another architecture
        ("/usr/bin/curl", "process"),
        (None, "process"),
    ],
)
def test_who_relays_a_whole_network(exe: str | None, origin: Origin) -> None:
    assert origin_of(replace(CURL, exe=exe)) == origin


def test_the_kernels_kinds_of_interfaces() -> None:
    with Lab("kinds") as lab:
        for command in (
            *("tuntap add dev t0 mode tap", "tuntap add dev t1 mode tun", "link add b0 type bridge"),
            "link add x0 type vxlan id 7 dstport 4789 remote 10.0.0.1 local 10.0.0.10",
        ):
            subprocess.run(["ip", "-n", lab.instance.netns.name, *command.split()], check=True)
        names = {
            name: lab.instance.call(lambda name=name: module.socket.if_nametoindex(name))
            for name in ("t0", "t1", "b0", "x0", "lo")
        }
        kinds = {name: lab.instance.call(lambda index=index: links.kind_of(index)) for name, index in names.items()}
    assert kinds == {"t0": "tap", "t1": "tun", "b0": "bridge", "x0": "vxlan", "lo": ""}
