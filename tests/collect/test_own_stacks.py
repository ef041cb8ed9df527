import os

import pytest
from soon import SOON_S

from imds_probe.collect.own_stacks import own_stack
from imds_probe.facts.containers import Reach
from imds_probe.simulator.lab.lab import Lab

NOT_CONNECTED = (Reach("ipv4", "unreachable", ""),)
NO_ADDRESS = "an interface is in its network namespace and has no address there, as under gVisor"
TAP = "a tap interface, as virtual machines have it, is in its network namespace"


@pytest.fixture(scope="module")
def lab():
    with Lab("stacks") as made:
        for name in ("plain", "tap", "tun", "bare"):
            made.add_container(name)
        made.add_container("alone", drop=True)
        for name, line in (
            ("tap", "ip tuntap add tap0_kata mode tap"),
            ("tun", "ip tuntap add tun0 mode tun"),
            ("bare", "ip addr flush dev eth0"),
        ):
            done = made.nodes[name].run(line.split(), timeout_s=SOON_S)
            assert done.returncode == 0, done.stderr
        yield made


@pytest.mark.parametrize(
    ("node", "expected"),
    [("plain", ""), ("tap", TAP), ("tun", ""), ("bare", NO_ADDRESS), ("alone", "")],
)
def test_what_links_and_addresses_say(lab, tmp_path, node, expected):
    netns = lab.nodes[node].netns
    assert own_stack(tmp_path, netns, (), NOT_CONNECTED, by_address=True) == expected
    assert own_stack(tmp_path, netns, (), NOT_CONNECTED, by_address=False) == expected * (expected == TAP)


@pytest.mark.parametrize(
    ("exe", "says"),
    [
        ("/usr/local/bin/runsc", "gVisor (runsc) has a network of its own there"),
        ("/usr/bin/qemu-system-x86_64", "a virtual machine (qemu-system-x86_64) runs there"),
        ("/opt/kata/bin/cloud-hypervisor (deleted)", "a virtual machine (cloud-hypervisor) runs there"),
        ("/usr/bin/firecracker", "a virtual machine (firecracker) runs there"),
        ("/usr/bin/pause", ""),
        ("/usr/bin/qemu-img-tool/x", ""),
    ],
)
def test_what_processes_say(lab, tmp_path, exe, says):
    (tmp_path / "7").mkdir()
    os.symlink(exe, tmp_path / "7/exe")
    assert own_stack(tmp_path, lab.nodes["plain"].netns, (3, 7), NOT_CONNECTED, by_address=True) == says


@pytest.mark.parametrize("reach", [(), (Reach("ipv4", "ok", ""),), (*NOT_CONNECTED, Reach("ipv6", "lost", ""))])
def test_what_was_measured_is_not_asked_after(lab, tmp_path, reach):
    assert own_stack(tmp_path, lab.nodes["tap"].netns, (), reach, by_address=True) == ""


def test_a_namespace_that_is_gone_says_nothing(tmp_path):
    assert own_stack(tmp_path, tmp_path / "gone", (), NOT_CONNECTED, by_address=True) == ""
