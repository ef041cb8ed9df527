"""What the rules are, as iptables itself lists them, and that nothing of them stays; what they do is in test_rehearsal.py."""

from __future__ import annotations

import errno
import os
import socket
import subprocess

import pytest
from docker_engine import network_namespace
from rehearsing import BACKENDS, tools_of

from imds_probe.net.namespaces import open_netns
from imds_probe.rehearsal import iptables
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.iptables import IptablesRules, chain_of, chains, rehearsal_of
from imds_probe.rehearsal.rules import Group

NAME = "imds-probe-rehearsal-4194304-4294967295"
CHAIN = "imds-probe-4194304-ffffffff"
SERVICE = {socket.AF_INET: ("169.254.169.254", 80), socket.AF_INET6: ("fd00:ec2::254", 80)}
RELAY = {socket.AF_INET: ("127.0.0.1", 1338), socket.AF_INET6: ("::1", 1339)}


@pytest.fixture(params=BACKENDS[1:])
def tools(request):
    return tools_of(request.param)


@pytest.fixture
def rules(tools):
    """In a network namespace of their own, where nobody has asked for a table yet."""
    with network_namespace(f"idtest-{os.getpid()}-tables") as netns:
        descriptor = open_netns(netns)
        made = IptablesRules(NAME, SERVICE, RELAY, Group(class_id=0x494D0001), descriptor, tools=tools)
        made.netns = netns
        try:
            yield made
        finally:
            made.close()
            os.close(descriptor)


def said(rules, *argv) -> str:
    entered = ["nsenter", f"--net={rules.netns}", *argv]
    return subprocess.run(entered, capture_output=True, text=True, check=True).stdout


def test_the_rules_as_iptables_lists_them(rules, tools):
    before = said(rules, "nft", "list", "ruleset")
    rules.put_up()
    assert sorted(chains(rules.netns, tools)) == [(family, CHAIN) for family in tools]
    for family, tool in tools.items():
        address, port = SERVICE[family][0], RELAY[family][1]
        listed = said(rules, tool, "-t", "nat", "-S").splitlines()
        (leads,) = (line for line in listed if line.startswith("-A OUTPUT"))
        assert leads.startswith(f"-A OUTPUT -d {address}/")
        assert "--dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m cgroup --cgroup 1229783041 -m recent --rcheck" in leads
        assert "--seconds 4 --name" in leads and "--rdest" in leads and leads.endswith(f"-j {CHAIN}")
        assert f"-A {CHAIN} -p tcp -j REDIRECT --to-ports {port}" in listed
    leases = ["cat", *(f"/proc/net/xt_recent/{CHAIN}-{number}" for number in (4, 6))]
    assert said(rules, *leases) == ""
    for _ in range(2):
        rules.renew(SERVICE)
        assert said(rules, *leases).count("src=") == 2
    rules.end_lease()
    assert said(rules, *leases) == ""
    assert len(rules.left()) == 2
    rules.take_down()
    assert rules.left() == []
    assert said(rules, "nft", "list", "ruleset") == before
    rules.take_down()


def test_of_all_of_a_network_namespace_no_group_is_asked_for(rules, tools):
    rules._group = Group(1, whole=True)
    rules.put_up()
    rules.follow(Group(2, whole=True))
    listed = [line for tool in tools.values() for line in said(rules, tool, "-t", "nat", "-S").splitlines()]
    (four, six) = (line for line in listed if line.startswith("-A OUTPUT"))
    assert "cgroup" not in four + six
    rules.take_down()
    assert rules.left() == []


def test_what_others_have_in_the_table_stays(rules, tools):
    for tool in tools.values():
        said(rules, tool, "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "81", "-j", "ACCEPT")
    before = [said(rules, tool, "-t", "nat", "-S") for tool in tools.values()]
    rules.put_up()
    rules.take_down()
    assert [said(rules, tool, "-t", "nat", "-S") for tool in tools.values()] == before


def test_whoever_removes_the_rule_ends_the_lease(rules, tools):
    rules.put_up()
    rules.renew([socket.AF_INET])
    said(rules, tools[socket.AF_INET], "-t", "nat", "-F", "OUTPUT")
    for call in (lambda: rules.renew([socket.AF_INET]), rules.end_lease):
        with pytest.raises(FileNotFoundError):
            call()
    rules.take_down()
    assert rules.left() == []


def test_all_or_nothing(rules, monkeypatch):
    """As where the kernel has no match for one of the families, or no right to write what the lease is."""
    monkeypatch.setitem(SERVICE, socket.AF_INET6, ("not-an-address", 80))
    with pytest.raises(CannotRehearse, match="cannot redirect the connections of one control group"):
        rules.put_up()
    assert rules.left() == []


def test_a_tool_that_is_not_there_is_said(rules, tools):
    rules._tools = {family: f"{tool}-not-there" for family, tool in tools.items()}
    with pytest.raises(
        CannotRehearse, match="iptables-not-there is not installed|iptables-.*-not-there is not installed"
    ):
        rules.put_up()
    assert rules.left() == []


def test_a_class_stays(rules):
    rules.follow(Group(class_id=0x494D0001))
    with pytest.raises(OSError) as raised:
        rules.follow(Group(class_id=2))
    assert raised.value.errno == errno.EOPNOTSUPP


def test_names_are_short_enough_and_lead_back():
    assert chain_of(NAME) == CHAIN and len(CHAIN) <= 28
    assert rehearsal_of(CHAIN) == NAME
    assert [rehearsal_of(each) for each in ("OUTPUT", "imds-probe-1", "imds-probe-1-x", f"{CHAIN}-4")] == [None] * 4


def test_to_look_loads_no_table(tmp_path):
    """A legacy iptables that is asked for a table makes it, for as long as the network namespace is there."""
    with network_namespace(f"idtest-{os.getpid()}-none") as netns:
        for backend in BACKENDS[1:]:
            assert chains(netns, tools_of(backend)) == []
        names = ["cat", *(f"/proc/net/{file}" for file in iptables.LOADED.values())]
        done = subprocess.run(["nsenter", f"--net={netns}", *names], capture_output=True, text=True, check=False)
        assert done.stdout == ""
