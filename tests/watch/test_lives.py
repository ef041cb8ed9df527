"""What the kernel notes of processes that the tests begin, on this very machine; and notes made up, for what comes seldom."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from control_groups import control_group

from imds_probe.watch import lives as module
from imds_probe.watch.lives import BEGUN, CLONE_INTO_CGROUP, CLONE_THREAD, MOVED, RENAMED, RUN, Life, Lives
from imds_probe.watch.tracing import Firing

PYTHON = os.path.realpath(sys.executable)


@pytest.fixture
def lives() -> Iterator[Lives]:
    opened = Lives(51)
    yield opened
    opened.close()


def said(*argv: str) -> list[int]:
    """A program's process id, and the numbers that it printed; it has ended."""
    child = subprocess.Popen(argv, stdout=subprocess.PIPE)
    out, _ = child.communicate()
    return [child.pid, *map(int, out.split())]


def test_a_process_that_has_ended(lives: Lives) -> None:
    (pid,) = said("/usr/bin/true")
    assert lives.of(pid) == Life(pid, os.getpid(), "/usr/bin/true", renamed=True)


def test_what_it_ran_last(lives: Lives) -> None:
    (pid,) = said("/bin/sh", "-c", "exec /usr/bin/env true")
    life = lives.of(pid)
    assert life is not None
    assert (life.process, os.path.basename(life.ran or "")) == (pid, "true")


def test_a_copy_ran_what_its_original_had_run_by_then(lives: Lives) -> None:
    script = (
        "import os\nif not os.fork(): os._exit(0)\nprint(os.wait()[0], flush=True)\nos.execv('/usr/bin/true', ['x'])"
    )
    pid, copy = said(PYTHON, "-c", script)
    assert lives.of(copy) == Life(copy, pid, PYTHON)
    assert lives.of(pid) == Life(pid, os.getpid(), "/usr/bin/true", renamed=True)


def test_threads_have_the_life_of_their_process(lives: Lives) -> None:
    script = (
        "import threading\nt = threading.Thread(target=lambda: print(threading.get_native_id()))\nt.start(); t.join()"
    )
    pid, tid = said(PYTHON, "-c", script)
    assert lives.of(tid) == lives.of(pid) == Life(pid, os.getpid(), PYTHON, renamed=True)
    numbers: list[int] = []
    thread = threading.Thread(target=lambda: numbers.append(threading.get_native_id()))
    thread.start()
    thread.join()
    assert lives.of(numbers[0]) == Life(os.getpid())  # which began before, and nothing is known but that


def test_a_control_group_that_it_was_moved_to_is_its_childrens_too(lives: Lives) -> None:
    script = "import os\ninput()\nif not os.fork(): os._exit(0)\nprint(os.wait()[0])"
    child = subprocess.Popen([PYTHON, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with control_group("/system.slice/imds-probe-lives.service", child.pid):
        out, _ = child.communicate(b"\n")
    for pid in (child.pid, int(out)):
        life = lives.of(pid)
        assert life is not None
        assert "/system.slice/imds-probe-lives.service" in life.cgroups.values()
        assert not life.elsewhere


def test_nothing_is_known_of_what_began_before(lives: Lives) -> None:
    assert lives.of(1) is None
    assert lives.of(2**22 + 1) is None  # no such process


class Notes:
    """Stands in for the kernel's tracing."""

    def __init__(self, *_: object) -> None:
        self.lost_until = 0
        self.waiting: list[Firing] = []

    def firings(self) -> list[Firing]:
        taken, self.waiting = self.waiting, []
        return taken

    def begun(self, at: int, by: int, pid: int, flags: int = 0) -> None:
        fields = {"pid": (0, 4), "clone_flags": (4, 8)}
        self.waiting.append(Firing(at, by, BEGUN, fields, struct.pack("=IQ", pid, flags)))

    def run(self, at: int, pid: int, path: str) -> None:
        record = struct.pack("=II", pid, 8 | (len(path) + 1) << 16) + path.encode() + b"\0"
        self.waiting.append(Firing(at, pid, RUN, {"pid": (0, 4), "filename": (4, 4)}, record))

    def renamed(self, at: int, tid: int) -> None:
        self.waiting.append(Firing(at, tid, RENAMED, {}, b""))

    def moved(self, at: int, pid: int, path: str) -> None:
        record = struct.pack("=III", pid, 1, 12 | (len(path) + 1) << 16) + path.encode() + b"\0"
        fields = {"pid": (0, 4), "dst_root": (4, 4), "dst_path": (8, 4)}
        self.waiting.append(Firing(at, 99, MOVED, fields, record))


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    made = Notes()
    monkeypatch.setattr(module, "Tracing", lambda *_: made)
    return made


@pytest.fixture
def by_notes(notes: Notes) -> Lives:
    return Lives(0)


def test_one_follows_from_the_other(notes: Notes, by_notes: Lives) -> None:
    notes.run(10, 10, "/bin/a")
    notes.moved(20, 10, "/a.slice")
    notes.begun(25, 10, 11)
    notes.run(30, 11, "/bin/b")
    assert by_notes.of(11) == Life(11, 10, "/bin/b", {1: "/a.slice"})


def test_after_a_gap_only_what_came_later_counts(notes: Notes, by_notes: Lives) -> None:
    notes.begun(10, 1, 10)
    notes.run(20, 10, "/bin/a")
    assert by_notes.of(10) == Life(10, 1, "/bin/a")
    notes.lost_until = 30
    notes.run(25, 12, "/bin/old")  # from before the gap's end, on a CPU that lost nothing
    notes.begun(40, 10, 11)
    assert (by_notes.of(10), by_notes.of(12)) == (None, None)
    assert by_notes.of(11) == Life(11, 10)


def test_a_number_that_is_used_again_is_another_process(notes: Notes, by_notes: Lives) -> None:
    notes.begun(10, 1, 10)
    notes.run(20, 10, "/bin/a")
    notes.moved(30, 10, "/a.slice")
    notes.begun(40, 10, 12, CLONE_THREAD)
    assert by_notes.of(12) == Life(10, 1, "/bin/a", {1: "/a.slice"})
    notes.begun(50, 2, 10)
    notes.begun(60, 2, 12)
    assert by_notes.of(10) == Life(10, 2)
    assert by_notes.of(12) == Life(12, 2)


def test_one_that_begins_elsewhere_has_no_control_group_of_its_parents(notes: Notes, by_notes: Lives) -> None:
    notes.moved(10, 10, "/a.slice")
    notes.begun(20, 10, 11, CLONE_INTO_CGROUP)
    notes.begun(30, 11, 12)
    assert by_notes.of(11) == Life(11, 10, elsewhere=True)
    assert by_notes.of(12) == Life(12, 11)


def test_another_name_is_noted_of_a_process_and_not_of_its_threads(notes: Notes, by_notes: Lives) -> None:
    notes.begun(10, 1, 10)
    notes.begun(20, 10, 11, CLONE_THREAD)
    notes.renamed(30, 11)
    assert by_notes.of(10) == Life(10, 1)
    notes.renamed(40, 10)
    assert by_notes.of(10) == Life(10, 1, renamed=True)
    notes.begun(50, 10, 12)
    assert by_notes.of(12) == Life(12, 10)  # what it was called so before


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/dev/fd/3", ""), ("/proc/self/fd/3/tool", ""), ("/proc/self/exe", "/bin/a"), ("/bin/b", "/bin/b")],
)
def test_what_is_executed_by_a_descriptor(notes: Notes, by_notes: Lives, path: str, expected: str) -> None:
    notes.run(10, 10, "/bin/a")
    notes.run(20, 10, path)
    assert by_notes.of(10) == Life(10, ran=expected)


def test_it_keeps_the_newest(notes: Notes, by_notes: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIVES_MAX", 3)
    for pid in range(10, 15):
        notes.begun(pid, 1, pid)
    assert [by_notes.of(pid) is not None for pid in range(10, 15)] == [False, False, True, True, True]
