"""Who called and has ended: by the kernel's notes, on this very machine, of processes that the tests begin."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.watch import lives as module
from imds_probe.watch.caller import gone
from imds_probe.watch.callers import Callers, _puts_elsewhere
from imds_probe.watch.lives import Lives

PROC = Path("/proc")
OWN_NAME = Path("/proc/self/comm").read_text().strip()


@pytest.fixture
def lives() -> Iterator[Lives]:
    opened = Lives(41)
    yield opened
    opened.close()


@pytest.fixture
def callers(lives: Lives) -> Callers:
    return Callers(PROC, lives)


def pids_of(*argv: str) -> list[int]:
    """What a program printed, which has ended: process ids, and its own first."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE)
    out, _ = child.communicate()
    return [child.pid, *map(int, out.split())]


def test_what_it_ran_and_who_began_it(callers: Callers) -> None:
    (pid,) = pids_of("/usr/bin/true")
    caller = callers.caller(pid)
    assert (caller.pid, caller.exe, caller.parents[0]) == (pid, "/usr/bin/true", OWN_NAME)
    own = callers.caller(os.getpid())
    assert (caller.unit, caller.container, caller.runtime) == (own.unit, own.container, own.runtime)


def test_those_above_may_have_ended_too(callers: Callers) -> None:
    _, pid = pids_of("/bin/sh", "-c", "/usr/bin/env sh -c 'echo $$; true'; true")
    caller = callers.caller(pid)
    assert caller.exe == os.path.realpath("/bin/sh")  # as /proc has it
    assert caller.parents[:2] == ("sh", OWN_NAME)


def test_one_that_ran_nothing_of_its_own_is_what_began_it(callers: Callers) -> None:
    script = "import os, sys\nif not os.fork():\n print(os.getpid(), flush=True); os._exit(0)\nos.wait()"
    _, child = pids_of(sys.executable, "-c", script)
    assert callers.caller(child).exe == os.path.realpath(sys.executable)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    assert callers.caller(child).exe == os.path.realpath(sys.executable)  # it was running before anybody noted


def test_a_thread_that_has_ended_belongs_to_its_process(callers: Callers) -> None:
    numbers: list[int] = []
    thread = threading.Thread(target=lambda: numbers.append(threading.get_native_id()))
    thread.start()
    thread.join()
    caller = callers.caller(numbers[0])
    assert (caller.pid, caller.comm) == (os.getpid(), OWN_NAME)
    assert caller.command
    # Its process has ended as well.
    script = (
        "import threading\nt = threading.Thread(target=lambda: print(threading.get_native_id()))\nt.start(); t.join()"
    )
    pid, tid = pids_of(sys.executable, "-c", script)
    assert tid != pid
    assert (callers.caller(tid).pid, callers.caller(tid).exe) == (pid, os.path.realpath(sys.executable))


def test_one_that_nobody_has_waited_for(callers: Callers) -> None:
    """It still has its name, and no executable any more."""
    child = subprocess.Popen(["/usr/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    caller = callers.caller(child.pid)
    assert (caller.pid, caller.comm, caller.exe, caller.uid) == (child.pid, "true", "/usr/bin/true", os.getuid())
    child.wait()


def test_a_script_is_known_by_its_own_path(callers: Callers, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (pid,) = pids_of(str(script))
    assert callers.caller(pid).exe == str(script)


def test_what_is_executed_by_a_descriptor_has_no_path(callers: Callers) -> None:
    script = "import os, sys; os.execve(os.open('/usr/bin/true', os.O_RDONLY), ['true'], {})"
    (pid,) = pids_of(sys.executable, "-c", script)
    assert "/fd/" not in (callers.caller(pid).exe or "")
    (pid,) = pids_of("/bin/sh", "-c", "exec /proc/self/exe -c :")
    assert callers.caller(pid).exe == os.path.realpath("/bin/sh")


def test_a_hostile_path_is_printable(callers: Callers, tmp_path: Path) -> None:
    program = tmp_path / "a\x1b[2J\nb"
    program.symlink_to("/usr/bin/true")
    (pid,) = pids_of(str(program))
    exe = callers.caller(pid).exe
    assert exe == f"{tmp_path}/a\\x1b[2J\\nb"


def test_nothing_is_known_of_what_ended_before() -> None:
    child = subprocess.Popen(["/usr/bin/true"])
    child.wait()
    lives = Lives(42)
    try:
        assert Callers(PROC, lives).caller(child.pid) == gone(child.pid)
    finally:
        lives.close()
    assert Callers(PROC, None).caller(child.pid) == gone(child.pid)


def test_it_stays_small(lives: Lives, callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more processes than there is room for, the newest are known."""
    monkeypatch.setattr(module, "LIVES_MAX", 50)
    pids = [pids_of("/usr/bin/true")[0] for _ in range(100)]
    assert callers.caller(pids[-1]).exe == "/usr/bin/true"
    assert len(lives._known) == 50
    assert callers.caller(pids[0]) == gone(pids[0])


def test_more_than_the_kernel_keeps(callers: Callers) -> None:
    """Old notes make room for new ones; what is half there is no error."""
    pids = [int(pid) for pid in pids_of("/bin/sh", "-c", "for i in $(seq 12000); do (:) & echo $!; wait; done")[1:]]
    # What the shell was has been overwritten, and what began it has not: that must not be taken for it.
    assert callers.caller(pids[-1]) == replace(gone(pids[-1]), parents=())
    assert callers.caller(pids[0]) == gone(pids[0])
    (pid,) = pids_of("/usr/bin/true")
    assert callers.caller(pid).exe == "/usr/bin/true"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"pid": 1, "comm": "init"}, True),
        ({"comm": "systemd"}, True),
        ({"comm": "containerd-shim"}, True),
        ({"comm": "runc:[2:INIT]"}, True),
        ({"comm": "systemd-udevd"}, False),
        ({"comm": "bash"}, False),
    ],
)
def test_whose_own_place_says_nothing_of_what_it_began(changed: dict, expected: bool) -> None:
    assert _puts_elsewhere(replace(gone(7), **changed)) is expected
