from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from imds_probe.watch.caller import caller_of, gone, has_begun_its_program

PROC = Path("/proc")


def test_a_process_that_runs() -> None:
    script = "print('ready', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", script, "--token=abc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout
    try:
        assert child.stdout.readline() == b"ready\n"
        caller = caller_of(PROC, child.pid)
        assert caller
        assert (caller.pid, caller.uid) == (child.pid, os.getuid())
        assert caller.exe == os.path.realpath(sys.executable)
        name = Path(sys.executable).name
        assert (caller.comm, caller.command) == (name, f"{name} -c …")
        whole = caller_of(PROC, child.pid, full_command_line=True)
        assert whole
        assert whole.command.endswith("--token=abc")
        assert caller.container is None
        own = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
        assert caller.parents[0] == own
    finally:
        child.communicate(b"\n")


def test_a_thread_belongs_to_its_process() -> None:
    (thread, *_) = [int(name) for name in os.listdir("/proc/self/task")]
    caller = caller_of(PROC, thread)
    assert caller
    assert caller.pid == os.getpid()


def test_what_has_ended_is_known_by_its_number_alone() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert caller_of(PROC, child.pid) is None
    assert (gone(child.pid).pid, gone(child.pid).comm) == (child.pid, "(ended)")


def test_its_unit_or_container(tmp_path: Path) -> None:
    at = tmp_path / "7"
    at.mkdir()
    (at / "status").write_text("Name:\tx\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\n")
    (at / "comm").write_text("x\n")
    (at / "cmdline").write_text("x\0")
    (at / "cgroup").write_text("0::/system.slice/web.service\n")
    in_unit = caller_of(tmp_path, 7)
    (at / "cgroup").write_text(f"0::/docker/{'a' * 64}\n")
    in_container = caller_of(tmp_path, 7)
    assert in_unit and in_container
    assert (in_unit.unit, in_unit.container) == ("web.service", None)
    assert (in_container.runtime, in_container.container) == ("docker", "a" * 64)


def test_one_without_a_command_line_may_not_have_begun_its_program() -> None:
    assert has_begun_its_program(PROC, os.getpid())
    child = subprocess.Popen(["/usr/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not has_begun_its_program(PROC, child.pid)
    child.wait()
    assert not has_begun_its_program(PROC, child.pid)
