"""Callers of a whole host; the rehearsal itself is in tests/lab."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from imds_probe.inventory.containers.discovered import DiscoveredContainer, NetworkNamespace
from imds_probe.net.namespaces import CURRENT, current_inode
from imds_probe.rehearsal.callers import GIVEN_S, Seen
from imds_probe.rehearsal.host import HostCallers
from imds_probe.rehearsal.outcomes import Aim, asked
from imds_probe.rehearsal.words import summary
from imds_probe.watch.caller import Caller

PROC = Path("/proc")
GONE = 0  # no process has this number


@pytest.fixture
def callers():
    made = HostCallers({}, dict, PROC)
    yield made
    made.close()


def put(callers: HostCallers, pid: int, container: str | None = None, **requests) -> Seen:
    caller = Caller(pid, "app", "/usr/bin/app", "app", 0, (), None, container, None, None, container is None)
    seen = Seen(pid, "app", caller=caller, **requests)
    callers._seen[pid, len(callers._seen)] = seen
    return seen


def test_who_is_behind_an_interface_that_is_led_no_more(callers):
    """By the container, or by the network that the process is in."""
    here, there = put(callers, os.getpid(), passed=1), put(callers, GONE, "id", passed=1)
    elsewhere = put(callers, GONE, "other", passed=1)
    container = DiscoveredContainer("id", "docker", "web", None, None, None, (), None, 1, "own")
    callers.unled([NetworkNamespace(1, Path("/none"), "container", "web", (), (container,), None)])
    assert [each.unled for each in (here, there, elsewhere)] == [False, True, False]
    callers.unled([NetworkNamespace(current_inode(), CURRENT, "named", "x", (), (), None)])
    assert [each.unled for each in (here, there, elsewhere)] == [True, True, False]
    lines = summary(callers.all(), callers.totals(), 60.0, 0.0)
    assert sum(line.endswith("asked with a token, and was not rehearsed to the end") for line in lines) == 2


def test_each_has_the_name_of_its_container_on_record():
    """Of one that has just started, that is known later."""
    titles: dict[str, str] = {}
    callers = HostCallers({}, lambda: titles, PROC)
    try:
        put(callers, GONE, "id", passed=1)
        put(callers, GONE, "id-2", passed=1)
        put(callers, GONE, passed=1)
        titles["id"] = "web"
        kept = asked(callers.all(), Aim("host", "host"))
    finally:
        callers.close()
    assert {(each.container, each.container_id) for each in kept} == {("web", "id"), (None, "id-2"), (None, None)}


@pytest.mark.parametrize(("ago_s", "outcome"), [(0.0, "cut-short"), (2 * GIVEN_S, "gave-up")])
def test_who_was_refused_just_before_that_may_have_asked_again(callers, ago_s, outcome):
    seen = put(callers, os.getpid(), refused=2, missed={"/x"}, missed_since=time.monotonic() - ago_s)
    callers.unled([NetworkNamespace(current_inode(), CURRENT, "named", "x", (), (), None)])
    assert seen.outcome == outcome
