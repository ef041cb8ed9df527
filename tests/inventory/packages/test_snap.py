"""Snaps, from a server that answers on a Unix socket as snapd 2.57 does, and from what snapd leaves on disk."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.inventory.packages import snap as module
from imds_probe.inventory.packages.package import Package, PackageError
from imds_probe.inventory.packages.snap import Snap

SNAP = Snap()
AGENT = {
    "id": "",
    "summary": "Agent to enable remote management of your Amazon EC2 instance",
    "installed-size": 4096,
    "name": "amazon-ssm-agent",
    "status": "active",
    "type": "app",
    "version": "3.3.0.0",
    "channel": "",
    "revision": "x1",
    "confinement": "classic",
    "apps": [{"snap": "amazon-ssm-agent", "name": "amazon-ssm-agent", "daemon": "simple", "enabled": True}],
    "mounted-from": "/var/lib/snapd/snaps/amazon-ssm-agent_x1.snap",
}
CORE = {"name": "core", "status": "active", "type": "os", "version": "16-2.61.4", "revision": "x1"}
OLD_CLI = {"name": "aws-cli", "status": "installed", "type": "app", "version": "1.15.58", "revision": "151"}
INSTALLED = Package("snap", "amazon-ssm-agent", "3.3.0.0", "", "installed")
STATE = {"data": {"snaps": {"amazon-ssm-agent": {"type": "app", "current": "x1", "active": True}}}}


def answer(result: object, status: str = "200 OK", kind: str = "sync") -> bytes:
    body = json.dumps({"type": kind, "status-code": int(status[:3]), "status": status[4:], "result": result}).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.contextmanager
def snapd(root: Path, reply: bytes | None, *, linger_s: float = 0.0) -> Iterator[list[bytes]]:
    """A daemon that gives this reply to whatever is asked, or takes the request and is silent; yields the requests."""
    (root / "run").mkdir(exist_ok=True)
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(root / "run/snapd.socket"))
        listening.listen()
        over = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client, contextlib.suppress(OSError):
                        asked.append(client.recv(65536))
                        if reply is None:
                            over.wait(2 * SOON_S)
                        else:
                            client.sendall(reply)
                            over.wait(linger_s)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            (root / "run/snapd.socket").unlink()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with snapd's state and one mounted snap."""
    made = tmp_path / "r"
    (made / "var/lib/snapd").mkdir(parents=True)
    (made / "var/lib/snapd/state.json").write_text(json.dumps(STATE))
    meta = made / "snap/amazon-ssm-agent/x1/meta"
    meta.mkdir(parents=True)
    (meta / "snap.yaml").write_text('name: amazon-ssm-agent\nversion: "3.3.0.0"\nsummary: Agent\n')
    return made


def query(root: Path, *names: str, timeout_s: float = SOON_S) -> list[Package]:
    return SNAP.query(root, names or ("amazon-ssm-agent", "aws-cli", "never-heard-of"), timeout_s=timeout_s)


def test_what_is_installed_by_the_socket(root: Path) -> None:
    with snapd(root, answer([AGENT, CORE, OLD_CLI])) as asked:
        assert query(root) == [INSTALLED, Package("snap", "aws-cli", "1.15.58", "", "unpacked")]
        assert query(root, "never-heard-of") == []
    assert [request.split(b"\r\n")[0] for request in asked] == [b"GET /v2/snaps HTTP/1.1"] * 2


def test_no_snaps_at_all(root: Path) -> None:
    with snapd(root, answer([])):
        assert query(root) == []


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n\r\nnot json",
        answer({"message": "no"}),
        answer([AGENT], kind="async"),
        answer([{"name": "x"}]),
        answer(["x"]),
        answer([AGENT | {"version": "3.3\n0"}]),
        answer([AGENT | {"name": "\x1b[2J"}]),
        answer([AGENT | {"version": 3}]),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_and_not_an_empty_list(root: Path, reply: bytes) -> None:
    with snapd(root, reply), pytest.raises(PackageError) as caught:
        query(root)
    assert str(caught.value).startswith("snap: ")
    assert "\x1b" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        answer({"message": "daemon is shutting down"}, "503 Service Unavailable", "error"),
    ],
)
def test_where_the_daemon_fails_what_it_keeps_is_read(root: Path, reply: bytes | None) -> None:
    started = time.monotonic()
    with snapd(root, reply):
        # Only who is silent is not waited for.
        assert query(root, timeout_s=1.0 if reply is None else SOON_S) == [INSTALLED]
    assert time.monotonic() - started < SOON_S


def test_an_answer_without_end_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_BYTES", 100_000)
    with snapd(root, b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 1_000_000, linger_s=2 * SOON_S):
        assert query(root) == [INSTALLED]


def test_where_no_daemon_runs(root: Path) -> None:
    assert query(root) == [INSTALLED]
    assert query(root, "aws-cli") == []


def test_the_other_place_where_snaps_are_mounted(root: Path) -> None:
    os.renames(root / "snap/amazon-ssm-agent", root / "var/lib/snapd/snap/amazon-ssm-agent")
    assert query(root) == [INSTALLED]


@pytest.mark.parametrize("line", ["version: 3.3.0.0", "version: '3.3.0.0'  # built today", 'version: "3.3.0.0"'])
def test_how_a_version_may_be_written(root: Path, line: str) -> None:
    (root / "snap/amazon-ssm-agent/x1/meta/snap.yaml").write_text(f"apps:\n  x:\n    version: 1\n{line}\n")
    assert query(root) == [INSTALLED]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "has not the shape"),
        ('{"data": {"snaps": []}}', "has not the shape"),
        ('{"data": {"snaps": {"x": 1}}}', "has not the shape"),
        ('{"data": {"snaps": {"aws-cli": {"current": "7", "active": true}}}}', "version of aws-cli is not to be seen"),
    ],
)
def test_without_the_daemon_a_damaged_state_is_an_error(root: Path, state: str, words: str) -> None:
    (root / "var/lib/snapd/state.json").write_text(state)
    with pytest.raises(PackageError, match=words) as caught:
        query(root)
    assert caught.value.remedy


def test_no_snaps_ever(root: Path) -> None:
    (root / "var/lib/snapd/state.json").write_text('{"data": {}}')
    assert query(root) == []


def test_links_do_not_lead_out_of_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("version: 9.9\n")
    yaml = root / "snap/amazon-ssm-agent/x1/meta/snap.yaml"
    yaml.unlink()
    yaml.symlink_to(tmp_path / "outside")
    with pytest.raises(PackageError, match="is not to be seen"):
        query(root)


LISTED = """cat <<'END'
Name              Version    Rev   Tracking       Publisher   Notes
amazon-ssm-agent  3.3.0.0    7993  latest/stable  aws**       classic
amazon-ssm-agent  3.2.0.0    7528  latest/stable  aws**       disabled,classic
core22            20240111   1122  latest/stable  canonical** base
END"""


def test_by_the_command_on_the_running_system(tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_S", SOON_S)
    tool("snap", LISTED)
    found = SNAP._by_command(Path("/"), SOON_S)
    assert [(each.name, each.version, each.status) for each in found] == [
        ("amazon-ssm-agent", "3.3.0.0", "installed"),
        ("amazon-ssm-agent", "3.2.0.0", "unpacked"),
        ("core22", "20240111", "installed"),
    ]
    tool("snap", "echo 'No snaps are installed yet. Try snap install hello-world.' >&2")
    assert SNAP._by_command(Path("/"), SOON_S) == []


@pytest.mark.parametrize("script", ["exit 3", "echo rubbish", "exec sleep 60", "echo 'Name Version'; echo 'a b'"])
def test_a_command_that_does_not_do_its_work(tool, script: str) -> None:
    tool("snap", script)
    with pytest.raises(PackageError):
        SNAP._by_command(Path("/"), 0.5)


def test_no_snapd_is_not_the_same_as_not_allowed_to_look(tmp_path: Path, root: Path) -> None:
    assert not SNAP.present(tmp_path / "none")
    assert SNAP.present(root)


def test_a_socket_outside_of_the_root_is_not_spoken_to(root: Path, tmp_path: Path) -> None:
    with snapd(tmp_path, answer([AGENT])) as asked:
        (root / "run").mkdir()
        (root / "run/snapd.socket").symlink_to("../../run/snapd.socket")
        assert query(root) == [INSTALLED]  # by what is on disk
    assert asked == []


@pytest.mark.parametrize("name", ["a\ud800", "../../x", "x" * 5000])
def test_names_in_the_state_that_no_snap_has(root: Path, name: str) -> None:
    (root / "var/lib/snapd/state.json").write_text(json.dumps({"data": {"snaps": {name: {"current": "\ud800"}}}}))
    with pytest.raises(PackageError):
        query(root)


def test_a_length_that_is_none(root: Path) -> None:
    with snapd(root, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n"):
        assert query(root) == [INSTALLED]
