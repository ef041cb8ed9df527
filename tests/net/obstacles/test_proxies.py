"""Real processes with the proxies' names, in the real /proc."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.net.obstacles import proxies
from imds_probe.net.obstacles.obstacle import Obstacle
from imds_probe.net.obstacles.proxies import Proxy, obstacles, running
from imds_probe.system import process

PROC = Path("/proc")
LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"


@contextlib.contextmanager
def started(*argv):
    import subprocess

    child = process.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        process.stop(child)


def ours(pid):
    return [each for each in running(PROC) if each.pid == pid]


def redirect(target):
    return Obstacle("redirect", "ipv4", "nftables ip nat prerouting", "dnat", target, True, None, "prerouting")


@pytest.mark.parametrize("name", ["kube2iam", "kiam"])
def test_by_the_name_of_the_executable(tmp_path, name):
    program = tmp_path / name
    shutil.copy(shutil.which("sleep"), program)
    with started(str(program), "600") as child:
        (proxy,) = wait_for(lambda: ours(child.pid))  # exec takes a moment after fork
    assert proxy == Proxy(name, child.pid, ())


def test_by_the_name_of_the_command_and_its_port():
    rename = "import ctypes; ctypes.CDLL(None).prctl(15, b'kiam', 0, 0, 0); "
    with started(sys.executable, "-c", rename + LISTEN) as child:
        port = int(child.stdout.readline())
        (proxy,) = ours(child.pid)
    assert proxy == Proxy("kiam", child.pid, (port,))


def test_what_a_user_calls_so_takes_no_room_of_roots(tmp_path):
    """Nobody needs a right to call a process kube2iam."""
    many = 2 * proxies.PROXIES_MAX
    for pid in range(1, many):
        at = tmp_path / str(pid)
        at.mkdir()
        (at / "comm").write_text("kube2iam\n")
        os.chown(at, *((0, 0) if pid == many - 1 else (1001, 1) if pid == many - 2 else (1000, 1)))
    found = [each.pid for each in running(tmp_path)]
    assert found[:3] == [many - 1, 1, many - 2]
    assert len(found) == 1 + proxies.PROXIES_MAX


def test_one_that_a_redirect_leads_to_comes_first():
    found = obstacles([Proxy("kiam", 7, ()), Proxy("kube2iam", 9, (8181,))], [redirect("10.0.0.1:8181")])
    assert [(each.pid, each.certain) for each in found] == [(9, True), (7, False)]


def test_other_names(tmp_path):
    program = tmp_path / "kube2iam-exporter"
    shutil.copy(shutil.which("sleep"), program)
    with started(str(program), "600") as child:
        wait_for(lambda: os.readlink(f"/proc/{child.pid}/exe") == str(program))
        assert ours(child.pid) == []


def test_no_proc(tmp_path):
    assert running(tmp_path / "proc") == ()


@pytest.mark.parametrize(
    ("ports", "target", "certain", "quote"),
    [
        ((8181,), "10.0.0.5:8181", True, "kiam (pid 7), listening on port 8181"),
        ((9999,), ":9999", True, "kiam (pid 7), listening on port 9999"),
        ((9999,), "10.0.0.5:8181", False, "kiam (pid 7), listening on port 9999"),
        ((), "10.0.0.5:8181", False, "kiam (pid 7)"),
    ],
)
def test_certain_where_a_redirect_leads_to_it(ports, target, certain, quote):
    (obstacle,) = obstacles([Proxy("kiam", 7, ports)], [redirect(target)])
    assert (obstacle.kind, obstacle.certain, obstacle.quote) == ("proxy", certain, quote)
    assert obstacle.target == (f":{ports[0]}" if ports else None)


def test_a_redirect_to_their_port_alone():
    (obstacle,) = obstacles([], [redirect("10.0.0.5:8181")])
    assert (obstacle.certain, obstacle.target) == (False, ":8181")
    assert obstacles([], [redirect("10.0.0.5:80"), redirect(None), redirect("10.0.0.5")]) == []


def test_broken_tables(tmp_path):
    table = tmp_path / "tcp"
    table.write_text("  sl  local_address rem_address st\n garbage\n" + " 0: 0100007F:1FF5 0:0 0A 0 0 0 0 0 77 1\n")
    assert list(proxies._listeners(table)) == [("77", 8181)]
    assert list(proxies._listeners(tmp_path / "gone")) == []


@pytest.mark.parametrize("target", [":\u00b2", ":" + "9" * 5000, ":x", ""])
def test_a_target_without_a_port(target):
    assert obstacles([], [redirect(target)]) == []
