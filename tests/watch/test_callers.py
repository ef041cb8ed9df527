"""Who called and has ended: by the kernel's notes, on this very machine, of processes that the tests begin."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from control_groups import control_group
from soon import wait_for

from imds_probe.watch import callers as module_of_callers
from imds_probe.watch import lives as module
from imds_probe.watch.caller import Caller, Place, gone, place_of
from imds_probe.watch.callers import Callers, _puts_elsewhere
from imds_probe.watch.lives import Lives

PROC = Path("/proc")
# One that every user may execute, which a newer one in root's home is not.
PYTHON = os.path.realpath("/usr/bin/python3")
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
    _, child = pids_of(PYTHON, "-c", script)
    assert callers.caller(child).exe == PYTHON
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    caller = callers.caller(child)
    assert (caller.exe, caller.comm) == (
        os.path.realpath(sys.executable),
        OWN_NAME,
    )  # it was running before anybody noted


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
    pid, tid = pids_of(PYTHON, "-c", script)
    assert tid != pid
    assert (callers.caller(tid).pid, callers.caller(tid).exe) == (pid, PYTHON)


THREADS = """
import sys, threading
threads = [threading.Thread(target=sys.stdin.readline) for _ in range(5)]
for thread in threads: thread.start()
print(*(thread.native_id for thread in threads), flush=True)
"""


def test_threads_of_one_process_are_looked_at_once(callers: Callers) -> None:
    """A server may have a thread for each of its requests."""
    with subprocess.Popen([PYTHON, "-c", THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        threads = list(map(int, child.stdout.readline().split()))
        assert callers.known(threads[0]) is None
        found = [callers.caller(each) for each in (*threads, child.pid)]
        assert [callers.known(each) for each in (*threads, child.pid)] == found
        looked_at = callers.looked_at
        other = callers.caller(os.getpid())
        child.communicate(b"\n" * 5)
    assert {each.pid for each in found} == {child.pid}
    assert (looked_at, other.pid) == (1, os.getpid())
    assert callers._of_process(threads[0], 0.0) is None  # it has ended


def test_who_begins_one_after_the_other_is_looked_at_once_as_long_as_it_executes_nothing_else(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_of_callers, "KNOWN_S", 1e9)
    code = "for _ in 1 2 3; do read line; true; done; exec /usr/bin/env sh -c 'read line; true; read line'"
    with subprocess.Popen(["/bin/sh", "-c", code], stdin=subprocess.PIPE) as shell:
        # Where its beginning is noted a moment later, it is looked at again.
        wait_for(lambda: (found := callers._running(shell.pid)) is not None and callers._running(shell.pid) is found)
        first = callers._running(shell.pid)
        assert first is not None
        assert shell.stdin
        shell.stdin.write(b"\n" * 3)
        shell.stdin.flush()
        # The same program by the kernel's link, with other arguments: only its notes tell.
        wait_for(lambda: callers._running(shell.pid) is not first)
        shell.communicate(b"\n\n")
    assert callers._running(shell.pid) is None  # it has ended


def test_where_those_are_that_one_began_is_found_out_once_in_a_while(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(cgroup: str, proc: Path, uid: int | None) -> Place:
        asked.append(cgroup)
        return place_of(cgroup, proc, uid)

    monkeypatch.setattr(module_of_callers, "place_of", counted)
    monkeypatch.setattr(module_of_callers, "PLACE_KNOWN_S", 1e9)
    own = callers.caller(os.getpid())
    places = [callers.caller(pids_of("/usr/bin/true")[0]) for _ in range(3)]
    assert {(each.unit, each.container) for each in places} == {(own.unit, own.container)}
    assert len(asked) == 1
    monkeypatch.setattr(module_of_callers, "PLACE_KNOWN_S", -1.0)
    callers.caller(pids_of("/usr/bin/true")[0])
    assert len(asked) > 1


def test_one_that_nobody_has_waited_for(callers: Callers) -> None:
    """It still has its name, and no executable any more."""
    child = subprocess.Popen(["/usr/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    caller = callers.caller(child.pid)
    assert (caller.pid, caller.comm, caller.exe, caller.uid) == (child.pid, "true", "/usr/bin/true", os.getuid())
    assert not caller.exe_by_anybody
    child.wait()


# On a line it begins a copy that ends at once, and prints its number.
COPIED_THEN = "import os\nprint(flush=True)\ninput()\nif not os.fork(): os._exit(0)\nprint(os.wait()[0], flush=True)\n"


@contextlib.contextmanager
def running_before(script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that says a line once it runs: whoever began it returns before the kernel noted what it runs."""
    child = subprocess.Popen([PYTHON, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    try:
        assert child.stdout.readline() == b"\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def test_a_copy_is_not_what_its_original_became(callers: Callers) -> None:
    script = (
        "import os\nif not os.fork(): os._exit(0)\nprint(os.wait()[0], flush=True); os.execv('/bin/sleep', ['x', '9'])"
    )
    child = subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout
    try:
        pid = int(child.stdout.readline())
        while os.readlink(f"/proc/{child.pid}/exe") != os.path.realpath("/bin/sleep"):
            pass
        assert callers.caller(pid).exe == PYTHON
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("what", ["'/bin/sleep'", "os.open('/bin/sleep', os.O_RDONLY)"], ids=["path", "descriptor"])
def test_nor_where_it_was_there_before_anybody_noted(what: str) -> None:
    script = COPIED_THEN + f"os.execve({what}, ['x', '9'], {{}})"
    with running_before(script) as child:
        lives = Lives(44)
        try:
            pid = begun_by(child)
            # At once, when the kernel has not noted yet that it ran.
            while os.readlink(f"/proc/{child.pid}/exe") != os.path.realpath("/bin/sleep"):
                pass
            assert Callers(PROC, lives).caller(pid).exe is None
        finally:
            lives.close()


def test_nor_what_it_may_be_about_to_become() -> None:
    """It has another name, which what executes a program gets a moment before it is noted to run that."""
    rename = "import ctypes\nctypes.CDLL(None).prctl(15, b'other', 0, 0, 0)\nprint(1, flush=True)\ninput()"
    with running_before(COPIED_THEN + rename) as child:
        lives = Lives(44)
        try:
            pid = begun_by(child)
            assert child.stdout
            assert child.stdout.readline() == b"1\n"
            assert Callers(PROC, lives).caller(pid).exe is None
        finally:
            lives.close()


def test_a_script_is_known_by_its_own_path(callers: Callers, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (pid,) = pids_of(str(script))
    assert callers.caller(pid).exe == str(script)


def test_what_is_executed_by_a_descriptor_has_no_path(callers: Callers) -> None:
    script = "import os, sys; os.execve(os.open('/usr/bin/true', os.O_RDONLY), ['true'], {})"
    (pid,) = pids_of(PYTHON, "-c", script)
    assert (callers.caller(pid).exe, callers.caller(pid).comm) == (None, "(ended)")
    (pid,) = pids_of("/bin/sh", "-c", "exec /proc/self/exe -c :")
    assert callers.caller(pid).exe == os.path.realpath("/bin/sh")


def test_a_hostile_path_is_printable(callers: Callers, tmp_path: Path) -> None:
    program = tmp_path / "a\x1b[2J\nb"
    program.symlink_to("/usr/bin/true")
    (pid,) = pids_of(str(program))
    exe = callers.caller(pid).exe
    assert exe == f"{tmp_path}/a\\x1b[2J\\nb"


# With clone3(2), a process of a given number.
NUMBERED = """
import ctypes, os, sys
libc, wanted = ctypes.CDLL(None, use_errno=True), (ctypes.c_int * 1)(int(sys.argv[1]))
arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
pid = libc.syscall(435, arguments, 88)
if not pid: os.execv(sys.argv[2], sys.argv[2:])
if pid < 0: sys.exit(os.strerror(ctypes.get_errno()))
print(flush=True); input(); os.kill(pid, 9); os.waitpid(pid, 0)
"""


@contextlib.contextmanager
def with_the_number_of(ended: int, *argv: str) -> Iterator[None]:
    """A program that has the number of a process that has ended. It is ended, and nobody has waited for it, at the end."""
    child = subprocess.Popen([PYTHON, "-c", NUMBERED, str(ended), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        assert child.stdout.readline() == b"\n"
        yield
    finally:
        child.communicate(b"\n")


def once_known(callers: Callers) -> Caller:
    """A caller of root's that was looked at, and has ended."""
    child = subprocess.Popen(
        [PYTHON, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout
        child.stdout.readline()
        return callers.caller(child.pid)
    finally:
        child.communicate(b"\n")


def test_whoever_gets_the_number_of_a_caller_is_not_taken_for_it(callers: Callers) -> None:
    """Soon after, and with the same program: numbers come again after some ten thousand processes, which anybody may begin."""
    before = once_known(callers)
    his = ("/usr/bin/setpriv", "--reuid=4242", "--clear-groups", PYTHON, "-c", "import time; time.sleep(60)")
    with with_the_number_of(before.pid, *his):
        began = f"{PYTHON}\0-c\0import time; time.sleep(60)\0"
        wait_for(lambda: Path(f"/proc/{before.pid}/cmdline").read_text() == began)
        after = callers.caller(before.pid)
    assert (before.uid, before.exe) == (0, PYTHON)
    assert (after.uid, after.exe, after.pid) == (4242, PYTHON, before.pid)


def test_nor_where_it_has_ended_itself(callers: Callers) -> None:
    before = once_known(callers)
    assert callers.caller(before.pid) == before  # what asks twice and ends has asked twice
    with with_the_number_of(before.pid, "/usr/bin/true"):
        wait_for(lambda: ") Z " in Path(f"/proc/{before.pid}/stat").read_text())
    assert callers.caller(before.pid).exe == "/usr/bin/true"


CONTAINER = "c0ffee" * 10 + "beef"
# Reads lines: for each it begins one that ends at once, and prints its number.
BEGINS = "import os, sys\nfor _ in sys.stdin:\n  pid = os.fork() or os._exit(0)\n  os.waitpid(pid, 0); print(pid, flush=True)"
# With clone3(2), as runtimes do, so that it is in another group from its first moment on.
INTO = """
import ctypes, os, sys
libc, flag = ctypes.CDLL(None, use_errno=True), 0x200000000
arguments = (ctypes.c_uint64 * 11)(flag, 0, 0, 0, 17, 0, 0, 0, 0, 0, os.open(sys.argv[1], os.O_RDONLY))
pid = libc.syscall(435, arguments, 88)
if not pid: os.execv(sys.argv[2], sys.argv[2:])
if pid < 0: sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(pid, 0); print(pid, flush=True)
"""


@contextlib.contextmanager
def beginner(*before: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([*before, PYTHON, "-u", "-c", BEGINS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.communicate()  # it ends with its input


def begun_by(child: subprocess.Popen[bytes]) -> int:
    assert child.stdin and child.stdout
    child.stdin.write(b"\n")
    child.stdin.flush()
    return int(child.stdout.readline())


def test_it_was_where_those_above_it_are(callers: Callers) -> None:
    with beginner() as above, control_group("/system.slice/imds-probe-test.service", above.pid):
        caller = callers.caller(begun_by(above))
        assert (caller.unit, caller.container) == ("imds-probe-test.service", None)


def test_it_was_where_it_or_one_above_it_was_moved(callers: Callers) -> None:
    """Also where that is no service, which whoever began it is in."""
    with beginner() as above, control_group(f"/docker/{CONTAINER}", above.pid):
        pid = begun_by(above)
        above.kill()
        above.wait()
        caller = callers.caller(pid)
        assert (caller.runtime, caller.container, caller.exe) == ("docker", CONTAINER, PYTHON)
    with control_group("/system.slice/imds-probe-test.service", os.getpid()):
        with beginner() as above, control_group("/imds-probe-test.scope", above.pid):
            pid = begun_by(above)
            above.kill()
            above.wait()
            assert callers.caller(os.getpid()).unit == "imds-probe-test.service"
            assert callers.caller(pid).unit is None


def test_where_one_was_from_its_first_moment_on_is_not_known(callers: Callers, lives: Lives) -> None:
    """And not that it is where those above it are."""
    base = Path("/sys/fs/cgroup")
    second = base if (base / "cgroup.procs").exists() else base / "unified"
    group = second / "imds-probe-began.service"
    group.mkdir()
    try:
        with control_group("/system.slice/imds-probe-test.service", os.getpid()):
            _, pid = pids_of(PYTHON, "-c", INTO, str(group), "/usr/bin/true")
            caller = callers.caller(pid)
            assert (caller.exe, caller.unit, caller.container) == ("/usr/bin/true", None, None)
            assert caller.parents[:2] == (os.path.basename(PYTHON), OWN_NAME)
            # Nor is it of what such a one began, unless that runs still.
            _, last, _ = pids_of(PYTHON, "-c", INTO, str(group), "/bin/sh", "-c", "/usr/bin/env sh -c 'echo $$'; :")
            assert callers.caller(last).unit is None
        with beginner(PYTHON, "-c", INTO, str(group)) as above:
            caller = callers.caller(begun_by(above))
        assert caller.unit == "imds-probe-began.service"
    finally:
        group.rmdir()


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


def test_who_called_long_ago_takes_no_room(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither who called nor who began it."""
    script = ("/bin/sh", "-c", "/usr/bin/true & echo $!; wait; true")
    now = time.monotonic()
    for _ in range(5):
        (shell, pid), now = pids_of(*script), now + 60
        monkeypatch.setattr(module_of_callers, "time", SimpleNamespace(monotonic=lambda now=now: now))
        assert callers.caller(pid).exe == "/usr/bin/true"
        assert callers._running(os.getpid()) is not None
        assert (len(callers._known), len(callers._above_known)) == (1, 1), shell


def test_more_than_the_kernel_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old notes make room for new ones; what is half there is no error."""
    monkeypatch.setattr(module, "SIZE_KB", module.SIZE_MIN_KB)
    lives = Lives(43)
    try:
        callers = Callers(PROC, lives)
        loop = "for i in $(seq 2000); do (:) & echo $!; wait; done"  # on one CPU, whose notes are as good as all
        pids = pids_of("/usr/bin/taskset", "-c", str(min(os.sched_getaffinity(0))), "/bin/sh", "-c", loop)[1:]
        # What the shell was has been overwritten, and what began it has not: that must not be taken for it.
        assert callers.caller(pids[-1]) == gone(pids[-1])
        assert callers.caller(pids[0]) == gone(pids[0])
        (pid,) = pids_of("/usr/bin/true")
        assert callers.caller(pid).exe == "/usr/bin/true"
    finally:
        lives.close()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"pid": 1, "comm": "init"}, True),
        ({"comm": "systemd"}, True),
        ({"comm": "containerd-shim"}, True),
        ({"comm": "runc:[2:INIT]"}, True),
        ({"comm": "systemd-udevd"}, False),
        ({"comm": "bash"}, False),
        ({"comm": "systemd", "uid": 4242}, False),  # anybody can be called so, and puts nobody outside of what is his
        ({"comm": "runc:[2:INIT]", "container": "1" * 64}, False),
    ],
)
def test_whose_own_place_says_nothing_of_what_it_began(changed: dict, expected: bool) -> None:
    assert _puts_elsewhere(replace(gone(7), **changed)) is expected


@pytest.mark.parametrize(
    ("before", "anybodys", "uid"),
    [((), False, None), (("setpriv", "--reuid=4242", "--clear-groups"), True, 4242)],
)
def test_what_has_ended_is_believed_as_far_as_it_is_known_whose_it_was(
    callers: Callers, before: tuple[str, ...], anybodys: bool, uid: int | None
) -> None:
    """It may have had a mount namespace of its own, in which its path was another program. What a user's process began is his;
    what root's began may have become anybody's, as what cron and sshd begin.
    """
    with beginner(*before) as above:
        caller = callers.caller(begun_by(above))
    assert (caller.exe, caller.on_host) == (PYTHON, False)
    assert (caller.exe_by_anybody, caller.uid) == (anybodys, uid)


def test_of_what_has_ended_root_chose_the_first_program_and_none_that_it_executed_in_turn(callers: Callers) -> None:
    """By then it may have been another user's, in mounts of his own."""
    (pid,) = pids_of(PYTHON, "-c", "")
    assert (callers.caller(pid).exe, callers.caller(pid).exe_by_anybody) == (PYTHON, False)
    (pid,) = pids_of("/usr/bin/env", PYTHON, "-c", "")
    assert (callers.caller(pid).exe, callers.caller(pid).exe_by_anybody) == (PYTHON, True)
    # Nor what one that has ended, too, began.
    script = f"import subprocess; child = subprocess.Popen([{PYTHON!r}, '-c', '']); child.wait(); print(child.pid)"
    _, pid = pids_of(PYTHON, "-c", script)
    assert (callers.caller(pid).exe, callers.caller(pid).exe_by_anybody) == (PYTHON, True)
