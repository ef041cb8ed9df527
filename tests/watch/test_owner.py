from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imds_probe.watch import owner
from imds_probe.watch.owner import Owners, answered

PROC = Path("/proc")


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_has_a_connection_open(family: int, address: str) -> None:
    owners = Owners(PROC)
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        code = f"import socket; s = socket.create_connection(('{address}', {port})); print(s.getsockname()[1], flush=True); input()"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout
        own = int(child.stdout.readline())
        try:
            assert owners.owner(address, own, address, port) == child.pid
            assert owners.owner(address, own, address, port + 1) is None
        finally:
            child.communicate(b"\n")
        assert owners.owner(address, own, address, port) is None
    with (
        socket.create_server((address, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as mine,
    ):
        assert owners.owner(address, mine.getsockname()[1], address, server.getsockname()[1]) == os.getpid()
    owners.close()


def test_when_it_sent_something_is_asked_for_while_looking_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does on a busy machine: what counts is when the kernel answers."""
    owners = Owners(PROC)
    listing = owners._list
    monkeypatch.setattr(owners, "_list", lambda: (listing(), time.sleep(2 * owner.SENT_WITHIN_S)))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()[:2]) as mine,
    ):
        ends = ("127.0.0.1", mine.getsockname()[1], "127.0.0.1", server.getsockname()[1])
        before = time.time()
        mine.sendall(b"x")
        sent_at = (before + time.time()) / 2
        assert owners.owner(*ends, sent_at=sent_at) == os.getpid()
        assert owners.owner(*ends, sent_at=sent_at - 60) is None
        asked = []
        monkeypatch.setattr(owner, "answered", lambda *of: (asked.append(of[0]), answered(*of))[1])
        monkeypatch.setattr(owner, "ANSWERED_WITHIN_S", -1.0)  # when the kernel answered is never known well enough
        assert owners.owner(*ends, sent_at=sent_at) is None
        assert max(map(asked.count, asked)) == owner.ASKS
    owners.close()


def test_without_a_proc_nobody_is_found(tmp_path: Path) -> None:
    owners = Owners(tmp_path / "none")
    assert owners.owner("127.0.0.1", 1, "127.0.0.1", 2) is None
    owners.close()


def test_a_network_that_began_since_is_looked_for_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    owners, looks = Owners(PROC), []
    listing = owners._list
    monkeypatch.setattr(owners, "_list", lambda: (looks.append(1), listing()))
    try:
        owners._list()
        assert owners._not_before > owners._listed_at
        owners._listed_at = owners._not_before = float("inf")
        assert owners.owner("127.0.0.1", 1, "127.0.0.1", 2) is None
        assert len(looks) == 1
        owners._not_before = 0.0
        assert owners.owner("127.0.0.1", 1, "127.0.0.1", 2) is None
        assert len(looks) == 2
    finally:
        owners.close()


def test_a_namespace_is_entered_by_its_oldest_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest may be a caller that ends meanwhile, and with it went the whole namespace until the next look."""
    entered = []
    monkeypatch.setattr("imds_probe.watch.owner.namespaces.socket_in", lambda path, *_: entered.append(path) or mine)
    script = "sleep 60 & echo $!; wait"
    child = subprocess.Popen(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE)
    with socket.socket(socket.AF_UNIX) as mine:
        try:
            assert child.stdout
            newer = int(child.stdout.readline())
            owners = Owners(PROC)
            owners._list()
            assert PROC / str(child.pid) / "ns/net" in entered
            assert PROC / str(newer) / "ns/net" not in entered
        finally:
            os.kill(newer, signal.SIGKILL)
            child.communicate()
