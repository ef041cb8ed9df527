"""The daemon over weeks, in fast motion: what it takes of the host stays as it is, and no kill costs what was written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fast_motion
import psutil
import pytest
from soon import SOON_S

from imds_probe.simulator.lab.node import Node
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE

TESTS = Path(__file__).parents[1]
ENV = {"PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
EVER_S = 10 * 365 * 86400.0
# The shortest interval, so that most of the loop's turns have something to do. What is kept is gone after a day.
CONFIG = """
[daemon]
interval = "1m"
jitter = "1s"
[watch]
window = "1d"
retention = "1d"
"""
# An assessment as far as the daemon has to do with it: a process that asks the service, writes a report and ends. Each time
# another one of a hundred programs that come and go, three of which are new each hour.
PROGRAM = """#!{busybox} sh
cd {place}
read number <count
number=$((number + 1))
echo "$number" >count
program=busybox-$((number / 20 + number % 100))
[ -e "$program" ] || ln busybox "$program"
./"$program" wget -q -O /dev/null http://169.254.169.254/latest/meta-data/instance-id
echo {verdict} >"$8"
"""
VERDICT = """'{"verdict": {"state": "ready", "confidence": "medium", "reasons": []}}'"""
GROWTH_BYTES = 5_000_000
TAKES_S = 0.5  # an assessment, several times over


class FastMotion:
    """What starts daemons in fast motion, in a lab. `daemon` is the one that runs."""

    def __init__(self, node: Node, place: Path) -> None:
        self.state, self._count = place / "state", place / "count"
        busybox = place / "busybox"
        busybox.write_bytes(Path("/bin/busybox").read_bytes())
        busybox.chmod(0o755)
        self._count.write_text("0\n")
        program = place / "assessment"
        program.write_text(PROGRAM.format(busybox=busybox, place=place, verdict=VERDICT))
        program.chmod(0o755)
        (place / "config.toml").write_text(CONFIG)
        self.log = self.state.with_suffix(".log")
        argv = [sys.executable, fast_motion.__file__, str(self.state), str(place / "config.toml"), str(program)]
        with (place / "said").open("wb") as said:
            self.starter = node.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=ENV)

    def start(self) -> psutil.Process:
        assert self.starter.stdin and self.starter.stdout
        self.starter.stdin.write(b"\n")
        self.starter.stdin.flush()
        self.daemon = psutil.Process(int(self.starter.stdout.readline()))
        return self.daemon

    def assessed(self) -> int:
        """How many assessments have begun."""
        while not (count := self._count.read_text()):  # it is being written
            pass
        return int(count)

    def until(self, condition: Callable[[], object], within_s: float = SOON_S) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert self.daemon.is_running() and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.01)

    def written(self) -> tuple[int, float]:
        """The calls that the history has, and for how long they were watched, in seconds."""
        with History(self.state / FILE, read_only=True) as history:
            evidence = history.evidence(time.time() + EVER_S, 2 * EVER_S)
        return evidence.imdsv1, evidence.observed_s


@pytest.fixture
def fast(lab, service, tmp_path) -> Iterator[FastMotion]:
    moving = FastMotion(lab.instance, tmp_path)
    yield moving
    moving.starter.kill()
    moving.starter.wait()


def taken(process: psutil.Process) -> tuple[int, int]:
    """Memory that is no file's, in bytes, and open files, of the daemon and its readers: proc_pid_status(5)."""
    memory = files = 0
    for each in [process, *(child for child in process.children(recursive=True) if child.name() == process.name())]:
        status = Path(f"/proc/{each.pid}/status").read_text().splitlines()
        memory += sum(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))
        files += len(os.listdir(f"/proc/{each.pid}/fd"))
    return memory, files


def least(process: psutil.Process) -> tuple[int, int]:
    """Of several looks, between which assessments come and go."""
    looks = []
    for _ in range(20):
        try:
            looks.append(taken(process))
        except (OSError, psutil.NoSuchProcess):  # an assessment that has not become the program yet
            continue
        time.sleep(0.02)
    memory, files = zip(*looks, strict=True)
    return min(memory), min(files)


# From the first number of assessments on, all that is bounded is full.
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(("early", "late"), [(1600, 2000), pytest.param(9000, 20_000, marks=pytest.mark.soak)])
def test_it_takes_no_more_after_weeks_than_after_days(fast, early, late):
    daemon = fast.start()
    fast.until(lambda: fast.assessed() >= early, within_s=SOON_S + early * TAKES_S)
    before, history_before = least(daemon), (fast.state / FILE).stat().st_size
    fast.until(lambda: fast.assessed() >= late, within_s=SOON_S + late * TAKES_S)
    after, history_after = least(daemon), (fast.state / FILE).stat().st_size
    print(f"after {early}: {before}, {history_before}; after {late}: {after}, {history_after}")
    calls, observed_s = fast.written()
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(SOON_S)
    lines = fast.log.read_text().splitlines()
    assert lines[-1] == "imds-probe: stopped"
    assert not [line for line in lines if "no assessment" in line or "could not" in line], lines[-5:]
    assert sum("verdict ready" in line for line in lines) >= late - 1
    # Of a day, and of the hours until what is older is taken away.
    assert 1440 - 60 <= calls <= 1440 + 240, calls
    assert observed_s >= 86_400 * 0.9, observed_s  # watched without a gap, it is one interval, however long
    assert after[0] - before[0] <= GROWTH_BYTES, (before, after)
    assert after[1] <= before[1], (before, after)
    assert history_after <= history_before * 1.3, (history_before, history_after)


@pytest.mark.timeout(5400)
@pytest.mark.parametrize("kills", [10, pytest.param(1000, marks=pytest.mark.soak)])
def test_killed_at_any_moment_it_loses_nothing_that_was_written(fast, kills):
    """In the middle of its loop, of which each turn writes something here."""
    chance, calls, observed_s = random.Random(26), 0, 0.0
    for _ in range(kills):
        begun = fast.assessed()
        daemon = fast.start()
        fast.until(lambda begun=begun: fast.assessed() > begun + 1)
        time.sleep(chance.uniform(0, 0.05))
        committed = fast.written()
        daemon.kill()
        daemon.wait(SOON_S)
        left = fast.written()
        assert (calls, observed_s) <= committed, (calls, observed_s, committed)
        assert committed[0] <= left[0] and committed[1] <= left[1], (committed, left)
        calls, observed_s = left
    assert calls >= kills
    assert "damaged" not in fast.log.read_text()
    with History(fast.state / FILE) as history:
        assert history.set_aside is None
