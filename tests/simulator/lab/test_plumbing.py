"""The tools a lab is built with, run for real."""

import subprocess
import threading

import pytest

from imds_probe.errors import CommandMissing
from imds_probe.net import namespaces
from imds_probe.simulator.lab import naming, plumbing


@pytest.fixture
def netns():
    lab_id = naming.new_lab_id("plumbing")
    name = lab_id.namespace("it")
    plumbing.add_namespaces([name])
    yield naming.NETNS_DIRECTORY / name
    plumbing.remove_namespaces([name, lab_id.namespace("never-made")])
    assert not (naming.NETNS_DIRECTORY / name).exists()


def test_missing_programs_are_named_with_their_packages(tmp_path):
    with pytest.raises(CommandMissing) as caught:
        plumbing.require_tools(str(tmp_path))
    assert str(caught.value) == (
        "a lab needs ip, nft, nsenter, not installed here. Install the packages iproute2 nftables util-linux, "
        "on Debian with: apt-get install iproute2 nftables util-linux"
    )


def test_one_missing_program(tmp_path):
    for tool in ("ip", "nsenter"):
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    with pytest.raises(CommandMissing, match=r"needs nft, .*Install the package nftables, .*apt-get install nftables$"):
        plumbing.require_tools(str(tmp_path))


def test_the_programs_are_here():
    assert plumbing.require_tools() is None


def test_ip_commands_act_inside_only(netns):
    plumbing.ip_batch(netns, ["link set lo up", "link add dummy7 type bridge"])
    here = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    there = subprocess.run(
        plumbing.inside(netns, ["ip", "-o", "link"]), capture_output=True, text=True, check=True
    ).stdout
    assert "dummy7" in there
    assert "dummy7" not in here


def test_a_failing_command_says_which_and_why(netns):
    with pytest.raises(plumbing.LabError, match=r"ip -batch.*Cannot find device") as caught:
        plumbing.ip_batch(netns, ["link set nowhere up"])
    assert caught.value.remedy == ""
    with pytest.raises(plumbing.LabError, match="nft -f"):
        plumbing.nft(netns, ["add rule ip nowhere nothing drop"])


def test_a_link_the_kernel_lacks_has_a_remedy(netns):
    with pytest.raises(plumbing.LabError, match="modprobe"):
        plumbing.ip_batch(netns, ["link add it type nosuchkind"])


def test_nft_loads_all_or_nothing(netns):
    with pytest.raises(plumbing.LabError):
        plumbing.nft(netns, ["add table ip kept", "add rule ip kept nochain drop"])
    listed = subprocess.run(plumbing.inside(netns, ["nft", "list", "tables"]), capture_output=True, check=True)
    assert listed.stdout == b""


def test_sysctls_are_written_inside_only(netns):
    def ttl():
        with open("/proc/sys/net/ipv4/ip_default_ttl") as file:
            return file.read().strip()

    before = ttl()
    plumbing.write_sysctls(netns, {"ipv4/ip_default_ttl": "77"})
    assert (namespaces.call_in(netns, ttl), ttl()) == ("77", before)
    assert before != "77"


def test_a_sysctl_that_does_not_exist_is_an_expected_error(netns):
    with pytest.raises(plumbing.LabError, match=r"net/ipv4/nosuch cannot be set: No such file"):
        plumbing.write_sysctls(netns, {"ipv4/nosuch": "1"})


def test_ipv6_is_what_the_kernel_says(netns):
    with open("/proc/net/protocols") as file:
        assert plumbing.kernel_has_ipv6(netns) == ("TCPv6" in file.read())


def test_making_a_namespace_twice_fails(netns):
    with pytest.raises(plumbing.LabError, match="File exists"):
        plumbing.add_namespaces([netns.name])


def test_two_processes_may_remove_the_same_namespaces_at_once():
    lab_id = naming.new_lab_id("plumbing")
    names = [lab_id.namespace(f"n{number}") for number in range(20)]
    plumbing.add_namespaces(names)
    failures = []

    def remove():
        try:
            plumbing.remove_namespaces(names)
        except plumbing.LabError as error:
            failures.append(error)

    threads = [threading.Thread(target=remove) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [name for name in names if (naming.NETNS_DIRECTORY / name).exists()] == []
