"""`imds-probe watch` in the lab: real clients, short-lived, in every kind of network, all of them counted and named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imds_probe.simulator.lab.node import Node
from imds_probe.watch.tracepoint import Tracepoint

SOURCE = str(Path(__file__).parents[2])
ADDRESSES = {"ipv4": "169.254.169.254", "ipv6": "[fd00:ec2::254]"}
EACH = 10


@pytest.fixture(scope="module")
def nodes(lab) -> list[Node]:
    web = lab.add_container("w-web")
    return [lab.instance, web, lab.add_container("w-deep", "nested", inside=web), lab.add_container("w-mac", "macvlan")]


@contextmanager
def watching(lab, *arguments: str, **how) -> Iterator[dict]:
    """A watch on the instance; its lines are in the result once the block has been left."""
    result: dict = {}
    argv = [sys.executable, "-m", "imds_probe", "watch", *arguments]
    env = {"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"}
    child = lab.instance.start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    try:
        _wait_until_it_listens(child.pid)
        yield result
        time.sleep(how.get("settle_s", 0.8))
        child.send_signal(how.get("number", signal.SIGINT))
        out, err = child.communicate(timeout=20)
    finally:
        child.kill()
        child.wait()
    result |= {"pid": child.pid, "code": child.returncode, "out": out.decode(), "err": err.decode()}


def _wait_until_it_listens(pid: int) -> None:
    """A ring is a mapping of the packet socket."""
    deadline = time.monotonic() + 15
    while "socket:" not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def curl(node: Node, family: str, path: str, *, token: bool) -> int:
    """One short-lived client; its process id."""
    header = ["-H", "X-aws-ec2-metadata-token: not-a-token"] if token else []
    child = node.start(["curl", "-s", "-m", "5", "-o", "/dev/null", *header, f"http://{ADDRESSES[family]}{path}"])
    child.wait()
    return child.pid


def test_all_are_counted_with_version_and_process(lab, service, nodes):
    """Host, bridge, container in a container, macvlan; IPv4 and IPv6; with and without token."""
    service.update(hop_limit=64)
    called = {}
    with watching(lab, "--json") as watched:
        for number in range(EACH):
            for node in nodes:
                for family in ADDRESSES:
                    token = number % 2 == 0
                    path = f"/latest/meta-data/{node.name}/{family}/{number}"
                    called[path] = (
                        "v2" if token else "v1",
                        curl(node, family, path, token=token),
                        401 if token else 404,
                    )
    seen = [json.loads(line) for line in watched["out"].splitlines()]
    assert len(called) == EACH * 8
    assert {each["path"]: (each["version"], each["status"]) for each in seen} == {
        path: (version, status) for path, (version, _, status) in called.items()
    }
    assert len(seen) == len(called)  # each once
    right = [each for each in seen if each["caller"] and each["caller"]["pid"] == called[each["path"]][1]]
    assert len(right) >= 0.99 * len(called), [each for each in seen if each not in right]
    assert all(each["how"] == "tracepoint" for each in right)
    named = [each for each in right if each["caller"]["comm"] == "curl"]
    assert len(named) >= 0.7 * len(called)  # who has ended is known by its number alone
    assert "not-a-token" not in watched["out"] + watched["err"]
    assert f"{EACH * 4} calls by IMDSv1, {EACH * 4} by IMDSv2" in watched["err"]
    assert watched["code"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_nothing_in_the_kernel(lab, service, number):
    with watching(lab, number=number) as watched:
        curl(lab.instance, "ipv4", "/latest/meta-data/", token=False)
    with Tracepoint(80, 99) as looking:
        assert f"imds-probe-{watched['pid']}-0" not in os.listdir(looking._instance.parent)
    assert watched["code"] == 0
    assert "1 calls by IMDSv1" in watched["out"]


def test_a_line_a_call_and_a_summary(lab, service):
    with watching(lab, "--v1-only") as watched:
        pid = curl(lab.instance, "ipv4", "/latest/dynamic/x", token=False)
        curl(lab.instance, "ipv4", "/latest/dynamic/y", token=True)
    line, counted, header, row = watched["out"].splitlines()
    assert f" v1 404 GET /latest/dynamic/x by curl[{pid}] /usr/bin/curl" in line
    assert 'user-agent="curl/' in line
    assert counted.startswith("1 calls by IMDSv1, 0 by IMDSv2 in ")
    assert header.split()[:3] == ["version", "calls", "refused"]
    assert row.split()[:2] == ["v1", "1"]


def test_several_on_one_connection_and_refused_ones(lab, service):
    service.update(http_tokens="required")
    urls = [f"http://169.254.169.254/latest/meta-data/{name}" for name in ("a", "b", "c")]
    with watching(lab, "--json") as watched:
        child = lab.instance.start(["curl", "-s", *(part for url in urls for part in ("-o", "/dev/null", url))])
        child.wait()
    seen = [json.loads(line) for line in watched["out"].splitlines()]
    assert [(each["path"][-1], each["version"], each["status"]) for each in seen] == [
        (name, "v1", 401) for name in ("a", "b", "c")
    ]
    assert {each["caller"]["pid"] for each in seen} == {child.pid}


def test_the_probe_itself_is_seen_as_itself(lab, service, run):
    with watching(lab, "--json") as watched:
        ran = run()
    seen = [json.loads(line) for line in watched["out"].splitlines()]
    v1 = [each for each in seen if each["version"] == "v1"]
    assert len(v1) == ran.report["probe"]["imdsv1_requests_made"] == 1
    assert len(seen) - 1 == ran.report["probe"]["imdsv2_requests_made"]


def test_for_a_while_and_without_a_right(lab, service):
    argv = [sys.executable, "-m", "imds_probe", "watch", "--for", "1s"]
    started = time.monotonic()
    done = lab.instance.run(argv, timeout_s=20, env={"PYTHONPATH": SOURCE})
    assert (done.returncode, time.monotonic() - started < 8) == (0, True)
    assert b"nobody has called yet" in done.stdout
    without = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", *argv]
    done = lab.instance.run(without, timeout_s=20, env={"PYTHONPATH": SOURCE})
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines()[-1] == (
        "imds-probe: packets cannot be captured: Operation not permitted. Run as root."
    )


@pytest.mark.parametrize("tracing", [True, False])
def test_long_lived_ones_are_named_without_the_tracepoint_too(lab, service, nodes, tracing):
    """By the socket's owner, in whichever network namespace it is."""
    script = f"""
import json, os, time
from imds_probe.watch.watcher import Watcher
with Watcher(tracing={tracing}) as watcher:
    print("ready", flush=True)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        for seen in watcher.calls(0.2):
            print(json.dumps([seen.path, seen.caller.pid if seen.caller else None, seen.how]), flush=True)
"""
    client = (
        "import socket, time; s = socket.create_connection(('169.254.169.254', 80)); time.sleep(0.3);"
        "s.sendall(b'GET /latest/long HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); time.sleep(1)"
    )
    child = lab.instance.start(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"}
    )
    assert child.stdout
    assert child.stdout.readline() == b"ready\n"
    clients = [node.start([sys.executable, "-c", client]) for node in nodes[:2]]
    pids = {each.pid for each in clients}
    for each in clients:
        each.wait()
    lines = [json.loads(line) for line in child.stdout.read().splitlines()]
    child.wait()
    assert {pid for _, pid, _ in lines} == pids
    assert {how for _, _, how in lines} == {"tracepoint" if tracing else "sock_diag"}
