"""The kernel's own tracing, on this very machine: connections over loopback, in a network namespace of the tests."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from soon import SOON_S

from imds_probe.watch import tracepoint as module_of_connects
from imds_probe.watch import tracing as module
from imds_probe.watch.tracepoint import EVENT, Connect, Tracepoint
from imds_probe.watch.tracing import Firing


def connects(traced: Tracepoint, count: int) -> list[Connect]:
    found: list[Connect] = []
    deadline = time.monotonic() + SOON_S
    while len(found) < count and time.monotonic() < deadline:
        found += traced.connects()
    return found


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_connects_from_where_to_where(family: int, address: str) -> None:
    with (
        socket.create_server((address, 0), family=family) as server,
        Tracepoint(server.getsockname()[1]) as traced,
    ):
        before = time.monotonic_ns()
        with socket.create_connection(server.getsockname()[:2]) as client:
            (seen,) = connects(traced, 1)
            assert seen[1:] == (threading.get_native_id(), address, client.getsockname()[1], address)
            assert before < seen.at < time.monotonic_ns()
        assert list(traced.connects()) == []


def test_a_socket_of_ipv6_that_talks_ipv4() -> None:
    """As Java's are."""
    with socket.create_server(("127.0.0.1", 0)) as server, Tracepoint(server.getsockname()[1]) as traced:
        with socket.socket(socket.AF_INET6) as client:
            client.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
            (seen,) = connects(traced, 1)
    assert (seen.local, seen.remote) == ("127.0.0.1", "127.0.0.1")


def test_threads_on_all_cpus_each_by_its_own_number() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=500) as server,
        Tracepoint(server.getsockname()[1]) as traced,
    ):
        made: dict[int, int] = {}

        def connect() -> None:
            for _ in range(20):
                with socket.create_connection(server.getsockname()) as client:
                    made[client.getsockname()[1]] = threading.get_native_id()

        threads = [threading.Thread(target=connect) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = {each.port: each.tid for each in connects(traced, 160)}
    assert seen == made


def test_another_port_is_not_seen_and_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        with Tracepoint(server.getsockname()[1]) as traced:
            instance = traced.instance
            assert instance.is_dir()
            for each in (other, server):
                socket.create_connection(each.getsockname()).close()
            assert len(connects(traced, 1)) == 1
            kept = os.open(instance.parent, os.O_PATH)
        assert instance.name not in os.listdir(f"/proc/self/fd/{kept}")
        os.close(kept)


def test_one_of_another_pid_namespace_goes_on_tracing() -> None:
    """Its process cannot be seen from there, and is not gone."""
    elsewhere = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--", sys.executable, "-c"]
    code = "from imds_probe.watch.tracepoint import Tracepoint; Tracepoint(1, 7).close()"
    with Tracepoint(1, 6) as traced:
        subprocess.run([*elsewhere, code], check=True)
        assert (traced.instance / EVENT / "enable").read_text() == "1\n"


def test_one_that_runs_out_of_sight_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of another PID namespace is: its process is not to be seen, but it reads."""
    with socket.create_server(("127.0.0.1", 0)) as server, monkeypatch.context() as hidden:
        hidden.setattr(module.os, "getpid", lambda: 2**22 + 7)  # no such process here
        with Tracepoint(server.getsockname()[1], 32) as running:
            hidden.undo()
            with Tracepoint(99, 33):
                socket.create_connection(server.getsockname()).close()
            assert len(connects(running, 1)) == 1


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_note_without_its_addresses_is_nobodys(family: int) -> None:
    fields = {"family": (0, 2), "saddr": (4, 4), "daddr": (8, 4), "saddr_v6": (12, 16)}
    short = Firing(1, 7, EVENT, fields, family.to_bytes(2, "little") + bytes(4))
    assert module_of_connects._connect(short, short) is None


def test_fields_are_read_wherever_a_kernel_has_them() -> None:
    """All at once, and so in the order of their places."""
    record = bytes(range(1, 41))
    fields = {"last": (2, 2), "first": (20, 4), "text": (8, 3), "odd": (30, 3)}
    read = module_of_connects._reader_of(fields, {"first": int, "text": bytes, "last": int})
    assert read is not None
    assert read(record) == (int.from_bytes(record[20:24], "little"), record[8:11], 0x0403)
    with pytest.raises(struct.error):
        read(record[:23])
    in_order = module_of_connects._reader_of(fields, {"last": int, "first": int})
    assert in_order is not None and in_order(record) == (0x0403, int.from_bytes(record[20:24], "little"))
    assert module_of_connects._reader_of(fields, {"odd": int}) is None  # no number has three bytes
    assert module_of_connects._reader_of(fields, {"absent": bytes}) is None
    assert module_of_connects._reader_of({"one": (0, 4), "other": (2, 4)}, {"one": int, "other": int}) is None


def packed(*addresses: str) -> list[bytes]:
    return [socket.inet_pton(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in addresses]


def test_a_glance_sees_who_connects_and_takes_nothing_away() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tracepoint(server.getsockname()[1], 41, packed("127.0.0.1", "::1")) as traced,
    ):
        before = time.monotonic_ns()
        with socket.create_connection(server.getsockname()) as client:
            port = client.getsockname()[1]
            glances = [traced.glance()]
            while (port, packed("127.0.0.1")[0]) not in glances[-1].made:
                glances.append(traced.glance())
            assert {tid for glance in glances for tid in glance.threads} == {threading.get_native_id()}
            assert before < glances[0].until <= glances[-1].until < time.monotonic_ns()
        assert traced.glance()[1:] == (set(), set())
        (seen,) = traced.connects()
        assert (seen.tid, seen.port) == (threading.get_native_id(), port)
        assert list(traced.connects()) == []


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_kernel_leaves_out_what_goes_to_another_address(family: int) -> None:
    """Of IPv4, whatever the socket's own family is; what else goes to the port, a glance leaves out."""
    others, prefix = ("127.0.0.2", "127.0.0.1"), "::ffff:" if family == socket.AF_INET6 else ""
    with (
        socket.create_server(("", 0)) as server,
        Tracepoint(server.getsockname()[1], 42, packed("127.0.0.1", "::1")) as traced,
    ):
        for address in others:
            with socket.socket(family) as client:
                client.connect((prefix + address, server.getsockname()[1]))
                last = client.getsockname()[1]
        made, threads = set(), set()
        while not made:
            glance = traced.glance()
            made, threads = glance.made, threads | glance.threads
        assert made == {(last, packed("127.0.0.1")[0])}
        remotes = [each.remote for each in connects(traced, 1)]
        assert remotes == ["127.0.0.1"] if family == socket.AF_INET else others


def test_a_kernel_that_compares_no_addresses_notes_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_of_connects, "_of_services", lambda _: " && (daddr~1)")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tracepoint(server.getsockname()[1], 43, packed("127.0.0.9")) as traced,
    ):
        socket.create_connection(server.getsockname()).close()
        assert len(connects(traced, 1)) == 1
