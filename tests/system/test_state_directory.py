from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bad_places import on_disk
from soon import SOON_S

from imds_probe.errors import HeldError
from imds_probe.system.state_directory import (
    LOCK,
    UNIT,
    WANTS,
    Lock,
    StateError,
    check_directory,
    check_file,
    daemon_is_enabled,
    daemon_was_here,
    state_directory,
)


@pytest.mark.parametrize(
    ("given", "environ", "root", "expected"),
    [
        (Path("/srv/here"), {"STATE_DIRECTORY": "/var/lib/other"}, "/host", "/srv/here"),
        (None, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/", "/var/lib/one"),
        (None, {}, "/", "/var/lib/imds-probe"),
        (None, {"STATE_DIRECTORY": ""}, "/host", "/host/var/lib/imds-probe"),
    ],
)
def test_which_one(given: Path | None, environ: dict[str, str], root: str, expected: str) -> None:
    assert state_directory(given, environ, Path(root)) == Path(expected)


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    directory = tmp_path / "deep/state"
    with Lock(directory):
        assert (directory.stat().st_mode & 0o777, (directory / LOCK).read_text()) == (0o700, f"{os.getpid()}\n")
        with pytest.raises(HeldError, match=f"process {os.getpid()} holds .*daemon.lock: a daemon is running"):
            Lock(directory)
    with Lock(directory):
        pass


LEFT_BY_A_KILLED_ONE = """
import os, sys
from pathlib import Path
from imds_probe.system.state_directory import Lock
with Lock(Path(sys.argv[1])):
    if os.fork():
        print(os.getpid(), flush=True)
        os._exit(0)
    sys.stdin.read()
"""


@pytest.fixture
def left(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that has ended, and a process that it had just forked, which ends with its input."""
    argv = [sys.executable, "-c", LEFT_BY_A_KILLED_ONE, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.wait(60) == 0
        yield daemon


def test_what_a_killed_one_had_just_forked_is_waited_for(
    tmp_path: Path, left: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imds_probe.system.state_directory.AFTER_DEATH_S", SOON_S)
    assert left.stdin
    threading.Timer(0.3, left.stdin.close).start()
    with Lock(tmp_path):
        assert (tmp_path / "daemon.lock").read_text() == f"{os.getpid()}\n"


def test_nobody_is_waited_for_without_end(
    tmp_path: Path, left: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imds_probe.system.state_directory.AFTER_DEATH_S", 0.1)
    with pytest.raises(HeldError, match=f"^process {left.pid} holds"):
        Lock(tmp_path)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("text")
    (tmp_path / LOCK).symlink_to("precious")
    with pytest.raises(StateError, match=f"{LOCK} is a symbolic link, not a file"):
        Lock(tmp_path)
    assert (tmp_path / "precious").read_text() == "text"


def test_a_fifo_under_the_locks_name_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(StateError, match="is a FIFO, not a file"):
        Lock(tmp_path)


def test_a_full_disk_is_said_and_no_bug(tmp_path: Path) -> None:
    place = tmp_path / "full"

    def lock() -> None:
        with pytest.raises(StateError, match="cannot be written: No space left on device"):
            Lock(place)

    on_disk(place, "full", lock)


def given_away(path: Path) -> None:
    os.chown(path, 4242, 4242, follow_symlinks=False)


def for_everybody(path: Path) -> None:
    path.chmod(0o777)


def for_a_group(path: Path) -> None:
    os.chown(path, 0, 4242)
    path.chmod(0o770)


def behind_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_fifo(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [given_away, for_everybody, for_a_group, behind_a_link, a_fifo])
@pytest.mark.parametrize("kind", ["directory", "file"])
def test_what_others_can_change_is_not_ours(tmp_path: Path, spoil: Callable[[Path], None], kind: str) -> None:
    path = tmp_path / "state"
    path.mkdir(0o700) if kind == "directory" else path.touch(0o600)
    check = check_directory if kind == "directory" else check_file
    check(path)
    spoil(path)
    with pytest.raises(StateError, match=str(path)):
        check(path)
    if kind == "directory":
        with pytest.raises(StateError, match=str(path)):
            Lock(path)


def test_what_is_missing_is_no_trouble(tmp_path: Path) -> None:
    check_directory(tmp_path / "none")
    assert check_file(tmp_path / "none/file") is False


def test_signs_of_a_daemon(tmp_path: Path) -> None:
    assert not daemon_was_here(tmp_path)
    (tmp_path / LOCK).touch()
    assert not daemon_was_here(tmp_path)
    with Lock(tmp_path):
        pass
    assert daemon_was_here(tmp_path)
    assert not daemon_is_enabled(tmp_path)
    wants = tmp_path / WANTS.strip("/")
    wants.mkdir(parents=True)
    (wants / UNIT).symlink_to(f"/usr/lib/systemd/system/{UNIT}")
    assert daemon_is_enabled(tmp_path)
