import os
import signal

import pytest

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

    def tasks():
        for number in range(100):
            taken.append(number)
            yield b"1"

    results = worked(tasks(), count_up, 2)
    next(results)
    assert len(taken) <= 3
    results.close()
    with pytest.raises(ChildProcessError):  # none is left behind
        os.waitpid(-1, os.WNOHANG)


def test_a_result_is_as_long_as_it_likes():
    (result,) = worked(iter([b"5000000"]), lambda task: iter([b"x" * int(task)]), 1)
    assert result == b"x" * 5_000_000


def test_a_process_that_is_killed_is_an_error_with_a_remedy():
    def work(task):
        os.kill(os.getpid(), signal.SIGKILL)
        yield task

    with pytest.raises(WorkerLost, match="--jobs 1"):
        list(worked(iter([b"x"] * 3), work, 2))


def test_a_bug_in_a_process_is_said_and_ends_it(capfd):
    def work(task):
        yield task
        raise KeyError("a bug")

    with pytest.raises(WorkerLost):
        list(worked(iter([b"x"]), work, 1))
    assert "a bug" in capfd.readouterr().err
