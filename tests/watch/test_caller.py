from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.watch import caller as module
from imds_probe.watch.caller import Caller, caller_of, gone, has_begun_its_program, place_of, said_program

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


OTHER = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]


def runs(*argv: str) -> Caller:
    """A process as it was seen while it ran /usr/bin/sleep or what is called so, after it said a line."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        assert child.stdout.readline() == b"\n"
        wait_for(lambda: (PROC / f"{child.pid}/cmdline").read_bytes().endswith(b"\x0060\0"))
        caller = caller_of(PROC, child.pid)
        assert caller
        return caller
    finally:
        child.kill()
        child.communicate()


def test_a_program_of_the_host_is_known_as_such() -> None:
    caller = runs(*OTHER, "sh", "-c", "echo; exec sleep 60")
    assert (caller.uid, caller.on_host, caller.exe_by_anybody) == (4242, True, False)
    assert caller.netns == os.stat("/proc/self/ns/net").st_ino
    assert said_program(caller) == caller.exe == os.path.realpath("/usr/bin/sleep")


@pytest.mark.parametrize(
    "before", [["unshare", "--mount"], [*OTHER, "unshare", "--user", "--map-root-user", "--mount"]]
)
def test_in_a_mount_namespace_of_its_own_it_is_by_the_file(before: list[str]) -> None:
    """As services are that the manager gives one, and root of a user namespace, who is no root on the host."""
    caller = runs(*before, "sh", "-c", "echo; exec sleep 60")
    assert (caller.on_host, said_program(caller)) == (True, os.path.realpath("/usr/bin/sleep"))
    assert caller.uid == (4242 if "--user" in before else 0)


def test_what_a_user_mounted_over_it_is_not_that_program() -> None:
    mounted = "mount --bind /usr/bin/sleep /usr/bin/env && echo && exec /usr/bin/env 60"
    caller = runs(*OTHER, "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted)
    assert (caller.exe, caller.uid, caller.on_host, caller.exe_by_anybody) == ("/usr/bin/env", 4242, False, True)
    assert said_program(caller) == "/usr/bin/env (not verified)"
    rooted = runs("unshare", "--mount", "sh", "-c", mounted)
    assert (rooted.exe, rooted.on_host, rooted.exe_by_anybody) == ("/usr/bin/env", False, False)  # root says so


def test_a_name_that_it_gives_itself_is_not_its_program() -> None:
    script = "import ctypes; ctypes.CDLL(None).prctl(15, b'amazon-ssm-agen', 0, 0, 0); print(flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", script, "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        child.stdout.readline()
        caller = caller_of(PROC, child.pid)
        assert caller
        assert (caller.comm, said_program(caller)) == ("amazon-ssm-agen", os.path.realpath(sys.executable))
    finally:
        child.communicate(b"\n")


def test_one_whose_mounts_cannot_be_looked_at_is_not_verified(tmp_path: Path) -> None:
    process = tmp_path / "7"
    process.mkdir()
    for name, text in (("status", "Tgid:\t7\nUid:\t0\n"), ("comm", "x"), ("cmdline", "x"), ("cgroup", "")):
        (process / name).write_text(text)
    (process / "exe").symlink_to("/usr/bin/x")
    (process / "ns").mkdir()
    (process / "ns/mnt").write_text("")
    caller = caller_of(tmp_path, 7)
    assert caller
    assert said_program(caller) == "/usr/bin/x (not verified)"
