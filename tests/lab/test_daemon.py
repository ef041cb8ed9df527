"""`imds-probe daemon` in the lab: what it sees is in the history, and what the history says is in the verdict."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import silent_process
from bad_places import fill
from report_schema import check
from soon import SOON_S
from watching import patient

from imds_probe import exitcodes
from imds_probe.facts.callers import BOOT_S
from imds_probe.simulator.lab.node import Node
from imds_probe.system import process
from imds_probe.watch import boots
from imds_probe.watch.caller import NOT_VERIFIED
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE

SOURCE = str(Path(__file__).parents[2])
DAY_S = 86400.0
SILENCE_S = 10.0  # systemd would wait for as long at least; a busy machine takes some of it
V1 = ["curl", "-s", "-m", f"{SOON_S:g}", "-o", "/dev/null"]
URL = "http://169.254.169.254/latest/meta-data/"


class Running:
    """A daemon, with what it says."""

    def __init__(self, node: Node, state: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        argv = [sys.executable, "-m", "imds_probe", "daemon", "--state-directory", str(state), *arguments]
        self.log = next(each for each in state.parents if each.is_dir()) / f"{state.name}.log"
        with self.log.open("wb") as log:
            self.child = node.start(argv, stdout=log, stderr=log, env={"PYTHONPATH": SOURCE} | (env or {}))

    def says(self, text: str, within_s: float = SOON_S) -> str:
        """Wait for a line with this text."""
        return until(lambda: next((line for line in self.text().splitlines() if text in line), ""), within_s, self.text)

    def text(self) -> str:
        return self.log.read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        return self.child.wait(timeout=SOON_S)


def until(condition: Callable[[], object], within_s: float = SOON_S, said: Callable[[], str] = str):
    deadline = time.monotonic() + within_s
    while not (result := condition()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)
    return result


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def daemon(lab, service, host, tmp_path):
    """Starts daemons that are gone after the test. One that assesses at once, unless told otherwise, and is `patient`."""
    started = []
    soon = tmp_path / "soon.toml"
    soon.write_text(
        f'report = ["file"]\n[daemon]\ninterval = "1h"\njitter = "0.1s"\n[file]\npath = "{tmp_path}/kept/report.json"\n'
    )
    later = tmp_path / "later.toml"
    later.write_text('[daemon]\ninterval = "1h"\njitter = "9d"\n')

    def start(state: Path, *, assess: bool = False, waits: bool = True, env=None) -> Running:
        config = soon if assess else later
        env = (patient(tmp_path) if waits else {}) | (env or {})
        running = Running(lab.instance, state, "--root", str(host), "--config", str(config), env=env)
        started.append(running)
        running.says("watching; the history is")
        return running

    yield start
    for running in started:
        running.child.kill()
        running.child.wait()


def evidence(state: Path, window_s: float = DAY_S):
    with History(state / FILE, read_only=True) as history:
        return history.evidence(time.time(), window_s)


def test_what_it_sees_is_kept_judged_and_handed_on(lab, service, daemon, state, run, tmp_path):
    service.update(hop_limit=64)
    running = daemon(state, assess=True)
    # One that ends while it is looked at would leave open whose file it ran: it waits for somebody to write.
    waiting = tmp_path / "waiting"
    os.mkfifo(waiting)
    first = lab.instance.start([*V1, "-A", "old-thing/1", f"{URL}instance-id", "-o", "/dev/null", f"file://{waiting}"])
    assert "curl" in running.says("called by IMDSv1: ")
    waiting.write_bytes(b"")
    first.wait(timeout=SOON_S)
    lab.instance.run([*V1, "-H", "X-aws-ec2-metadata-token: x", URL], timeout_s=SOON_S)
    running.says("verdict ")
    until(lambda: evidence(state).imdsv1 == 1 and evidence(state).imdsv2 >= 1)
    assert running.end() == 0
    assert running.text().splitlines()[-1] == "imds-probe: stopped"
    report = check(json.loads((state / "report.json").read_bytes()))
    assert json.loads((tmp_path / "kept/report.json").read_bytes()) == report
    # Its own runs are on record as its own.
    seen = evidence(state)
    assert seen.imdsv1_by_probe == report["probe"]["imdsv1_requests_made"] == 1
    (caller,) = [each for each in seen.by if each.version == "v1" and not each.probe]
    assert (Path(caller.program).name, caller.path_class, caller.user_agent) == ("curl", "meta-data", "…")
    ran = run("--state-directory", str(state))
    assert (ran.verdict, ran.code) == ("not-ready", 1)
    assert ran.report["verdict"]["confidence"] == "high"
    assert "imdsv1-caller" in ran.finding_ids
    (told,) = [each for each in ran.report["callers"]["by"] if each["version"] == "v1" and not each["probe"]]
    assert (told["program"], told["count"], told["exe"]) == (caller.program, 1, caller.exe)


def test_without_a_call_for_long_enough_confidence_is_high(lab, service, daemon, state, run, tmp_path):
    config = tmp_path / "short.toml"
    # A second of it is enough, whenever the run comes to read of it.
    config.write_text('[watch]\nwindow = "1000s"\ncoverage = 0.001\n')
    running = daemon(state)
    time.sleep(2)
    assert running.end() == 0
    ran = run("--state-directory", str(state), "--config", str(config))
    # This machine was booted long before, and nobody watched that.
    assert (ran.verdict, ran.report["verdict"]["confidence"]) == ("ready", "medium"), ran.report["callers"]
    assert "boot-not-watched" in ran.finding_ids
    (boot,) = ran.report["callers"]["boots"]
    assert (boot["boot_id"], boot["from_start"]) == (boots.this_boot().boot_id, False)
    (on_record,) = boots.read(state)
    whole = replace(on_record, began_s=2.0, from_start=True, watched_s=BOOT_S - 2)
    (state / boots.FILE).write_bytes(boots.encoded((whole,)))
    ran = run("--state-directory", str(state), "--config", str(config))
    assert (ran.report["callers"]["dropped_packets"], ran.report["callers"]["unconfirmed"]) == (0, 0)
    assert (ran.verdict, ran.report["verdict"]["confidence"]) == ("ready", "high"), ran.report["callers"]
    assert ran.report["verdict"]["evidence"] == ["capability", "code", "reachability", "behaviour"]
    ran = run("--state-directory", str(state))
    assert ran.report["verdict"]["confidence"] == "medium"
    assert "watched-too-shortly" in ran.finding_ids
    (collector,) = [each for each in run().report["collectors"] if each["id"] == "callers"]
    assert collector["status"] == "nothing"
    assert "callers are not watched" in collector["reason"]


def test_what_was_called_before_it_began_is_handed_over(lab, service, daemon, state, tmp_path):
    """By a watch from early in the boot, which has no place to write to. Each call counts once."""
    run_directory = tmp_path / "run"
    early = Running(lab.instance, tmp_path / "early", "--early", env={"RUNTIME_DIRECTORY": str(run_directory)})
    try:
        early.says("watching until the daemon takes over")
        lab.instance.run([*V1, f"{URL}instance-id"], timeout_s=SOON_S)
        # All through the time in which both watch.
        loop = f"for i in $(seq 40); do curl -s -o /dev/null {URL}; sleep 0.05; done"
        calling = lab.instance.start(["sh", "-c", loop])
        running = daemon(state, env={"RUNTIME_DIRECTORY": str(run_directory)})
        running.says("calls that were seen from early in the boot on")
        early.says("the daemon took over")
        assert early.child.wait(timeout=SOON_S) == 0
        assert calling.wait(timeout=SOON_S) == 0
        until(lambda: evidence(state).imdsv1 >= 41, said=lambda: str(evidence(state)))
    finally:
        early.child.kill()
        early.child.wait()
    running.end()
    seen = evidence(state)
    assert (seen.imdsv1, seen.unconfirmed, seen.dropped_packets) == (41, 0, 0)
    # On a busy machine, one that has ended already is known by what the kernel noted of it.
    assert {Path(each.program.removesuffix(NOT_VERIFIED)).name for each in seen.by} == {"curl"}, seen.by
    (boot,) = boots.read(state)
    assert (boot.boot_id, boot.from_start) == (boots.this_boot().boot_id, False)
    assert not (run_directory / "early.sock").exists()


def test_an_early_watch_that_nobody_takes_over_from_ends_when_told(lab, tmp_path):
    early = Running(lab.instance, tmp_path / "early", "--early", env={"RUNTIME_DIRECTORY": str(tmp_path / "run")})
    early.says("watching until the daemon takes over")
    assert early.end() == 0
    assert early.text().splitlines()[-1] == "imds-probe: stopped, and nobody has taken over"


def test_one_that_does_not_hand_over_is_said_and_holds_nothing_up(lab, service, daemon, state, tmp_path):
    run_directory = tmp_path / "run"
    early = Running(lab.instance, tmp_path / "early", "--early", env={"RUNTIME_DIRECTORY": str(run_directory)})
    try:
        early.says("watching until the daemon takes over")
        early.child.send_signal(signal.SIGSTOP)
        running = daemon(state, env={"RUNTIME_DIRECTORY": str(run_directory)})
        running.says("did not answer")
        lab.instance.run([*V1, URL], timeout_s=SOON_S)
        until(lambda: evidence(state).imdsv1 == 1)
    finally:
        early.child.kill()
        early.child.wait()


def test_a_run_beside_it_reads_its_history(lab, service, daemon, state, run):
    daemon(state)
    lab.instance.run([*V1, URL], timeout_s=SOON_S)
    until(lambda: evidence(state).imdsv1)
    ran = run("--state-directory", str(state))
    assert ran.report["callers"]["imdsv1"] == 1


def test_the_second_one_says_who_is_there(lab, daemon, state):
    first = daemon(state)
    second = Running(lab.instance, state)
    assert second.child.wait(timeout=SOON_S) == exitcodes.HELD
    assert f"process {first.child.pid} holds {state / 'daemon.lock'}: a daemon is running already" in second.text()
    first.end(signal.SIGKILL)
    daemon(state)  # the lock went with it


def test_a_state_directory_that_cannot_be_written(lab, tmp_path):
    (tmp_path / "file").write_text("")
    running = Running(lab.instance, tmp_path / "file/state")
    assert running.child.wait(timeout=SOON_S) == exitcodes.UNAVAILABLE
    assert f"{tmp_path / 'file/state'} cannot be written: Not a directory. Free space" in running.text()


@pytest.mark.parametrize("spoil", ["chown 4242", "chmod 777", "full"])
def test_a_state_directory_that_it_cannot_trust_or_fill_is_one_error_and_no_wrong_usage(lab, tmp_path, spoil):
    """So systemd starts it again, and once the trouble is over it watches."""
    state = tmp_path / "state"

    def ended() -> tuple[int, list[str]]:
        running = Running(lab.instance, state)
        return running.child.wait(timeout=SOON_S), running.text().splitlines()

    if spoil == "full":
        state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "tmpfs", str(state)], check=True)
        try:
            fill(state)
            code, lines = ended()
        finally:
            subprocess.run(["umount", str(state)], check=True)
    else:
        state.mkdir(0o700)
        subprocess.run([*spoil.split(), str(state)], check=True)
        code, lines = ended()
    assert code == exitcodes.UNAVAILABLE
    (line,) = lines
    assert str(state) in line


def test_a_history_that_is_damaged_is_set_aside_and_the_verdict_knows(lab, service, daemon, state, run):
    running = daemon(state)
    lab.instance.run([*V1, URL], timeout_s=SOON_S)
    until(lambda: evidence(state).imdsv1)
    running.end(signal.SIGKILL)
    content = bytearray((state / FILE).read_bytes())
    at = content.index(b"/latest/meta-data/")
    content[at] ^= 1
    (state / FILE).write_bytes(content)
    ran = run("--state-directory", str(state))
    assert (ran.verdict, "callers-not-read" in ran.finding_ids) == ("unknown", True)
    again = daemon(state)
    assert f"{FILE}.damaged-" in again.says("could not be used")
    ran = run("--state-directory", str(state))
    assert (ran.verdict, "callers-lost" in ran.finding_ids) == ("unknown", True)
    # Under a daemon that runs, too.
    (state / FILE).unlink()
    lab.instance.run([*V1, URL], timeout_s=SOON_S)
    again.says("the file was missing")
    until(lambda: (state / FILE).exists() and evidence(state).imdsv1)
    assert run("--state-directory", str(state)).verdict == "not-ready"


def test_systemd_hears_when_it_is_ready_alive_reloading_and_ending(lab, daemon, state, tmp_path):
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(SOON_S)
        running = daemon(state, env={"NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "600000"})
        assert notified.recv(200) == b"READY=1\nSTATUS=watching"
        assert [notified.recv(200) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        config = tmp_path / "later.toml"
        config.write_text("[daemon]\ninterval = 1\n")
        running.child.send_signal(signal.SIGHUP)
        running.says("the old configuration stays in force: ")
        config.write_text('[daemon]\ninterval = "2h"\n')
        running.child.send_signal(signal.SIGHUP)
        running.says("the configuration was read again")
        said = []
        assert running.end() == 0
        while not said or said[-1] != b"STOPPING=1":
            said.append(notified.recv(200))
        assert sum(each.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for each in said) == 2
        assert said.count(b"READY=1\nSTATUS=watching") == 2


def test_its_heart_goes_on_beside_a_caller_that_keeps_it_waiting(lab, service, daemon, state, tmp_path):
    """Whoever reads the caller's arguments waits without end. The daemon does without them, and counts the call."""
    (tmp_path / "share").mkdir()
    beats: list[float] = []
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notified:
        notified.bind(str(tmp_path / "notify"))
        notified.settimeout(0.05)

        def heard() -> None:
            with suppress(TimeoutError):
                while True:
                    if notified.recv(200) == b"WATCHDOG=1":
                        beats.append(time.monotonic())

        def while_heard(condition: Callable[[], object]) -> Callable[[], object]:
            return lambda: (heard(), condition())[1]

        env = {"NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "600000"}
        running = daemon(state, waits=False, env=env)
        argv = ["unshare", "--mount", sys.executable, silent_process.__file__, str(tmp_path / "share")]
        silent = lab.instance.start([*argv, "169.254.169.254"], stdout=subprocess.PIPE)
        try:
            assert silent.stdout.readline() == b"HTTP/1.1 200\n"
            heard()
            beats.clear()  # of these we know when they were read only
            until(while_heard(lambda: evidence(state).imdsv1 == 1), said=running.text)
            counted = len(beats)
            until(while_heard(lambda: len(beats) >= counted + 5), said=running.text)
            assert silent_process.is_held_up(silent.pid, silent_process.WAITS)
        finally:
            process.stop(silent)  # with the process that serves its share
    (caller,) = evidence(state).by
    assert (caller.version, caller.pid, caller.cmdline) == ("v1", silent.pid, "")
    assert max(later - sooner for sooner, later in pairwise(beats)) < SILENCE_S
    assert running.end() == 0


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_killed_again_and_again_it_loses_the_last_moment_only(lab, service, daemon, state, kills):
    """What was written stays, and the time in which it was down is not observed."""
    called, began = 0, time.monotonic()
    for _ in range(kills):
        running = daemon(state)
        lab.instance.run([*V1, URL], timeout_s=SOON_S)
        called += 1
        until(lambda expected=called: evidence(state).imdsv1 == expected)
        lab.instance.run([*V1, URL], timeout_s=SOON_S)  # of these the last moment's may be lost
        time.sleep(0.3)
        running.end(signal.SIGKILL)
        called = evidence(state).imdsv1
    assert called >= kills
    intervals = evidence(state)
    assert 0 < intervals.observed_s < time.monotonic() - began
    assert "damaged" not in running.text()


def grown(pid: int) -> tuple[int, int]:
    """Its memory that is no file's, in KiB, and how many files it has open: proc_pid_status(5)."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (memory,) = [int(line.split()[1]) for line in status if line.startswith("RssAnon:")]
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("calls", [60, pytest.param(20_000, marks=pytest.mark.soak)])
def test_many_short_lived_callers_leave_nothing_with_it(lab, service, daemon, state, calls):
    """Each from a port and a process of its own."""
    running = daemon(state)
    loop = f'for i in $(seq "$1"); do curl -s -o /dev/null {URL}; done'

    def called(count: int) -> tuple[int, int]:
        before = evidence(state).imdsv1
        lab.instance.run(["sh", "-c", loop, "sh", str(count)], timeout_s=60 + count)
        until(lambda: evidence(state).imdsv1 == before + count, within_s=SOON_S + count / 10)
        return grown(running.child.pid)

    warm = called(max(20, calls // 4))  # what is kept of callers has a bound, which is reached by then
    after = called(calls)
    until(lambda: grown(running.child.pid)[1] <= warm[1])  # who looks at a caller has its directory open meanwhile
    assert after[0] - warm[0] < 16 * 1024, (warm, after)
    assert running.end() == 0


def test_nothing_it_wrote_has_a_token_in_it(lab, service, daemon, state, run):
    """Neither one that the service gave out, nor one that a caller made up."""
    service.update(hop_limit=64)
    running = daemon(state, assess=True)
    script = (
        "t=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); "
        f'curl -s -o /dev/null -H "X-aws-ec2-metadata-token: $t" {URL}iam/security-credentials/app-role; '
        f"curl -s -o /dev/null {URL}iam/security-credentials/app-role; echo $t"
    )
    token = lab.instance.run(["sh", "-c", script], timeout_s=SOON_S).stdout.strip()
    assert len(token) > 40
    running.says("verdict ")
    until(lambda: evidence(state).imdsv1)
    seen = until(lambda: [each for each in evidence(state).by if each.path_class == "credentials"])
    running.end()
    assert {each.path for each in seen} == {"/latest/meta-data/iam/security-credentials/…"}
    written = [running.log, *(path for path in state.rglob("*") if path.is_file())]
    assert {path.name for path in written} >= {FILE, "report.json", running.log.name}
    for path in written:
        content = path.read_bytes()
        assert token not in content
        assert b"SecretAccessKey" not in content


def test_without_the_right_to_watch_it_says_so(lab, state):
    without = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
    argv = [*without, sys.executable, "-m", "imds_probe", "daemon", "--state-directory", str(state)]
    done = lab.instance.run(argv, timeout_s=SOON_S, env={"PYTHONPATH": SOURCE})
    assert done.returncode == exitcodes.UNAVAILABLE
    assert b"packets cannot be captured: Operation not permitted. Run as root." in done.stderr


def test_a_run_can_watch_for_itself(lab, service, host, state, tmp_path):
    """With a history besides and without one."""
    argv = [sys.executable, "-m", "imds_probe", "run", "--output", "json", "--root", str(host), "--watch", "8s"]
    printed = tmp_path / "report.json"
    with printed.open("wb") as out:
        child = lab.instance.start([*argv, "--state-directory", str(state)], stdout=out, env={"PYTHONPATH": SOURCE})
    pids = set()
    while child.poll() is None:  # nothing says when it begins to watch
        client = lab.instance.start([*V1, "-A", "Python-urllib/2.7", URL])
        client.wait()
        pids.add(client.pid)
        time.sleep(0.3)
    report = check(json.loads(printed.read_bytes()))
    assert child.returncode == 1, report["verdict"]["reasons"]
    seen = [
        each
        for each in report["callers"]["by"]
        if each["version"] == "v1" and each["user_agent"] == "Python-urllib/2.7"
    ]
    assert 1 <= sum(each["count"] for each in seen) <= len(pids)
    assert {each["pid"] for each in seen} <= pids
    # The probe may have asked before the watch had begun.
    assert report["callers"]["imdsv1_by_probe"] <= report["probe"]["imdsv1_requests_made"] == 1
    assert 7.9 < report["callers"]["observed_s"] < report["probe"]["duration_ms"] / 1000
    assert report["callers"]["window_s"] == 14 * DAY_S
    # High only if none of them ended while it was looked at, which nobody can promise.
    assert report["verdict"]["confidence"] in ("medium", "high")
    (collector,) = [each for each in report["collectors"] if each["id"] == "watch"]
    assert collector["status"] == "ok"


def test_switched_off_it_watches_nothing_until_it_is_switched_on(lab, service, daemon, state, host):
    """At once where it is told to look, else in its next turn. The time between counts as not watched."""
    file = host / "etc/imds-probe/disabled"
    file.parent.mkdir()
    began = time.monotonic()
    running = daemon(state)
    lab.instance.run([*V1, f"{URL}before"], timeout_s=SOON_S)
    until(lambda: evidence(state).imdsv1 == 1)
    file.touch()
    running.child.send_signal(signal.SIGHUP)
    running.says(f"switched off: {file} exists; nothing is watched or assessed")
    off = time.monotonic()
    # The sockets of packets in its network, with their inodes: packet(7). It keeps those that lead to its readers.
    captures = Path(f"/proc/{running.child.pid}/net/packet").read_text().splitlines()[1:]
    inodes = {f"socket:[{line.split()[-1]}]" for line in captures}
    opened = [os.readlink(each) for each in Path(f"/proc/{running.child.pid}/fd").iterdir()]
    assert not [each for each in opened if each in inodes or "trac" in each]
    lab.instance.run([*V1, f"{URL}meanwhile"], timeout_s=SOON_S)
    time.sleep(1.5)  # time that is not watched
    running.child.send_signal(signal.SIGHUP)
    running.says("the configuration was read again")
    off_s = time.monotonic() - off
    file.unlink()
    running.says("switched on again")
    until(lambda: running.text().count("watching; the history is") == 2)
    lab.instance.run([*V1, f"{URL}after"], timeout_s=SOON_S)
    until(lambda: evidence(state).imdsv1 == 2)
    assert running.end() == 0
    assert evidence(state).observed_s <= time.monotonic() - began - off_s
    assert running.text().splitlines()[-1] == "imds-probe: stopped"


def test_one_that_begins_switched_off_rests_and_ends_when_told(lab, host, state, tmp_path):
    file = host / "etc/imds-probe/disabled"
    file.parent.mkdir()
    file.touch()
    running = Running(lab.instance, state, "--root", str(host))
    try:
        running.says("switched off: ")
        assert running.end() == 0
        assert "watching; the history is" not in running.text()
        assert evidence(state).observed_s == 0
    finally:
        running.child.kill()
        running.child.wait()


def test_without_the_tracepoint_the_probes_own_requests_are_its_own(lab, service, run, made_up, host, state, tmp_path):
    """A PID namespace of its own keeps it from the tracepoint. Each run makes one request by IMDSv1."""
    runs, config, log = 3, tmp_path / "later.toml", tmp_path / "daemon.log"
    config.write_text('[daemon]\ninterval = "1h"\njitter = "9d"\n')
    argv = [sys.executable, "-m", "imds_probe", "daemon", "--state-directory", str(state)]
    argv += ["--root", str(host), "--config", str(config)]
    with log.open("wb") as said:
        daemon = made_up.start(
            ["sh", "-c", 'exec "$@" 2>&1', "sh", *argv], stdout=said.fileno(), env={"PYTHONPATH": SOURCE}
        )
    until(lambda: "watching; the history is" in log.read_text(), said=log.read_text)
    assert "short-lived callers may stay unknown: the tracepoint counts processes as the host does" in log.read_text()
    for _ in range(runs):
        run("--state-directory", str(state))
    until(lambda: evidence(state).imdsv1_by_probe + evidence(state).unconfirmed == runs)
    seen = evidence(state)
    assert (seen.imdsv1_by_probe, seen.unconfirmed, seen.imdsv1, seen.senders) == (runs, 0, 0, ())
    made_up.end(daemon)
