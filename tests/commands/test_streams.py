"""Standard streams as they come: closed, full, with a reader that has left, a terminal that is gone; each command, as a process."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import bad_places
import pytest
from report_schema import check
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.simulator import scenarios

PROGRAM = [sys.executable, "-m", "imds_probe"]
STREAMS = (0, 1, 2)
SOME = [each for count in (1, 2, 3) for each in itertools.combinations(STREAMS, count)]
# What can be wrong with standard output, and the exit code of a command that does nothing but print.
LOST = {"closed": exitcodes.NOT_WRITTEN, "full": exitcodes.NOT_WRITTEN, "left": exitcodes.INTERRUPTED}
PRINTING = (
    ["catalog"],
    ["catalog", "--output", "json"],
    ["explain"],
    ["explain", "not-ec2"],
    ["--help"],
    ["--version"],
)


@pytest.fixture
def elsewhere(tmp_path) -> list[str]:
    """The arguments of a run on a machine that is not EC2, which ends with 3."""
    root = tmp_path / "root"
    scenarios.write_host(root, {}, "none")
    (root / "sys/class/dmi/id/sys_vendor").write_text("QEMU\n")
    return ["run", "--root", str(root), "--state-directory", str(tmp_path / "state"), "--output", "json"]


@pytest.fixture
def stored(elsewhere, tmp_path) -> Path:
    """A report of before."""
    path = tmp_path / "stored.json"
    with path.open("wb") as file:
        assert ended(elsewhere, stdout=file) == (exitcodes.UNKNOWN, b"")
    return path


@pytest.fixture
def sink(tmp_path) -> tuple[list[str], Path]:
    """Arguments that send a report to a file, and that file."""
    config = tmp_path / "sink.toml"
    config.write_text(f'[file]\npath = "{tmp_path}/sent/report.json"\n')
    return ["--config", str(config), "--report", "file"], tmp_path / "sent/report.json"


def without(arguments: Sequence[str], closed: Sequence[int]) -> list[str]:
    """The command, started with these streams closed."""
    closing = " ".join(f"{fd}>&-" for fd in closed)
    return ["sh", "-c", f'exec "$@" {closing}', "sh", *PROGRAM, *arguments]


def ended(arguments: Sequence[str], closed: Sequence[int] = (), **streams: IO[bytes] | int) -> tuple[int, bytes]:
    """The exit code, and what was said on standard error where that is not told to go elsewhere."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | streams
    done = subprocess.run(without(arguments, closed), check=False, timeout=100, **options)
    return done.returncode, done.stderr or b""


@contextlib.contextmanager
def standard_output(state: str) -> Iterator[dict[str, IO[bytes] | Sequence[int]]]:
    """Standard output that cannot be written, in one of the states of LOST."""
    if state == "closed":
        yield {"closed": (1,)}
    elif state == "full":
        with open("/dev/full", "wb") as full:
            yield {"stdout": full}
    else:
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "wb") as nobody_reads:
            yield {"stdout": nobody_reads}


def no_bug(said: bytes) -> bool:
    return b"bug" not in said and b"Traceback" not in said and b"Exception" not in said


@pytest.mark.parametrize("state", LOST)
@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_what_cannot_be_printed_is_an_error_of_its_own(arguments, state):
    with standard_output(state) as streams:
        code, said = ended(arguments, **streams)
    assert code == LOST[state]
    assert no_bug(said)
    assert (b"standard output cannot be written" in said) == (state != "left")
    assert b"--out" not in said  # which most commands lack
    assert said.count(b"\n") == (state != "left")


@pytest.mark.parametrize("state", LOST)
def test_a_report_that_was_judged_again(stored, state):
    with standard_output(state) as streams:
        code, said = ended(["judge", str(stored)], **streams)
    assert (code, no_bug(said)) == (LOST[state], True)
    code, said = ended(["judge", "-"], closed=(0,))
    assert code == exitcodes.USAGE
    assert b"-: it cannot be read: Bad file descriptor" in said


@pytest.mark.parametrize("state", LOST)
def test_a_run_whose_report_goes_to_standard_output_alone(elsewhere, state):
    with standard_output(state) as streams:
        code, said = ended(elsewhere, **streams)
    # Whoever reads the first lines and leaves has seen the verdict, so its code stands.
    assert code == (exitcodes.UNKNOWN if state == "left" else exitcodes.NOT_WRITTEN)
    assert no_bug(said)


@pytest.mark.parametrize("state", LOST)
def test_a_report_that_was_asked_for_elsewhere_arrives(elsewhere, sink, tmp_path, state):
    sending, sent = sink
    out = tmp_path / "out.json"
    with standard_output(state) as streams:
        assert ended([*elsewhere, "--out", str(out)], **streams) == (exitcodes.UNKNOWN, b"")
        check(json.loads(out.read_bytes()))
        code, said = ended([*elsewhere, *sending], **streams)
    assert code == (exitcodes.UNKNOWN if state == "left" else exitcodes.NOT_WRITTEN)
    assert no_bug(said)
    check(json.loads(sent.read_bytes()))


@pytest.mark.parametrize("closed", SOME, ids=str)
def test_no_file_takes_the_place_of_a_closed_stream(elsewhere, sink, tmp_path, closed):
    """What is said or printed would be written into it: a line for each sink that fails, before the others write theirs."""
    _, sent = sink
    config = tmp_path / "sinks.toml"
    config.write_text(f'[file]\npath = "{sent}"\n[textfile]\ndirectory = "{tmp_path}/none"\n')
    out = tmp_path / "out.json"
    sending = ["--config", str(config), "--report", "textfile,file", "--out", str(out)]
    code, said = ended([*elsewhere, *sending], closed)
    assert code == exitcodes.UNKNOWN
    assert (b"textfile: " in said) == (2 not in closed)
    assert check(json.loads(out.read_bytes())) == json.loads(sent.read_bytes())


@pytest.mark.parametrize("stream", ["closed", "full"])
@pytest.mark.parametrize(
    "arguments", [*PRINTING, ["nonesuch"], ["explain", "nonesuch"], ["run", "--root", "/nonesuch"]]
)
def test_what_cannot_be_said_is_nowhere_else(arguments, stream):
    """Not even on standard output, which programs read."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, check=False, timeout=100)
    with (
        open("/dev/full", "wb") as full,
        subprocess.Popen(
            without(arguments, (2,) if stream == "closed" else ()), stdout=subprocess.PIPE, stderr=full
        ) as child,
    ):
        printed, _ = child.communicate(timeout=100)
    assert (child.returncode, printed) == (done.returncode, done.stdout)


def test_a_slow_reader_of_a_stream_that_does_not_wait_gets_all():
    """As programs leave pipes that they share with us."""
    expected = subprocess.run([*PROGRAM, "catalog", "--output", "json"], capture_output=True, check=True, timeout=100)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    child = subprocess.Popen([*PROGRAM, "catalog", "--output", "json"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    with open(reading, "rb") as pipe:
        printed = pipe.read()
    _, said = child.communicate(timeout=SOON_S)
    assert len(expected.stdout) > 65536  # more than a pipe holds
    assert (child.returncode, said, printed) == (0, b"", expected.stdout)


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_file_that_cannot_be_written_comes_last(elsewhere, sink, tmp_path, state):
    sending, sent = sink
    disk = tmp_path / "disk"

    def act() -> tuple[int, bytes, bytes]:
        arguments = [*elsewhere, *sending, "--out", str(disk / "out.json")]
        done = subprocess.run([*PROGRAM, *arguments], capture_output=True, check=False, timeout=100)
        return done.returncode, done.stdout, done.stderr

    code, printed, said = bad_places.on_disk(disk, state, act)
    assert no_bug(said)
    if state == "read-only":
        # That is seen before anything is asked.
        assert (code, printed) == (exitcodes.USAGE, b"")
        return
    assert code == exitcodes.NOT_WRITTEN
    assert b"out.json cannot be written: No space left on device. The report is on standard output." in said
    assert check(json.loads(printed)) == json.loads(sent.read_bytes())


def test_where_no_place_takes_the_report_that_is_said_once(elsewhere, tmp_path):
    disk = tmp_path / "disk"

    def act() -> tuple[int, bytes]:
        return ended([*elsewhere, "--out", str(disk / "out.json")], closed=(1,))

    code, said = bad_places.on_disk(disk, "full", act)
    assert code == exitcodes.NOT_WRITTEN
    assert b"No space left on device, and standard output cannot be written: Bad file descriptor" in said
    assert said.count(b"\n") == 1


def test_on_a_full_disk_the_sinks_that_need_none_get_the_report(elsewhere, tmp_path):
    disk = tmp_path / "disk"
    config = tmp_path / "sinks.toml"
    config.write_text(
        f'[file]\npath = "{disk}/report.json"\n[textfile]\ndirectory = "{disk}"\n[emf]\ndestination = "stdout"\n'
    )
    state = ["--state-directory", str(disk)]

    def act() -> tuple[int, bytes, bytes]:
        arguments = [
            *elsewhere,
            *state,
            "--config",
            str(config),
            "--report",
            "file,textfile,emf",
            "--out",
            "/dev/shm/x",
        ]
        arguments = arguments[:-2]
        done = subprocess.run([*PROGRAM, *arguments], capture_output=True, check=False, timeout=100)
        return done.returncode, done.stdout, done.stderr

    code, printed, said = bad_places.on_disk(disk, "full", act)
    assert code == exitcodes.UNKNOWN
    assert b'"_aws"' in printed.splitlines()[-1]
    lines = said.decode().splitlines()
    assert list(dict.fromkeys(line.split(": ")[1] for line in lines)) == ["file", "textfile", "emf"]
    assert all("No space left on device" in line for line in lines)


def on_terminal(arguments: Sequence[str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command in a session of its own on a terminal; the terminal's other end."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        ["setsid", "--ctty", *PROGRAM, *arguments], stdin=follower, stdout=follower, stderr=follower, env=os.environ
    )
    os.close(follower)
    return child, leader


def test_a_terminal_that_is_gone_takes_no_report_with_it(elsewhere, tmp_path):
    out = tmp_path / "out.json"
    child, leader = on_terminal([*elsewhere, "--out", str(out)])
    assert os.read(leader, 1)  # it says what it looks at
    os.close(leader)  # which sends SIGHUP
    assert child.wait(timeout=SOON_S) == exitcodes.UNKNOWN
    check(json.loads(out.read_bytes()))


def test_a_run_that_only_prints_ends_with_its_terminal(elsewhere):
    child, leader = on_terminal(elsewhere)
    assert os.read(leader, 1)
    os.close(leader)
    assert child.wait(timeout=SOON_S) in (-signal.SIGHUP, exitcodes.NOT_WRITTEN)


class Serving:
    """A simulator on a port of its own, known to serve by its control socket."""

    def __init__(self, folder: Path, start: Callable[[list[str]], subprocess.Popen[bytes]]) -> None:
        self.control = folder / "control"
        self.child = start(["simulate", "--listen", "127.0.0.1:0", "--control", str(self.control)])
        wait_for(self.control.exists)

    def end(self, number: int) -> int:
        self.child.send_signal(number)
        code = self.child.wait(timeout=SOON_S)
        assert not self.control.exists()
        return code


@pytest.mark.parametrize("state", LOST)
def test_a_simulator_serves_whatever_becomes_of_its_words(tmp_path, state):
    with standard_output(state) as streams:
        closed = streams.pop("closed", ())
        serving = Serving(tmp_path, lambda arguments: subprocess.Popen(without(arguments, closed), **streams))
        assert serving.end(signal.SIGTERM) == (0 if state == "left" else exitcodes.NOT_WRITTEN)


def test_a_simulator_ends_with_its_terminal_and_tidies_up(tmp_path):
    leaders = []

    def start(arguments: list[str]) -> subprocess.Popen[bytes]:
        child, leader = on_terminal(arguments)
        leaders.append(leader)
        return child

    serving = Serving(tmp_path, start)
    os.close(leaders[0])
    assert serving.child.wait(timeout=SOON_S) in (0, exitcodes.NOT_WRITTEN)
    assert not serving.control.exists()


@pytest.mark.parametrize("state", LOST)
def test_a_demo_that_nobody_sees_ends_and_leaves_nothing(tmp_path, state):
    environ = dict(os.environ) | {"TMPDIR": str(tmp_path)}
    with standard_output(state) as streams:
        closed = streams.pop("closed", ())
        argv = without(["demo", "--loopback"], closed)
        done = subprocess.run(argv, stderr=subprocess.PIPE, env=environ, check=False, timeout=100, **streams)
    assert (done.returncode, no_bug(done.stderr)) == (LOST[state], True)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_without_room_for_its_host_says_so(tmp_path):
    disk = tmp_path / "disk"

    def act() -> tuple[int, bytes]:
        argv = [*PROGRAM, "demo", "--loopback"]
        environ = dict(os.environ) | {"TMPDIR": str(disk)}
        done = subprocess.run(argv, capture_output=True, env=environ, cwd=disk, check=False, timeout=100)
        return done.returncode, done.stderr

    full = (disk, "full")
    code, said = bad_places.on_disk(*full, act)
    assert no_bug(said)
    assert code in (0, exitcodes.NOT_WRITTEN)  # 0 where /tmp has room, which Python tries next


@pytest.mark.parametrize("state", LOST)
def test_a_watch_that_cannot_print_ends(state):
    with standard_output(state) as streams:
        code, said = ended(["watch", "--for", "0.2s"], **streams)
    assert code == LOST[state]
    assert no_bug(said)


@pytest.mark.parametrize("closed", SOME, ids=str)
def test_a_daemon_keeps_its_files_apart_from_its_streams(tmp_path, closed):
    (tmp_path / "root").mkdir()
    config = tmp_path / "later.toml"
    config.write_text('[daemon]\ninterval = "1h"\njitter = "9d"\n')
    state = tmp_path / "state"
    arguments = ["daemon", "--state-directory", str(state), "--root", str(tmp_path / "root"), "--config", str(config)]
    child = subprocess.Popen(
        without(arguments, closed), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        wait_for(lambda: catches(child.pid, signal.SIGHUP) and any("socket" in each for each in descriptors(child.pid)))
        child.send_signal(signal.SIGHUP)  # it says so, with whatever comes first by then
        child.send_signal(signal.SIGTERM)
        _, said = child.communicate(timeout=SOON_S)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert (said.decode().splitlines()[-1:] == ["imds-probe: stopped"]) == (2 not in closed)
    (history,) = state.glob("*.sqlite3")
    with contextlib.closing(sqlite3.connect(history)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert (state / "daemon.lock").read_text() == f"{child.pid}\n"


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has said what is to be done on a signal."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def descriptors(pid: int) -> Iterator[str]:
    """What a process has open; nothing where it has ended."""
    with contextlib.suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(each)
