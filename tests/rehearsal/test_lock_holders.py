"""Whose locks keep a rehearsal out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from rehearsing import held_by_user

from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.claims import Claims
from imds_probe.rehearsal.lock_holders import LOCKS_BYTES, Holder, holders, strangers

PROC = Path("/proc")
ALL_USERS = "         0          0 4294967295\n"


@pytest.fixture
def locked(tmp_path):
    """A directory, open, and its numbers as /proc/locks has them."""
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    status = os.fstat(opened)
    yield opened, f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    os.close(opened)


def made_up(proc, locks, uids, uid_map=ALL_USERS):
    (proc / "self").mkdir(parents=True)
    (proc / "self/uid_map").write_text(uid_map)
    (proc / "locks").write_text(locks)
    for pid, uid in uids.items():
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "status").write_text(f"Name:\tx\nUid:\t{uid}\t0\t0\t0\n")
    return proc


def test_the_kernel_tells_who_holds_a_lock(locked):
    opened, _ = locked
    assert holders(opened, PROC) == ()
    fcntl.flock(opened, fcntl.LOCK_SH)
    assert [each.pid for each in holders(opened, PROC)] == [os.getpid()]
    assert strangers(opened, PROC) == ()


def test_a_user_may_be_root_for_the_time_of_a_program_and_is_no_rehearsal(locked, tmp_path):
    """Neither do other locks count, nor who waits for one."""
    opened, numbers = locked
    other = f"{numbers}1"
    locks = (
        f"1: FLOCK  ADVISORY  WRITE 7 {numbers} 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 8 {numbers} 0 EOF\n"
        f"2: FLOCK  ADVISORY  WRITE 9 {other} 0 EOF\n3: POSIX  ADVISORY  WRITE 9 {numbers} 0 EOF\n"
    )
    proc = made_up(tmp_path / "proc", locks, {7: 1000, 8: 0, 9: 0})
    assert strangers(opened, proc) == (Holder(7, 1000),)


@pytest.mark.parametrize(
    ("uids", "uid_map", "padding"),
    [
        ({7: 1000, 8: 0}, ALL_USERS, 0),  # root is among them
        ({7: 1000}, ALL_USERS, 0),  # of one nothing is known
        ({7: 65534, 8: 65534}, "0 1000 1\n", 0),  # whoever it is
        ({7: 1000, 8: 1000}, ALL_USERS, LOCKS_BYTES),
    ],
)
def test_where_a_rehearsal_may_hold_it_nobody_else_counts(locked, tmp_path, uids, uid_map, padding):
    opened, numbers = locked
    locks = "".join(f"{pid}: FLOCK  ADVISORY  READ {pid} {numbers} 0 EOF\n" for pid in (7, 8)) + "\n" * padding
    assert strangers(opened, made_up(tmp_path / "proc", locks, uids, uid_map)) == ()


def test_a_claim_says_which_process_of_a_user_keeps_it(tmp_path):
    with held_by_user(tmp_path) as pid, pytest.raises(CannotRehearse, match=f"a user's process holds its lock: {pid}"):
        Claims().take("web", tmp_path)
