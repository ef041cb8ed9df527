"""Places that did not answer, by what a made-up container has mounted; test_reader.py has ones that really do not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.reading.unanswered import FILE, Place, Unanswered

MOUNTS = """22 1 0:50 / / rw - overlay overlay rw
23 22 0:21 / /proc rw - proc proc rw
40 22 0:44 / /mnt/share rw - nfs4 server:/x rw
41 22 0:44 /inner /also/there rw - nfs4 server:/x rw
42 22 259:1 / /data rw - ext4 /dev/nvme1n1 rw
43 40 0:45 / /mnt/share/inner rw - fuse.x x rw
"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/mountinfo").write_text(MOUNTS)
    return f"{tmp_path}/7/root"


def test_nothing_is_refused_at_first(root: str) -> None:
    assert Unanswered().refused(root) == []


@pytest.mark.parametrize(
    ("where", "refused"),
    [
        (b"/mnt/share/a/b", [b"/also/there", b"/mnt/share"]),
        (b"/mnt/share", [b"/also/there", b"/mnt/share"]),
        (b"/also/there/x", [b"/also/there", b"/mnt/share"]),
        (b"/mnt/share/inner/x", [b"/mnt/share/inner"]),
        (b"/mnt/shared", [b"/mnt/shared"]),
        (b"/data/slow", [b"/data/slow"]),
        (b"/etc/slow", [b"/etc/slow"]),
        (b"/proc/12/cmdline", [b"/proc/12"]),
    ],
)
def test_a_mount_of_somebody_elses_is_dead_as_a_whole_and_a_disk_is_not(
    root: str, where: bytes, refused: list[bytes]
) -> None:
    unanswered = Unanswered()
    unanswered.learn(root, where)
    assert unanswered.refused(root) == refused


def test_what_is_dead_in_one_root_is_dead_in_all_that_have_it_mounted(root: str, tmp_path: Path) -> None:
    (tmp_path / "8").mkdir()
    (tmp_path / "8/mountinfo").write_text(
        "1 0 0:99 / / rw - overlay o rw\n2 1 0:44 / /elsewhere rw - nfs4 server:/x rw\n"
    )
    unanswered = Unanswered()
    unanswered.learn(root, b"/mnt/share/a")
    unanswered.learn(root, b"/etc/slow")
    assert unanswered.refused(f"{tmp_path}/8/root") == [b"/elsewhere"]


def test_of_proc_one_process_is_meant() -> None:
    unanswered = Unanswered()
    assert unanswered.learn("/proc", b"/123/cmdline") == Place("/proc", "/123")
    assert unanswered.refused("/proc") == [b"/123"]
    assert unanswered.refused("/") == []


def test_later_runs_know_for_as_long_as_the_process_is_there(tmp_path: Path, root: str) -> None:
    state = tmp_path / "state"
    first = Unanswered(state)
    with subprocess.Popen(["sleep", "600"]) as hanging:
        first.leave_behind(first.learn(root, b"/mnt/share/a"), hanging.pid)
        assert Unanswered(state).refused(root) == [b"/also/there", b"/mnt/share"]
        hanging.kill()
        wait_for(lambda: Unanswered(state).refused(root) == [])
    assert Unanswered(state).refused(root) == []


def test_another_boot_or_process_of_that_number_is_no_reason(tmp_path: Path, root: str) -> None:
    state = tmp_path / "state"
    with subprocess.Popen(["sleep", "600"]) as hanging:
        first = Unanswered(state)
        first.leave_behind(first.learn(root, b"/mnt/share/a"), hanging.pid)
        (kept,) = json.loads((state / FILE).read_text())
        for name, value in (("boot", "another"), ("started", "1")):
            (state / FILE).write_text(json.dumps([kept | {name: value}]))
            assert Unanswered(state).refused(root) == []
        hanging.kill()


@pytest.mark.parametrize(
    "content", ["", "[", "{}", "[1]", '[{"place": 1}]', '[{"place": {}, "pid": 1}]', "null", "[[]]"]
)
def test_a_spoilt_state_is_none(tmp_path: Path, root: str, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert Unanswered(tmp_path).refused(root) == []


def test_where_the_state_cannot_be_kept_the_run_knows_all_the_same(root: str) -> None:
    unanswered = Unanswered(Path("/proc/nowhere"))
    with subprocess.Popen(["sleep", "600"]) as hanging:
        unanswered.leave_behind(unanswered.learn(root, b"/mnt/share/a"), hanging.pid)
        hanging.kill()
    assert unanswered.refused(root) == [b"/also/there", b"/mnt/share"]
