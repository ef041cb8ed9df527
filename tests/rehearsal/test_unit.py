"""A unit by its control group: found where units are, and by nothing that calls itself like one."""

from __future__ import annotations

import os
import subprocess

import pytest
from rehearsing import mounted, place, sleeping_in
from soon import SOON_S, wait_for

from imds_probe.errors import UsageError
from imds_probe.rehearsal import group
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.classes import class_of
from imds_probe.rehearsal.group import hierarchy_of, left_behind, members, own_class, own_name, removed
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


@pytest.fixture
def of_version_1(classes, tmp_path):
    """A slice in systemd's own hierarchy of version 1, and the group of net_cls that this process is in."""
    with mounted(tmp_path, "none,name=systemd", "systemd") as systemd, place() as here:
        top = systemd / f"imds-probe-test-{os.getpid()}.slice"
        top.mkdir()
        yield top, here
        assert removed(top)


def test_by_version_1_its_processes_are_moved_and_moved_back(of_version_1):
    top, here = of_version_1
    with sleeping_in(top / "web.service") as first:
        unit = Unit("web", top)
        assert left_behind(here) == [] and unit.group().class_id == own_class()
        unit.told.keep()
        (made,) = left_behind(here)
        assert (made.name, class_of(made), members(made)) == (own_name(), own_class(), [first])
        with sleeping_in(top / "web.service/inner") as second:
            unit.told.keep()
            assert members(made) == sorted((first, second))
            before = unit.group()
            assert unit.told.give_back() == [] and left_behind(here) == []
            assert {first, second} <= set(members(here))
    assert unit.group() is None
    with sleeping_in(top / "web.service"):
        assert unit.group() != before


def test_by_version_1_one_whose_traffic_is_shaped_is_refused_and_left_alone(of_version_1):
    top, here = of_version_1
    shaped = here / "shaped"
    with sleeping_in(top / "web.service", shaped) as pid:
        (shaped / "net_cls.classid").write_text(str(0x100001))
        with pytest.raises(CannotRehearse, match=r"web\.service has a class already, 0x100001 by .*/shaped/net_cls"):
            Unit("web", top)
        assert left_behind(here) == [] and members(shaped) == [pid]


def test_where_somebody_else_has_mounted_version_2_systemd_has_its_own(tmp_path, monkeypatch):
    """As container networks do on hosts whose systemd uses version 1."""
    monkeypatch.setattr("imds_probe.rehearsal.classes.is_before", lambda *_: False)
    kinds = {"other": "cgroup2", "systemd": "cgroup", "net_cls": "cgroup"}
    lines = [f"30 1 0:26 / {tmp_path}/{name} rw - {kind} {kind} rw\n" for name, kind in kinds.items()]
    for name in ("other", "systemd/system.slice/web.service", "net_cls", "self", "7"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "self/mountinfo").write_text("".join(lines))
    (tmp_path / "7/cgroup").write_text("4:net_cls:/\n0::/\n")
    (tmp_path / "systemd/system.slice/web.service/cgroup.procs").write_text("7\n")
    (tmp_path / "net_cls/net_cls.classid").write_text("0\n")
    unit = Unit("web", proc=tmp_path)
    assert unit.group().class_id == own_class() and unit.members() == [7]
    assert unit.told.hierarchy.mount == tmp_path / "net_cls"


def test_without_control_groups_of_systemd_there_are_no_units(classes, monkeypatch):
    monkeypatch.setattr(group, "mounts", lambda *_: ())
    with pytest.raises(CannotRehearse, match="control groups of systemd, which tell units apart, are not mounted"):
        Unit("web")


def test_the_unit_that_imds_probe_runs_in_is_refused(here):
    (here / "me.service").mkdir()
    (here / "me.service/cgroup.procs").write_text("0")
    try:
        with pytest.raises(CannotRehearse, match=r"imds-probe itself runs in me\.service"):
            Unit("me", here)
    finally:
        (here / "cgroup.procs").write_text("0")
