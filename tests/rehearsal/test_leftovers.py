"""What was left behind is found by its name and removed, and what runs is not."""

from __future__ import annotations

import errno
import os
import socket

import pytest
from docker_engine import network_namespace
from rehearsing import BACKENDS, place, tables, tools_of

from imds_probe.errors import ProbeError
from imds_probe.net.namespaces import open_netns
from imds_probe.rehearsal import iptables, leftovers
from imds_probe.rehearsal.group import OwnGroup, left_behind, own_name
from imds_probe.rehearsal.leftovers import Leftovers, undo
from imds_probe.rehearsal.rules import Group, Rules

GONE = f"imds-probe-rehearsal-{os.getpid()}-1"  # of a process of this number that began at another time


@pytest.fixture
def here():
    with place() as directory:
        yield directory


@pytest.fixture
def put_up():
    made = []

    def call(name, *, held, netns=None):
        service, relay = {socket.AF_INET: ("127.0.0.9", 80)}, {socket.AF_INET: ("127.0.0.1", 1)}
        rules = Rules(name, service, relay, Group(1, 1), netns)
        rules.put_up(held=held)
        made.append(rules)

    yield call
    for rules in made:
        rules.take_down()
        rules.close()


def test_of_who_is_gone_all_is_removed(here, put_up):
    put_up(GONE, held=False)
    directory = OwnGroup(GONE).directory
    assert undo(here) == Leftovers((f"table ip {GONE}", f"control group {directory}"), (), ())
    assert tables() == [] and left_behind(here) == []
    assert undo(here) == Leftovers((), (), ())


def test_in_the_network_of_a_container_too(here, put_up, tmp_path):
    with network_namespace(f"idtest-{os.getpid()}-undo") as netns:
        descriptor = open_netns(netns)
        try:
            put_up(GONE, held=False, netns=descriptor)
        finally:
            os.close(descriptor)
        assert undo(here) == Leftovers((), (), ())
        ways = [tmp_path / "gone", netns]
        assert undo(here, ways=ways) == Leftovers((f"table ip {GONE} in {netns}",), (), ())
        assert undo(here, ways=ways) == Leftovers((), (), ())


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_what_iptables_has_of_who_is_gone_is_removed(here, monkeypatch, backend):
    for family, tool in tools_of(backend).items():
        monkeypatch.setitem(iptables.TOOLS, family, tool)
    with network_namespace(f"idtest-{os.getpid()}-chains") as netns:
        descriptor = open_netns(netns)
        made = {}
        for name in (GONE, own_name()):
            where = {socket.AF_INET: ("127.0.0.9", 80)}
            made[name] = iptables.IptablesRules(name, where, where, Group(class_id=7), descriptor)
            made[name].put_up()
        found = undo(here, ways=[netns])
        chain = iptables.chain_of(GONE)
        tool = tools_of(backend)[socket.AF_INET]
        assert found == Leftovers((f"chain {chain} of {tool} in {netns}",), (), (os.getpid(),))
        assert iptables.chains(netns) == [(socket.AF_INET, iptables.chain_of(own_name()))]
        for each in made.values():
            each.close()
        os.close(descriptor)


def test_of_who_runs_nothing_is_touched(here, put_up):
    name = own_name()
    put_up(name, held=False)
    made = OwnGroup(name)
    assert undo(here) == Leftovers((), (), (os.getpid(),))
    assert tables() == [name] and left_behind(here) == [made.directory]
    assert made.remove()


def test_an_owner_that_cannot_be_seen_keeps_what_it_holds(here, put_up):
    """In a container with process ids of its own: the kernel knows that it lives."""
    put_up(GONE, held=True)
    made = OwnGroup(GONE)
    assert undo(here) == Leftovers((), (f"table ip {GONE}: its owner is running",), ())
    assert made.directory.exists() and made.remove()


@pytest.mark.parametrize("number", [errno.EPERM, errno.EPROTONOSUPPORT])
def test_without_the_right_it_says_so_and_without_packet_rules_there_are_none(here, monkeypatch, number):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(leftovers, "Nfnetlink", refuse)
    if number == errno.EPERM:
        with pytest.raises(ProbeError, match="no permission"):
            undo(here)
    else:
        assert undo(here) == Leftovers((), (), ())
    monkeypatch.undo()  # or what clears up could not either
