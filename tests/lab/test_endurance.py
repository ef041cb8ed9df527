"""The daemon over weeks, in fast motion: what it takes of the host stays as it is, and no kill costs what was written."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

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
# The shortest interval, so that most of the loop's turns have something to do.
CONFIG = """
[daemon]
interval = "1m"
jitter = "1s"
[watch]
window = "{retention}"
retention = "{retention}"
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
GOING = 1  # a reader that kept the daemon waiting, as on a busy machine, and is reaped with the next one
OF_OTHERS = 8  # one socket for each network namespace of the machine, which other tests make
TAKES_S = 0.5  # an assessment, several times over


class FastMotion:
    """What starts daemons in fast motion, in a lab. `daemon` is the one that runs."""

    def __init__(self, node: Node, place: Path, state: Path) -> None:
        self.state, self._node, self._place, self._count = state, node, place, place / "count"
        busybox = place / "busybox"
        busybox.write_bytes(Path("/bin/busybox").read_bytes())
        busybox.chmod(0o755)
        self._count.write_text("0\n")
        program = place / "assessment"
        program.write_text(PROGRAM.format(busybox=busybox, place=place, verdict=VERDICT))
        program.chmod(0o755)
        self._argv = [sys.executable, fast_motion.__file__, str(state), str(place / "config.toml"), str(program)]
        self.log = state.with_suffix(".log")
        self.starter: subprocess.Popen[bytes] | None = None

    def start(self, retention: str = "1d", share: int = 1) -> psutil.Process:
        """One daemon. The first one says for how long calls are kept, and a share of how much the watch remembers."""
        if self.starter is None:
            (self._place / "config.toml").write_text(CONFIG.format(retention=retention))
            with (self._place / "said").open("wb") as said:
                self.starter = self._node.start(
                    [*self._argv, str(share)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=ENV
                )
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
    # In memory: a write to a disk takes longer than all else of an assessment.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        moving = FastMotion(lab.instance, tmp_path, Path(memory) / "state")
        yield moving
        if moving.starter is not None:
            moving.starter.kill()
            moving.starter.wait()


class Taken(NamedTuple):
    """Of the host, by the daemon and its readers: memory that is no file's, in bytes, open files, and sockets, which are counted by
    themselves; by so many processes.
    """

    memory: int
    files: int
    sockets: int
    processes: int


def taken(fast: FastMotion) -> Taken:
    """What processes share counts once (proc_pid_smaps(5)), and so with whom they were forked from."""
    memory = files = sockets = 0
    name = fast.daemon.name()
    processes = [each for each in fast.daemon.children(recursive=True) if each.name() == name]
    alive = [each.pid for each in processes if each.status() != psutil.STATUS_ZOMBIE]
    for pid in (fast.starter.pid, fast.daemon.pid, *alive):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        memory += sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss_Anon:"))
        opened = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
        sockets += sum(file.startswith("socket:") for file in opened)
        files += sum(not file.startswith("socket:") for file in opened)
    return Taken(memory, files, sockets, len(processes))


def least(fast: FastMotion) -> Taken:
    """Of several looks, between which assessments come and go."""
    looks = []
    for _ in range(20):
        # An assessment may not have become the program yet, and what is open be closed while it is looked at.
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            looks.append(taken(fast))
        time.sleep(0.02)
    return Taken(*map(min, zip(*looks, strict=True)))


def least_later(fast: FastMotion, before: Taken) -> Taken:
    """What is no more than before at some time: on a busy machine, all of some looks fall into one assessment, which has a pipe
    open. What was not closed never is again.
    """
    deadline = time.monotonic() + SOON_S
    found = least(fast)
    while time.monotonic() < deadline and (found.files > before.files or found.sockets > before.sockets + OF_OTHERS):
        found = Taken(*map(min, zip(found, least(fast), strict=True)))
    return found


# From the first number of assessments on, all that is bounded is full.
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(
    ("early", "late", "hours", "share", "growth_bytes"),
    [(400, 600, 4, 20, 1_500_000), pytest.param(9000, 20_000, 24, 1, 5_000_000, marks=pytest.mark.soak)],
)
def test_it_takes_no_more_after_weeks_than_after_days(fast, early, late, hours, share, growth_bytes):
    daemon = fast.start(f"{hours}h", share)
    fast.until(lambda: fast.assessed() >= early, within_s=SOON_S + early * TAKES_S)
    before, history_before = least(fast), (fast.state / FILE).stat().st_size
    fast.until(lambda: fast.assessed() >= late, within_s=SOON_S + late * TAKES_S)
    after, history_after = least_later(fast, before), (fast.state / FILE).stat().st_size
    print(f"after {early}: {before}, {history_before}; after {late}: {after}, {history_after}; {daemon.cpu_times()}")
    calls, observed_s = fast.written()
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(SOON_S)
    lines = fast.log.read_text().splitlines()
    assert lines[-1] == "imds-probe: stopped"
    assert not [line for line in lines if "no assessment" in line or "could not" in line], lines[-5:]
    assert sum("verdict ready" in line for line in lines) >= late - 1
    # Of what is kept, and of the hours until what is older is taken away.
    assert 60 * (hours - 1) <= calls <= 60 * (hours + 4), calls
    assert observed_s >= 3600 * hours * 0.9, observed_s  # watched without a gap, it is one interval, however long
    assert after.memory - before.memory <= growth_bytes, (before, after)
    assert after.processes <= before.processes + GOING, (before, after)
    assert after.files <= before.files, (before, after)
    assert after.sockets <= before.sockets + OF_OTHERS, (before, after)
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
