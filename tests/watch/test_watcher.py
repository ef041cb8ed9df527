"""What the watcher makes of calls whose caller is nobody here; all else is seen in the lab."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from forging import ONE_PACKET, forging
from soon import SOON_S
from watched_calls import CURL
from watched_packets import MD4, V1, to

from imds_probe.errors import ProbeError
from imds_probe.simulator.lab.lab import Lab
from imds_probe.watch import watcher
from imds_probe.watch.caller import Caller
from imds_probe.watch.tracepoint import Connect, Glance
from imds_probe.watch.watcher import Watcher

ROUTED = """
import sys
import socket, time
from imds_probe.watch import ways
from imds_probe.watch.watcher import Watcher
physical = sys.argv[1]
ways._is_physical = lambda interface: socket.if_indextoname(interface) == physical
with Watcher() as watching:
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for seen in watching.calls(0.2):
            print(seen.path, seen.relayed, seen.program, seen.client, flush=True)
            end = 0
"""


@pytest.mark.parametrize(("card", "expected"), [("veth2", "True another host"), ("none", "False unknown")])
def test_a_call_that_comes_in_from_another_host_is_said_to_be_relayed(card, expected):
    """A container without a process list stands in for the other host: its process cannot be found from here. Which link
    is a card is told to the watcher, as a lab has none.
    """
    with Lab("relay") as lab:
        other = lab.add_container("other")
        env = {"PYTHONPATH": str(Path(__file__).parents[2])}
        script = ROUTED.replace("with Watcher()", "with Watcher(Path('/nonexistent'), tracing=False)")
        script = script.replace("import sys\n", "import sys\nfrom pathlib import Path\n", 1)
        child = lab.instance.start([sys.executable, "-c", script, card], env=env, stdout=subprocess.PIPE)
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        with lab.service.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
            service.bind(("169.254.169.254", 80))
            service.listen()
            with other.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.settimeout(SOON_S)
                client.connect(("169.254.169.254", 80))
                client.sendall(b"GET /latest/x HTTP/1.1\r\n\r\n")
                said = child.stdout.readline().decode().strip()
        child.wait()
    assert said == f"/latest/… {expected} {other.ipv4}"


def test_without_the_right_to_capture_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(program: bytes):
        raise PermissionError(1, "Operation not permitted")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(watcher, "Ring", refused)
    with pytest.raises(ProbeError, match="packets cannot be captured: Operation not permitted"):
        Watcher()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_two_clocks_are_held_against_each_other_when_nothing_came_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second without a CPU between two looks is no second between the clocks."""
    monotonic, wall = iter([0, 2 * 10**9, 3 * 10**9, 3 * 10**9 + 400, 4 * 10**9, 5 * 10**9]), iter([501, 503, 504])
    monkeypatch.setattr(watcher.time, "monotonic_ns", lambda: next(monotonic))
    monkeypatch.setattr(watcher.time, "time_ns", lambda: next(wall) * 10**9)
    assert watcher.epoch_s() == pytest.approx(500.0, abs=1e-6)


HELD = """
import socket, sys
client = socket.create_connection(("169.254.169.254", 80))
print("connected", flush=True)
sys.stdin.readline()
client.sendall(b"GET /latest/meta-data/hostname HTTP/1.1\\r\\n\\r\\n")
sys.stdin.readline()
"""
WATCHING = """
import socket, sys, time
from imds_probe.watch.watcher import Watcher
with Watcher(tracing=False) as watching:
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and not watching.unconfirmed:
        for seen in watching.calls(0.2):
            print(seen.path, seen.caller.pid, seen.how, seen.status, flush=True)
    print([(each.interface, each.client, each.count) for each in watching.senders()], flush=True)
"""


@pytest.mark.parametrize("where", ["instance", "container"])
def test_what_was_open_before_and_is_not_answered_is_its_owners_and_a_forged_one_nobodys(where):
    """The owner sent something just then, by an interface of his. Who forges one on the same connection did not."""
    with Lab("held") as lab:
        nodes = {"instance": lab.instance, "container": lab.add_container("held")}
        forger, node = lab.add_container("forger"), nodes[where]
        with lab.service.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
            service.bind(("169.254.169.254", 80))
            service.listen()
            client = node.start([sys.executable, "-c", HELD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert client.stdin and client.stdout
            assert client.stdout.readline() == b"connected\n"
            connection, (_, port) = service.accept()
            with connection:
                env = {"PYTHONPATH": str(Path(__file__).parents[2])}
                child = lab.instance.start([sys.executable, "-c", WATCHING], env=env, stdout=subprocess.PIPE)
                assert child.stdout
                assert child.stdout.readline() == b"ready\n"
                client.stdin.write(b"\n")
                client.stdin.flush()
                said = child.stdout.readline().decode().strip()
                done = forger.run(forging(ONE_PACKET, node.ipv4, port), timeout_s=SOON_S)
                assert done.returncode == 0, done.stderr
                forged = child.stdout.readline().decode().strip()
                client.communicate(b"\n")
        child.wait()
    assert said == f"/latest/meta-data/hostname {client.pid} sock_diag None"
    assert forged == f"[('veth{forger.ipv4.rpartition('.')[2]}', '{node.ipv4}', 1)]"


KNOWN, PORT = replace(CURL, pid=os.getpid()), 4000


class Going:
    """A watch of which all that call are known, on a clock of its own, and what comes in with each of its glances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watching: Watcher) -> None:
        self.now, self.glances, self.packets, self.more = 100.0, 0, [], 1
        self.threads = {7}
        self.watching, watching._in_no_hurry = watching, True
        clock = SimpleNamespace(monotonic=lambda: self.now, monotonic_ns=time.monotonic_ns)
        clock.sleep, clock.time, clock.time_ns = self._sleep, time.time, time.time_ns
        monkeypatch.setattr(watcher, "time", clock)
        monkeypatch.setattr(
            watching, "_tracepoint", SimpleNamespace(glance=self._glance, connects=list, close=lambda: None)
        )
        monkeypatch.setattr(watching._processes, "known", {7: KNOWN}.get)
        monkeypatch.setattr(watching._ring, "ahead", lambda _: iter(self.packets))

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _glance(self) -> Glance:
        self.glances += 1
        made = {(PORT + self.glances * self.more + number, socket.inet_aton(MD4)) for number in range(self.more)}
        return Glance(self.glances, self.threads, made)

    def waited_s(self) -> float:
        return self.watching._let_come(60.0)


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Iterator[Going]:
    with Watcher(tracing=False) as watching:
        yield Going(monkeypatch, watching)
        monkeypatch.undo()


def test_calls_of_those_that_are_known_come_together(going: Going) -> None:
    assert going.waited_s() == pytest.approx(watcher.TOGETHER_S)
    assert going.glances >= watcher.TOGETHER_S / watcher.LOOKED_AT_WITHIN_S - 1
    assert going.watching._let_come(0.0) == 0
    assert going.watching._let_come(0.01) == pytest.approx(0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": {7, 8}},  # somebody new
        {"threads": set(), "more": 0},  # nobody at all
        {"more": watcher.TOGETHER_MAX},
        {"packets": [to(7, V1, port=PORT + 1)] * 3 + [to(7, V1, port=PORT - 1)]},  # on a connection that was not traced
    ],
)
def test_what_has_to_be_read_is_not_waited_for(going: Going, changes) -> None:
    for name, value in changes.items():
        setattr(going, name, value)
    assert going.waited_s() == pytest.approx(watcher.LOOKED_AT_WITHIN_S)


def test_the_ring_does_not_run_over_meanwhile(going: Going, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going.watching._ring, "looked_ahead", watcher.PACKETS_TOGETHER_MAX)
    assert going.waited_s() == pytest.approx(watcher.LOOKED_AT_WITHIN_S)


def test_who_was_known_at_a_glance_is_not_taken_for_what_he_became(going: Going) -> None:
    going.waited_s()
    connect = Connect(going.glances, 7, "10.0.0.5", PORT, MD4)
    assert going.watching._caller_of(connect) is KNOWN
    assert going.watching._caller_of(connect._replace(at=going.glances + 1, tid=os.getpid())) is not KNOWN


def test_a_thread_is_asked_for_once_and_a_process_at_each_glance(going: Going, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may execute another program meanwhile."""
    asked: list[int] = []
    going.threads = {7, KNOWN.pid}

    def known(tid: int) -> Caller:
        asked.append(tid)
        return KNOWN

    monkeypatch.setattr(going.watching._processes, "known", known)
    going.waited_s()
    assert (asked.count(7), asked.count(KNOWN.pid)) == (1, going.glances)
    going.watching._look()
    going.waited_s()
    assert asked.count(7) == 2
