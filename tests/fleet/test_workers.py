import os
import signal
import socket

import psutil
import pytest

from imds_probe.fleet import workers
from imds_probe.fleet.workers import WorkerLost, worked


def count_up(task):
    for number in range(int(task)):
        yield b"%d %d" % (os.getpid(), number)


def test_all_tasks_are_worked_off_by_as_many_processes_as_asked_for():
    results = list(worked(iter([b"3", b"0", b"2", b"1"]), count_up, 2))
    assert sorted(each.split()[1] for each in results) == [b"0", b"0", b"0", b"1", b"1", b"2"]
    pids = {int(each.split()[0]) for each in results}
    assert len(pids) <= 2
    assert os.getpid() not in pids
    assert list(worked(iter(()), count_up, 2)) == []


def test_no_more_is_taken_than_is_worked_on():
    taken = []
    others = set(psutil.Process().children())

    def tasks():
        for number in range(100):
            taken.append(number)
            yield b"1"

    results = worked(tasks(), count_up, 2)
    next(results)
    assert len(taken) <= 3
    results.close()
    assert set(psutil.Process().children()) <= others  # none is left behind


def test_a_result_is_as_long_as_it_likes():
    (result,) = worked(iter([b"5000000"]), lambda task: iter([b"x" * int(task)]), 1)
    assert result == b"x" * 5_000_000


def test_a_process_that_is_killed_is_an_error_with_a_remedy():
    def work(task):
        yield b"%d" % os.getpid()
        yield task * 100_000

    with pytest.raises(WorkerLost, match="--jobs 1"):
        for result in worked(iter([b"x" * 1000]), work, 1):
            os.kill(int(result), signal.SIGKILL)  # a process of this test's own; it waits to hand over the next result


def test_a_bug_in_a_process_is_one_of_the_program():
    def work(task):
        yield task
        raise KeyError("a bug")

    with pytest.raises(RuntimeError, match="KeyError: 'a bug'"):
        list(worked(iter([b"x"]), work, 1))


def test_without_confinement_nothing_is_read(monkeypatch):
    def refuse(role, limits):
        raise OSError(22, "no such thing")

    monkeypatch.setattr(workers, "confine", refuse)
    with pytest.raises(WorkerLost, match="the kernel cannot confine"):
        list(worked(iter([b"1"]), count_up, 1))


def test_a_process_may_read_files_and_do_nothing_else(tmp_path):
    (tmp_path / "there").write_text("read")

    def work(task):
        yield (tmp_path / "there").read_bytes()
        for forbidden in (
            socket.socket,
            lambda: (tmp_path / "made").write_text("x"),
            lambda: os.unlink(tmp_path / "there"),
            lambda: os.kill(os.getppid(), 0),
            os.fork,
            lambda: os.execv("/bin/true", ["true"]),
        ):
            try:
                forbidden()
            except OSError as error:
                yield str(error.errno).encode()
            else:
                yield b"allowed"
        try:
            yield b"%d" % len(b"x" * (2 << 30))
        except MemoryError:
            yield b"no memory"

    first, *refused, last = worked(iter([b"x"]), work, 1)
    assert (first, last) == (b"read", b"no memory")
    assert b"allowed" not in refused
    assert os.listdir(tmp_path) == ["there"]


def test_another_process_begins_where_one_is_killed():
    def work(task):
        yield task
        if task == b"deadly":
            os._exit(0)
        yield task

    asked = []
    others = set(psutil.Process().children())
    tasks = [b"1", b"deadly", b"2", b"deadly", b"3"]
    found = list(worked(iter(tasks), work, 2, lambda task: asked.append(task) or (b"4",)))
    assert asked == [b"deadly"] * 2
    assert sorted(found) == [b"1", b"1", b"2", b"2", b"3", b"3", *[b"4"] * 4, b"deadly", b"deadly"]
    assert set(psutil.Process().children()) <= others  # none is left behind
