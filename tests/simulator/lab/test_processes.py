"""Ending exactly the programs of one lab."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

from imds_probe.simulator.lab import naming, processes


@pytest.fixture
def start():
    children = []

    def begin(env, script="echo in; exec sleep 60"):
        argv = ["sh", "-c", script]
        child = subprocess.Popen(
            argv, env={"PATH": os.environ["PATH"]} | env, stdout=subprocess.PIPE, start_new_session=True
        )
        children.append(child)
        assert child.stdout.readline() == b"in\n"
        return child

    yield begin
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_the_programs_of_one_lab_end_and_no_others(start):
    mine, other = naming.new_lab_id("abc"), naming.new_lab_id("abc")
    first, second = start(processes.environment(mine)), start(processes.environment(mine))
    bystander, stranger = start(processes.environment(other)), start({})
    similar = start({processes.MARKER: f"{mine}0"})
    assert sorted(processes.pids(mine)) == sorted([first.pid, second.pid])
    processes.end(mine)
    assert (first.wait(SOON_S), second.wait(SOON_S)) == (-9, -9)
    assert [child.poll() for child in (bystander, stranger, similar)] == [None, None, None]


def test_what_a_program_left_in_the_background_ends_too(start):
    lab_id = naming.new_lab_id("abc")
    child = start(processes.environment(lab_id), "setsid sleep 60 & echo in")
    child.wait(SOON_S)
    left = wait_for(lambda: processes.pids(lab_id))
    assert len(left) == 1
    processes.end(lab_id)
    assert processes.pids(lab_id) == []
    assert not Path(f"/proc/{left[0]}/exe").exists()


def test_nothing_to_end_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(processes, "END_WITHIN_S", 2 * SOON_S)
    started = time.monotonic()
    processes.end(naming.new_lab_id("abc"))
    assert time.monotonic() - started < SOON_S
