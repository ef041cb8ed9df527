from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe.watch import caller as module
from imds_probe.watch.caller import caller_of, gone, has_begun_its_program, place_of

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


MANAGER = "/user.slice/user-4242.slice/user@4242.service"
WEB = "1" * 64


@pytest.mark.parametrize(
    ("path", "uid", "unit", "container"),
    [
        (f"/system.slice/docker-{WEB}.scope", 0, None, WEB),
        (f"{MANAGER}/docker-{WEB}.scope", 4242, None, f"user 4242/{WEB}"),
        (f"/docker/{WEB}/docker/{'2' * 64}", 0, None, f"{WEB}/{'2' * 64}"),
        (f"{MANAGER}/amazon-ssm-agent.service", 4242, "user 4242: amazon-ssm-agent.service", None),
        ("/system.slice/amazon-ssm-agent.service", 0, "amazon-ssm-agent.service", None),
        (f"/system.slice/his.service/docker-{WEB}.scope", 4242, "his.service", f"user 4242/{WEB}"),
    ],
)
def test_where_it_belongs_is_said_with_whose_that_is(
    tmp_path: Path, path: str, uid: int, unit: str | None, container: str | None
) -> None:
    place = place_of(f"0::{path}\n", tmp_path / "proc", uid)
    assert (place["unit"], place["container"]) == (unit, container)


def test_a_users_pod_is_no_pod_of_the_hosts(tmp_path: Path) -> None:
    pod = "/kubepods/pod0a1b2c3d-0000-1111-2222-333344445555"
    assert place_of(f"0::{pod}/{WEB}\n", tmp_path, 0)["pod_uid"] == pod[-36:]
    assert place_of(f"0::{MANAGER}{pod}/{WEB}\n", tmp_path, 4242)["pod_uid"] is None


def test_a_number_that_became_anothers_while_it_was_read_is_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beginnings = iter((10, 99))
    monkeypatch.setattr(module, "start_ticks", lambda proc, pid: next(beginnings))
    assert caller_of(PROC, os.getpid()) is None
