"""What the watcher makes of calls whose caller is nobody here; all else is seen in the lab."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from forging import ONE_PACKET, forging
from soon import SOON_S

from imds_probe.errors import ProbeError
from imds_probe.simulator.lab.lab import Lab
from imds_probe.watch import watcher
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


UNSEEN = """
import errno, sys
from imds_probe.watch import apart
from imds_probe.watch.watcher import Watcher
def refused(*_):
    raise OSError(errno.ENOMEM, "Cannot allocate memory")
if sys.argv[1] == "refused":
    apart.Ring = refused
with Watcher(tracing=False) as watching:
    print([*watching.troubles()], flush=True)
    sys.stdin.readline()
    watching._apart._again_at = watching._apart._not_before = 0.0
    list(watching.calls(0))
    print(watching.dropped, flush=True)
    list(watching.calls(0))
    print(watching.dropped, flush=True)
"""


@pytest.mark.parametrize(("how", "lost"), [("refused", [1, 2]), ("late", [1, 1])])
def test_without_the_tracepoint_time_in_which_a_network_is_not_watched_counts_as_lost(how, lost):
    with Lab("unseen") as lab:
        if how == "refused":
            lab.add_container("task", "awsvpc")
        env = {"PYTHONPATH": str(Path(__file__).parents[2])}
        argv = [sys.executable, "-c", UNSEEN, how]
        child = lab.instance.start(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin and child.stdout
        troubles = child.stdout.readline().decode()
        if how == "late":
            lab.add_container("task", "awsvpc")
        said, _ = child.communicate(b"\n")
    assert ("may be missed: Cannot allocate memory" in troubles) is (how == "refused")
    assert "short-lived callers may stay unknown: the tracepoint is not used" in troubles
    assert [int(line) for line in said.split()] == lost


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


TWO_REQUESTS = """
import socket, sys
client = socket.create_connection(("169.254.169.254", 80))
for name in ("hostname", "instance-id"):
    client.sendall(f"GET /latest/meta-data/{name} HTTP/1.1\\r\\n\\r\\n".encode())
    client.recv(100)
print(client.getsockname()[1], flush=True)
sys.stdin.readline()
"""
ONE_AFTER_THE_OTHER = """
import sys
from imds_probe.watch import watcher
from imds_probe.watch.watcher import Watcher
watcher.HELD_S = watcher.ANSWER_WITHIN_S = 60.0
with Watcher(tracing=False) as watching:
    owner, called, calls = watching._owners.owner, watching._connections._on_call, []
    def looked_up(client, port, *given, **more):
        # At its first request nobody is found who holds the connection, and of the other client nobody ever is.
        known = [each.connection.port for each in calls]
        return owner(client, port, *given, **more) if known.count(port) > 1 and port == known[0] else None
    def noted(call):
        calls.append(call)
        called(call)
    watching._owners.owner, watching._connections._on_call = looked_up, noted
    print("ready", flush=True)
    while len(calls) < 4:
        for seen in watching.calls(0.2):
            print(seen.path, seen.caller and seen.caller.pid, flush=True)
    for seen in watching.rest():
        print(seen.path, seen.caller and seen.caller.pid, flush=True)
"""


def test_requests_on_one_connection_are_one_clients_and_those_of_another_are_not():
    """Without the tracepoint, whose a connection is may be found at its second request alone."""
    with Lab("held") as lab, lab.service.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
        service.bind(("169.254.169.254", 80))
        service.listen()
        env = {"PYTHONPATH": str(Path(__file__).parents[2])}
        child = lab.instance.start([sys.executable, "-c", ONE_AFTER_THE_OTHER], env=env, stdout=subprocess.PIPE)
        assert child.stdout
        assert child.stdout.readline() == b"ready\n"
        clients = []
        for _ in range(2):
            client = lab.instance.start(
                [sys.executable, "-c", TWO_REQUESTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            connection, _ = service.accept()
            with connection:
                for _ in range(2):
                    connection.recv(1000)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                assert client.stdout
                assert client.stdout.readline()
            clients.append(client)
        said, _ = child.communicate()
        for client in clients:
            client.communicate(b"\n")
    assert sorted(said.decode().splitlines()) == sorted(
        f"/latest/meta-data/{name} {pid}" for pid in (clients[0].pid, None) for name in ("hostname", "instance-id")
    )
