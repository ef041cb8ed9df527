"""A unit by its control group: found where units are, and by nothing that calls itself like one."""

from __future__ import annotations

import subprocess

import pytest
from rehearsing import place
from soon import SOON_S, wait_for

from imds_probe.errors import UsageError
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.group import hierarchy_of
from imds_probe.rehearsal.unit import PROC, Unit


@pytest.fixture
def here():
    with place() as directory:
        yield directory


@pytest.fixture
def runs():
    """Start something in a control group; it is waited for."""
    started = []

    def call(directory):
        directory.mkdir(parents=True, exist_ok=True)
        argv = ["sh", "-c", 'echo $$ > "$0" && exec sleep 600', str(directory / "cgroup.procs")]
        started.append(subprocess.Popen(argv))
        wait_for(lambda: str(started[-1].pid) in (directory / "cgroup.procs").read_text().split())
        return started[-1]

    yield call
    for child in started:
        child.kill()
        child.wait(SOON_S)


def test_a_unit_in_a_slice_of_a_slice(here, runs):
    directory = here / "app.slice/app-web.slice/web@1.service"
    child = runs(directory / "inner")
    unit = Unit("web@1", here)
    assert (unit.name, unit.directory, unit.members()) == ("web@1.service", directory, [child.pid])
    group = unit.group()
    assert group.inode == directory.stat().st_ino
    assert group.level == len(directory.relative_to(hierarchy_of(PROC).mount).parts)
    assert Unit("app-web.slice", here).members() == [child.pid]
    child.kill()
    child.wait(SOON_S)
    wait_for(lambda: unit.group() is None)
    (directory / "inner").rmdir()
    directory.rmdir()
    assert unit.group() is None and unit.members() == []
    again = runs(directory)
    assert unit.group().inode != group.inode and unit.members() == [again.pid]


def test_who_only_calls_itself_so_is_no_unit(here, runs):
    """A user's manager and a container divide what they were given, and name it as they like."""
    runs(here / "user.slice/user@1000.service/app.slice/web.service")
    runs(here / "docker-1.scope/web.service")
    with pytest.raises(CannotRehearse, match=r"no running unit of the system is called web\.service"):
        Unit("web", here)


def test_one_that_does_not_run_is_refused(here):
    (here / "web.service").mkdir()
    with pytest.raises(CannotRehearse, match=r"web\.service is not running"):
        Unit("web.service", here)


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "a b", "x" * 256])
def test_names_that_are_none(here, name):
    with pytest.raises(UsageError, match="no name of a unit"):
        Unit(name, here)


def test_by_version_1_units_are_not_told_apart(classes):
    with pytest.raises(CannotRehearse, match="version 1"):
        Unit("web")
