import os
import signal
import time
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

from imds_probe.errors import CommandError, CommandMissing
from imds_probe.system import process


def test_output_and_exit_code():
    done = process.run(["sh", "-c", "printf out; printf err >&2; exit 3"], timeout_s=SOON_S)
    assert (done.returncode, done.stdout, done.stderr, done.stderr_line()) == (3, b"out", b"err", "err")


def test_standard_input_larger_than_a_pipe():
    data = os.urandom(1_000_000)
    assert process.run(["cat"], timeout_s=SOON_S, stdin=data).stdout == data


def test_a_reader_that_leaves_early_is_no_trouble():
    assert process.run(["true"], timeout_s=SOON_S, stdin=b"x" * 1_000_000).returncode == 0


def test_no_environment_is_inherited(monkeypatch):
    monkeypatch.setenv("DPKG_ROOT", "/evil")
    names = process.run(["env"], timeout_s=SOON_S, env={"A": "1"}).stdout.decode().split()
    assert {line.split("=")[0] for line in names} <= {"PATH", "LC_ALL", "HOME", "A", "PWD"}


def test_a_missing_program_has_its_own_error():
    with pytest.raises(CommandMissing, match="no-such-program is not installed"):
        process.run(["no-such-program"], timeout_s=SOON_S)


def test_a_program_that_cannot_be_run_is_named(tmp_path):
    (tmp_path / "data").write_text("no program")
    with pytest.raises(CommandError, match="data cannot be started: Permission denied"):
        process.run([str(tmp_path / "data")], timeout_s=SOON_S)


def has_ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_too_slow_ends_the_whole_family(tmp_path):
    started = time.monotonic()
    with pytest.raises(CommandError, match="did not end within 5 s"):
        process.run(["sh", "-c", f"sleep 600 & echo $! > {tmp_path}/pid; wait"], timeout_s=5.0)  # in which it has begun
    assert time.monotonic() - started < SOON_S
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: has_ended(pid), lambda: f"sleep {pid} lives on")


@pytest.mark.parametrize("program", ["sleep 60", "exit 3"])
def test_an_interrupt_while_popen_held_its_lock_does_not_block_the_clean_up(program):
    # What Ctrl-C between Popen's taking of the lock and its `try` leaves behind.
    child = process.start(["sh", "-c", program])
    assert child._waitpid_lock.acquire(blocking=False)
    process.stop(child)
    assert child.returncode in (3, -signal.SIGKILL)
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)


def test_a_child_that_was_reaped_unnoticed_counts_as_ended():
    child = process.start(["true"])
    os.waitpid(child.pid, 0)
    process.stop(child)
    assert child.returncode == 0


def test_endless_output_is_cut_off():
    with pytest.raises(CommandError, match="printed more than 100000 bytes"):
        process.run(["yes"], timeout_s=SOON_S, output_limit_bytes=100_000)
