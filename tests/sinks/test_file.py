import fcntl
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bad_places import on_disk
from reports_made import hostile, report

from imds_probe.config import Settings
from imds_probe.sinks.file import FileConfig, FileSink, make
from imds_probe.sinks.sink import SinkError


def send(path, number, kept=3, within_s=5.0):
    FileSink(path, kept).send(report(probe={"duration_ms": number}), time.monotonic() + within_s)


def numbers(directory):
    """Which run each file of a directory is of."""
    reports = (file for file in directory.iterdir() if file.name != ".r.json.lock")
    return {file.name: json.loads(file.read_text())["probe"]["duration_ms"] for file in reports}


def test_the_configuration_says_where(tmp_path):
    sink = make(Settings(FileConfig(path=tmp_path / "reports/report.json", keep=1)), {})
    assert (sink.name, sink.keeps_each) == ("file", True)
    sink.send(report(), time.monotonic())
    assert json.loads((tmp_path / "reports/report.json").read_text()) == report()
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "reports/report.json").stat().st_mode & 0o777 == 0o640


def test_older_ones_move_on_and_the_oldest_goes(tmp_path):
    for number in range(6):
        send(tmp_path / "r.json", number)
    assert numbers(tmp_path) == {"r.json": 5, "r.json.1": 4, "r.json.2": 3, "r.json.3": 2}


def test_fewer_than_before(tmp_path):
    for number in range(4):
        send(tmp_path / "r.json", number)
    (tmp_path / "r.json.old").write_text("mine")
    send(tmp_path / "r.json", 4, kept=1)
    (tmp_path / "r.json.old").unlink()
    assert numbers(tmp_path) == {"r.json": 4, "r.json.1": 3}
    send(tmp_path / "r.json", 5, kept=0)
    assert numbers(tmp_path) == {"r.json": 5}


def test_a_gap_that_a_killed_one_left_is_closed_before_anything_goes(tmp_path):
    for number in range(4):
        send(tmp_path / "r.json", number)
    (tmp_path / "r.json.1").unlink()
    send(tmp_path / "r.json", 4)
    assert numbers(tmp_path) == {"r.json": 4, "r.json.1": 3, "r.json.2": 1, "r.json.3": 0}


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_any_moment_no_report_is_lost(tmp_path, kills):
    code = """
import itertools, sys, time
from pathlib import Path
from imds_probe.sinks.file import FileSink
sink = FileSink(Path(sys.argv[1]) / "r.json", 10_000)
for number in itertools.count(int(sys.argv[2])):
    sink.send({"probe": {"duration_ms": number}}, time.monotonic() + 60)
    print(number, flush=True)
"""
    done = 0
    directory = tmp_path / "reports"
    for _ in range(kills):
        writer = subprocess.Popen([sys.executable, "-c", code, tmp_path / "reports", str(done)], stdout=subprocess.PIPE)
        first = writer.stdout.readline()
        time.sleep(random.uniform(0, 0.03))
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0]
        done = int((first + rest).split()[-1]) + 1
        kept = [
            json.loads(file.read_text())["probe"]["duration_ms"] for file in directory.iterdir() if file.name[0] != "."
        ]
        assert set(kept) >= set(range(done))
        done = max(kept) + 1


def test_two_at_once_lose_nothing(tmp_path):
    code = """
import sys, time
from pathlib import Path
from imds_probe.sinks.file import FileSink
for number in range(20):
    report = {"probe": {"duration_ms": int(sys.argv[2]) + number}}
    FileSink(Path(sys.argv[1]), 100).send(report, time.monotonic() + 60)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "r.json", who]) for who in ("0", "100")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert set(numbers(tmp_path).values()) == {*range(20), *range(100, 120)}


def test_nobody_is_waited_for_beyond_the_deadline(tmp_path):
    send(tmp_path / "r.json", 0)
    held = os.open(tmp_path / ".r.json.lock", os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(SinkError, match=r"another process holds .*/\.r\.json\.lock"):
        send(tmp_path / "r.json", 1, within_s=0.1)
    os.close(held)
    send(tmp_path / "r.json", 1)
    assert numbers(tmp_path) == {"r.json": 1, "r.json.1": 0}


@pytest.mark.parametrize("how", [fcntl.LOCK_SH, fcntl.LOCK_EX])
def test_who_may_read_the_directory_keeps_nobody_from_writing(tmp_path, how):
    held = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, how)
    send(tmp_path / "r.json", 1, within_s=0.1)
    os.close(held)
    lock = tmp_path / ".r.json.lock"
    assert lock.stat().st_mode & 0o777 == 0o600
    lock.chmod(0o666)
    send(tmp_path / "r.json", 2)
    assert lock.stat().st_mode & 0o777 == 0o600
    assert numbers(tmp_path) == {"r.json": 2, "r.json.1": 1}


@pytest.mark.parametrize("planted", ["link", "fifo", "dangling"])
def test_what_is_planted_in_the_place_of_the_lock_is_replaced(tmp_path, planted):
    victim, lock = tmp_path / "victim", tmp_path / "out/.r.json.lock"
    victim.write_text("mine")
    victim.chmod(0o644)
    lock.parent.mkdir()
    if planted == "fifo":
        os.mkfifo(lock)
    else:
        lock.symlink_to(victim if planted == "link" else tmp_path / "nothing")
    send(tmp_path / "out/r.json", 1)
    assert stat.S_ISREG(lock.lstat().st_mode)
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("mine", 0o644)
    assert not (tmp_path / "nothing").exists()


def test_another_users_lock_is_not_waited_for(tmp_path):
    """In a directory where everybody may make files."""
    tmp_path.chmod(0o1777)
    lock = tmp_path / ".r.json.lock"
    lock.touch()
    os.chown(lock, 65534, 65534)
    held = os.open(lock, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    send(tmp_path / "r.json", 1, within_s=0.1)
    os.close(held)
    assert lock.stat().st_uid == 0


def test_a_planted_link_is_replaced(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out").mkdir()
    for name in ("r.json", "r.json.1"):
        (tmp_path / "out" / name).symlink_to(victim)
    send(tmp_path / "out/r.json", 1)
    send(tmp_path / "out/r.json", 2)
    assert numbers(tmp_path / "out") == {"r.json": 2, "r.json.1": 1}
    assert victim.read_text() == "mine"
    assert not any(file.is_symlink() for file in Path(tmp_path / "out").iterdir())


def test_a_full_disk_keeps_what_was_there(tmp_path):
    def act():
        (tmp_path / "disk/filler").write_bytes(b"x" * 44 * 1024)
        (tmp_path / "disk/r.json").write_text('{"probe": {"duration_ms": 0}}')
        with pytest.raises(SinkError, match="No space left on device"):
            FileSink(tmp_path / "disk/r.json", 3).send(hostile(1000), time.monotonic() + 60)
        (tmp_path / "disk/filler").unlink()
        return numbers(tmp_path / "disk")

    assert on_disk(tmp_path / "disk", "full", act) == {"r.json": 0}


def test_hostile_text_stays_json(tmp_path):
    FileSink(tmp_path / "r.json", 0).send(hostile(), time.monotonic() + 60)
    raw = (tmp_path / "r.json").read_bytes()
    assert json.loads(raw) == hostile()
    assert raw.isascii() and b"\x1b" not in raw and b"\0" not in raw
