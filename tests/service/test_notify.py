from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.service import notify
from imds_probe.service.notify import ServiceManager


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(SOON_S)
        yield sock


def test_what_systemd_is_told(listening: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": listening.getsockname(), "WATCHDOG_USEC": "30000"})
    manager.ready("watching")
    assert listening.recv(200) == b"READY=1\nSTATUS=watching"
    earlier = time.monotonic_ns() // 1000
    manager.reloading()
    before = time.monotonic_ns() // 1000
    said = listening.recv(200).decode()
    assert said.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert earlier <= int(said.rpartition("=")[2]) <= before
    manager.stopping()
    assert listening.recv(200) == b"STOPPING=1"


def test_the_watchdog_is_fed_in_time_and_not_at_each_turn(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(notify.time, "monotonic", lambda: now)
    manager = ServiceManager({"NOTIFY_SOCKET": listening.getsockname(), "WATCHDOG_USEC": "300000"})
    assert manager.feed_every_s == pytest.approx(0.1)
    for _ in range(5):
        manager.alive()
    now += 0.06
    manager.alive()
    assert listening.recv(200) == b"WATCHDOG=1"
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.recv(200)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)},
    ],
)
def test_without_a_watchdog_of_ours_there_is_nothing_to_feed(environ: dict[str, str]) -> None:
    assert ServiceManager(environ).feed_every_s is None


def test_in_an_abstract_name_and_where_nobody_listens() -> None:
    name = f"imds-probe-test-{os.getpid()}"
    manager = ServiceManager({"NOTIFY_SOCKET": f"@{name}"})
    manager.stopping()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        manager.stopping()
        assert sock.recv(100) == b"STOPPING=1"
