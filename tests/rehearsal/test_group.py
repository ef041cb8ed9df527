"""A control group of the rehearsal's own: who is in it, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from rehearsing import place
from soon import SOON_S, wait_for

from imds_probe.errors import ProbeError
from imds_probe.rehearsal import group
from imds_probe.rehearsal.group import OwnGroup, left_behind, own_directory, removed

NAME = "imds-probe-rehearsal-12-34"


@pytest.fixture
def here():
    with place() as directory:
        yield directory


def test_what_is_started_in_it_and_what_that_starts_are_members(here):
    made = OwnGroup(NAME)
    assert made.directory == here / NAME and left_behind(here) == [made.directory]
    assert made.kernels.inode == made.directory.stat().st_ino
    assert made.kernels.level == len(made.directory.relative_to(group.hierarchy_of(group.Path("/proc")).mount).parts)
    child = subprocess.Popen([*made.launcher(), "sh", "-c", "sleep 600 & echo $! $$; wait"], stdout=subprocess.PIPE)
    try:
        pids = sorted(map(int, child.stdout.readline().split()))
        assert made.members() == pids and child.pid in pids
        # One that has made groups of its own, as a container's runtime does.
        inner = made.directory / "inner"
        inner.mkdir()
        (inner / "cgroup.procs").write_text(str(pids[0]))
        assert made.members() == pids
        assert made.remove()
        assert not made.directory.exists()
        assert {str(pid) for pid in pids} <= set((here / "cgroup.procs").read_text().split())
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        child.communicate(timeout=SOON_S)


def test_a_process_goes_in_and_comes_back(here):
    made = OwnGroup(NAME)
    with made.inside():
        assert own_directory() == made.directory
    assert own_directory() == here
    assert made.members() == [] and made.remove()
    assert made.remove()


def test_two_of_one_name_are_refused(here):
    made = OwnGroup(NAME)
    with pytest.raises(ProbeError, match="cannot be made"):
        OwnGroup(NAME)
    assert made.remove()


def test_a_group_that_does_not_get_empty_is_said(here, monkeypatch):
    made = OwnGroup(NAME)
    with made.inside():
        monkeypatch.setattr(group, "members", lambda _: [])
        assert not removed(made.directory, within_s=0)
        monkeypatch.undo()
    wait_for(lambda: removed(made.directory))


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "says"),
    [
        (
            "30 1 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,pids\n",
            "0::/\n",
            "connections from another's are not mounted",
        ),
        ("30 1 0:26 / /x rw - cgroup2 cgroup2 rw\n", "3:pids:/\n", "in no control group that tells"),
    ],
)
def test_without_version_2_it_is_refused(tmp_path, mountinfo, cgroup, says):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text(mountinfo)
    (tmp_path / "self/cgroup").write_text(cgroup)
    with pytest.raises(ProbeError, match=says):
        OwnGroup(NAME, tmp_path)
    if "mounted" in says:
        assert left_behind(proc=tmp_path) == []


def test_by_version_1_sockets_have_a_class(classes):
    before = own_directory()
    made = OwnGroup(NAME)
    try:
        assert before.is_relative_to(classes) and made.directory == before / NAME
        assert (
            int((made.directory / "net_cls.classid").read_text())
            == made.kernels.class_id
            == 0x494D0000 | os.getpid() & 0xFFFF
        )
        inside = []
        assert made.tried(list, lambda _: bool(inside.append(made.directory.joinpath("tasks").read_text())) is False)
        assert len(inside[0].split()) == 1 and made.members() == []
        child = subprocess.Popen([*made.launcher(), "sleep", "600"])
        wait_for(lambda: made.members() == [child.pid])
        child.kill()
        child.wait()
    finally:
        assert made.remove()


def test_names_of_others_are_left_alone(here):
    for name in ("imds-probe-rehearsal-x-1", "imds-probe-rehearsal-1", NAME + "-1"):
        (here / name).mkdir()
    assert left_behind(here) == []
    for directory in here.iterdir():
        if directory.is_dir():
            directory.rmdir()
