"""Who the command started and is not rehearsed."""

from __future__ import annotations

import subprocess

import pytest
from rehearsing import place
from soon import SOON_S, wait_for

from imds_probe.rehearsal.group import OwnGroup
from imds_probe.rehearsal.leavers import ELSEWHERE, MOVED, Leavers, Left

NAME = "imds-probe-rehearsal-12-34"


@pytest.fixture
def group():
    with place():
        yield OwnGroup(NAME)


@pytest.fixture
def started(group):
    """Start a script in the group that says a number and waits for its input to end; the number and its own."""
    children = []

    def call(script):
        argv = [*group.launcher(), "sh", "-c", script]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child.pid, int(child.stdout.readline())

    yield call
    for child in children:
        child.communicate(timeout=SOON_S)


def test_who_stays_is_not_named(group, started):
    leavers = Leavers()
    first, second = started("sleep 600 <&- >&- & echo $!; read x; kill $!")
    assert set(group.members()) == {first, second}
    assert leavers.look(group.members()) == leavers.all() == []


def test_who_is_moved_is_named_once_with_what_it_starts(group, started):
    leavers = Leavers()
    first, inner = started("sleep 600 <&- >&- & echo $!; read x; kill $!")
    leavers.look(group.members())
    (group.directory.parent / "cgroup.procs").write_text(str(inner))
    assert leavers.look(group.members()) == leavers.all() == [Left(inner, "sleep", MOVED)]
    assert leavers.look(group.members()) == []
    assert first in group.members()


def test_one_that_left_before_anybody_looked_is_known_by_its_parent(group, started):
    leavers = Leavers()
    out = group.directory.parent / "cgroup.procs"
    _, inner = started(f"(echo 0 > {out}; exec sleep 600 <&- >&-) & echo $!; read x; kill $!")
    wait_for(lambda: inner not in group.members())
    wait_for(lambda: leavers.look(group.members()) or leavers.all())
    assert [(each.pid, each.why) for each in leavers.all()] == [(inner, MOVED)]


def test_another_network_namespace_is_named(group, started):
    leavers = Leavers()
    _, inner = started("unshare --net sleep 600 <&- >&- & echo $!; read x; kill $!")
    assert wait_for(lambda: leavers.look(group.members()))[0][::2] == (inner, ELSEWHERE)


def test_strangers_and_those_that_end_are_no_leavers(group, tmp_path):
    leavers = Leavers()
    child = subprocess.Popen([*group.launcher(), "true"])
    wait_for(lambda: not group.members())
    assert leavers.look([]) == []  # it is waited for by nobody yet
    child.wait()
    assert leavers.look([child.pid]) == [] == leavers.all()
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text("7 (x) R 1")
    assert Leavers(tmp_path).look([7]) == []
