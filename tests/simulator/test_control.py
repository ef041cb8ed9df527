"""The control socket, with curl as its users have it."""

import json
import socket
import stat
import threading
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.errors import ProbeError
from imds_probe.simulator import control as module
from imds_probe.simulator.control import Control
from imds_probe.simulator.server import Simulator
from imds_probe.system import process


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "control"


@pytest.fixture
def controlled(simulate, path):
    simulator = simulate()
    with Control(simulator, path):
        yield simulator


def curl(path, *arguments):
    """(HTTP status, JSON) of a call as the documentation has it."""
    done = process.run(["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", str(path), *arguments], timeout_s=SOON_S)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), json.loads(body)


def test_the_state_is_read_and_changed(controlled, path, client):
    assert curl(path, "http://localhost/state") == (200, json.loads(json.dumps(controlled.state.to_mapping())))
    patch = ["-X", "PATCH", "-d", '{"http_tokens":"required","hop_limit":3}', "http://localhost/state"]
    status, state = curl(path, *patch)
    assert (status, state["http_tokens"], state["hop_limit"]) == (200, "required", 3)
    assert client.get(controlled, "/").status == 401


def test_counts_and_reset(controlled, path, client):
    client.get(controlled, "/")
    status, counts = curl(path, "http://localhost/counts")
    assert (status, counts["imdsv1"], counts["by_status"]) == (200, 1, {"200": 1})
    assert curl(path, "-X", "POST", "http://localhost/reset")[1]["total"] == 0
    assert controlled.counts.total == 0


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"http_token":"x"}', "http_token"),
        ('{"hop_limit":0}', "hop_limit"),
        ("{", "JSON"),
        ("[]", "object"),
        ("", "JSON"),
    ],
)
def test_bad_changes_are_explained(controlled, path, body, named):
    before = controlled.state
    status, reply = curl(path, "-X", "PATCH", "-d", body, "http://localhost/state")
    assert status == 400
    assert named in reply["error"]
    assert controlled.state == before


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/"), ("PATCH", "/counts"), ("POST", "/state"), ("GET", "/reset")]
)
def test_what_is_not_there(controlled, path, method, target):
    status, reply = curl(path, "-X", method, "-d", "{}", f"http://localhost{target}")
    assert status == 404
    assert "PATCH /state" in reply["error"]


@pytest.mark.parametrize("length", [b"", b"Content-Length: x\r\n", b"Content-Length: 9999999\r\n"])
def test_lengths_are_bounded(controlled, path, length):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(SOON_S)
        sock.connect(str(path))
        sock.sendall(b"PATCH /state HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n")
        assert b" 411 " in sock.recv(4096)


def test_a_silent_caller_does_not_lock_others_out(controlled, path, monkeypatch):
    monkeypatch.setattr(module._Handler, "timeout", 0.3)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        assert curl(path, "http://localhost/counts")[0] == 200


def test_a_caller_that_leaves_is_no_trouble(controlled, path, capfd):
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"GET /state HTTP/1.1\r\n\r\n")
    assert curl(path, "http://localhost/counts")[0] == 200
    assert capfd.readouterr().err == ""


def test_the_socket_is_its_owners_and_goes_with_the_server(path):
    threads = threading.active_count()
    with Control(Simulator(), path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(ProbeError, match="served by another process"):
            Control(Simulator(), path).start()
    assert not path.exists()
    assert threading.active_count() == threads


def test_a_socket_left_behind_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with Control(Simulator(), path):
        assert curl(path, "http://localhost/counts")[0] == 200


def test_anything_else_is_left_alone(path):
    path.write_text("mine")
    with pytest.raises(ProbeError, match="is not a socket"):
        Control(Simulator(), path).start()
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["missing/control", "x" * 200])
def test_paths_that_cannot_be(tmp_path, name):
    with pytest.raises(ProbeError, match="cannot make the socket"):
        Control(Simulator(), tmp_path / name).start()
