"""`imds-probe watch` in the lab: real clients, short-lived, in every kind of network, all of them counted and named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from docs_commands import OURS as OF_PAGES
from soon import SOON_S
from watching import SOURCE, numbered, watching

from imds_probe import exitcodes
from imds_probe.simulator.lab.node import Node
from imds_probe.watch.call_meaning import OURS
from imds_probe.watch.tracepoint import Tracepoint

ADDRESSES = {"ipv4": "169.254.169.254", "ipv6": "[fd00:ec2::254]"}
EACH = 17  # of each kind: 204 clients


@pytest.fixture(scope="module")
def nodes(lab) -> list[Node]:
    web = lab.add_container("w-web")
    deep, mac = lab.add_container("w-deep", "nested", inside=web), lab.add_container("w-mac", "macvlan")
    return [lab.instance, web, deep, mac, lab.add_container("w-host", "host")]


def curl(node: Node, family: str, path: str, *, token: bool, before: tuple[str, ...] = ()) -> int:
    """One short-lived client; its process id."""
    header = ["-H", "X-aws-ec2-metadata-token: not-a-token"] if token else []
    child = node.start(
        [*before, "curl", "-s", "-m", f"{SOON_S:g}", "-o", "/dev/null", *header, f"http://{ADDRESSES[family]}{path}"]
    )
    child.wait()
    return child.pid


@pytest.mark.parametrize("words", [words for words in OF_PAGES if words[0] == "watch"], ids=" ".join)
def test_the_commands_of_the_pages_run(lab, service, words):
    with watching(lab, *words[1:]) as watched:
        pid = curl(lab.instance, "ipv4", numbered(7), token=False)
    assert watched.code == 0, watched.err
    assert numbered(7) in watched.out
    assert str(pid) in watched.out


def test_all_are_counted_with_version_and_process(lab, service, nodes):
    """Host, bridge, container in a container, macvlan, host network, user namespace; IPv4 and IPv6; with and without token."""
    service.update(hop_limit=64)
    called = {}
    with watching(lab, "--json") as watched:
        for number in range(EACH):
            for node in nodes:
                for family in ADDRESSES:
                    token = number % 2 == 0
                    path = numbered(len(called))
                    pid = curl(node, family, path, token=token)
                    called[path] = ("v2" if token else "v1", pid, 401 if token else 404)
            for family in ADDRESSES:  # root in a user namespace of its own, as rootless containers are
                path = numbered(len(called))
                pid = curl(lab.instance, family, path, token=False, before=("unshare", "--user", "--map-root-user"))
                called[path] = ("v1", pid, 404)
    seen = watched.calls
    assert len(called) == EACH * 12
    assert {each["path"]: (each["version"], each["status"]) for each in seen} == {
        path: (version, status) for path, (version, _, status) in called.items()
    }
    assert len(seen) == len(called)  # each once
    right = [each for each in seen if each["caller"] and each["caller"]["pid"] == called[each["path"]][1]]
    assert len(right) >= 0.99 * len(called), [each for each in seen if each not in right]
    assert all(each["how"] == "tracepoint" for each in right)
    named = [each for each in right if (each["caller"]["comm"], each["caller"]["exe"]) == ("curl", "/usr/bin/curl")]
    assert len(named) >= 0.99 * len(called)  # also who had ended by the time it was looked at
    assert "not-a-token" not in watched.out + watched.err
    by_v1 = sum(version == "v1" for version, _, _ in called.values())
    assert f"{by_v1} IMDSv1 calls and {len(called) - by_v1} IMDSv2 calls in " in watched.err
    assert watched.code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_nothing_in_the_kernel(lab, service, number):
    with watching(lab, number=number) as watched:
        curl(lab.instance, "ipv4", "/latest/meta-data/", token=False)
    with Tracepoint(80, 99) as looking:
        left = os.listdir(looking.instance.parent)
    assert not [name for name in left if name.startswith(f"imds-probe-{watched.pid}-")]
    assert watched.code == 0
    assert "1 IMDSv1 call and " in watched.out


def test_a_line_a_call_and_a_summary(lab, service):
    with watching(lab, "--v1-only") as watched:
        pid = curl(lab.instance, "ipv4", numbered(1), token=False)
        curl(lab.instance, "ipv4", numbered(2), token=True)
    # How many lines the table has depends on what curl is called, which may have ended before it was looked at.
    line, counted, header, *table = watched.out.splitlines()
    assert f" v1 404 GET {numbered(1)} by curl[{pid}] /usr/bin/curl" in line
    assert 'user-agent="curl/' in line
    assert counted.startswith("1 IMDSv1 call and 0 IMDSv2 calls in ")
    assert header.split()[:3] == ["version", "calls", "refused"]
    assert [row.split()[:2] for row in table if row.split()[:1] == ["v1"]] == [["v1", "1"]]


STEADY = """
import select, socket, sys
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    with socket.create_connection(("169.254.169.254", 80)) as client:
        client.sendall(b"GET /latest/meta-data/hostname HTTP/1.1\\r\\n\\r\\n")
        while client.recv(65536):
            pass
"""


def test_short_lived_ones_are_named_beside_one_that_calls_all_the_time(lab, service, nodes):
    """Of which the calls are read many at a time."""
    with watching(lab, "--json") as watched:
        steady = lab.instance.start(
            [sys.executable, "-c", STEADY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": SOURCE}
        )
        assert steady.stdout.readline() == b"ready\n"
        called = {numbered(number): nodes[number % 3] for number in range(15)}
        pids = {path: curl(node, "ipv4", path, token=False) for path, node in called.items()}
        steady.communicate(b"\n")
    seen = {each["path"]: each for each in watched.calls if each["path"] in pids}
    assert {path: each["caller"] and each["caller"]["pid"] for path, each in seen.items()} == pids
    assert {each["caller"]["exe"] for each in seen.values()} == {"/usr/bin/curl"}
    others = {each["caller"] and each["caller"]["pid"] for each in watched.calls if each["path"] not in pids}
    assert others == {steady.pid}


SAME_PORT = """
import socket, sys
for path in sys.argv[2:]:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("", int(sys.argv[1])))
    client.connect(("169.254.169.254", 80))
    client.sendall(f"GET {path} HTTP/1.1\\r\\n\\r\\n".encode())
    while client.recv(65536):
        pass
    client.close()
"""


def test_the_same_port_in_several_networks_at_a_time(lab, service, nodes):
    """Address and time tell them apart, read at once or late, also where the address is lost behind the NAT of a container."""
    service.update(hop_limit=64)
    host, web, deep, mac, _ = nodes
    pids = {}
    with watching(lab, "--json") as watched:
        for turn in range(8):
            # Not both of one and the container inside it: a port that is taken there is translated to another.
            for port, node in ((41000, host), (41000, web), (41000, mac), (41001, host), (41001, deep), (41001, mac)):
                paths = [numbered(len(pids)), numbered(len(pids) + 1)]
                child = node.start([sys.executable, "-c", SAME_PORT, str(port), *paths])
                child.wait()
                pids |= dict.fromkeys(paths, child.pid)
            # For four turns it gets no time, as on a host that is busy, and then all at once.
            os.kill(watched.pid, signal.SIGSTOP if turn == 2 else signal.SIGCONT if turn == 6 else 0)
    seen = {each["path"]: each["caller"] and each["caller"]["pid"] for each in watched.calls}
    assert len(seen) == 8 * 6 * 2
    assert seen == pids


def test_several_on_one_connection_and_refused_ones(lab, service):
    service.update(http_tokens="required")
    urls = [f"http://169.254.169.254/latest/meta-data/{name}" for name in ("ami-id", "hostname", "mac")]
    with watching(lab, "--json") as watched:
        child = lab.instance.start(["curl", "-s", *(part for url in urls for part in ("-o", "/dev/null", url))])
        child.wait()
    seen = watched.calls
    assert [(each["path"].rpartition("/")[2], each["version"], each["status"]) for each in seen] == [
        (name, "v1", 401) for name in ("ami-id", "hostname", "mac")
    ]
    assert {each["caller"]["pid"] for each in seen} == {child.pid}


@pytest.mark.parametrize("privileged", [True, False], ids=["capture", "minttl"])
def test_the_probe_itself_is_seen_as_itself(lab, service, run, privileged):
    with watching(lab, "--json") as watched:
        ran = run(privileged=privileged)
    seen = watched.calls
    assert all(each["user_agent"].startswith(OURS) for each in seen), seen
    v1 = [each for each in seen if each["version"] == "v1"]
    assert len(v1) == ran.report["probe"]["imdsv1_requests_made"] == 1
    assert len(seen) - 1 == ran.report["probe"]["imdsv2_requests_made"]


def test_for_a_while_and_without_a_right(lab, service):
    argv = [sys.executable, "-m", "imds_probe", "watch", "--for", "1s"]
    started = time.monotonic()
    done = lab.instance.run(argv, timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE})
    assert (done.returncode, time.monotonic() - started < SOON_S) == (0, True)
    assert b"No calls yet." in done.stdout
    without = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", *argv]
    done = lab.instance.run(without, timeout_s=2 * SOON_S, env={"PYTHONPATH": SOURCE})
    assert (done.returncode, done.stdout) == (exitcodes.UNAVAILABLE, b"")
    assert done.stderr.decode().splitlines()[-1] == (
        "imds-probe: packets cannot be captured: Operation not permitted. Run as root. See docs/callers.md."
    )


@pytest.mark.parametrize("tracing", [True, False])
def test_long_lived_ones_are_named_without_the_tracepoint_too(lab, service, nodes, tracing):
    """By the socket's owner, in whichever network namespace it is."""
    script = f"""
import json, select, sys
from imds_probe.watch.watcher import Watcher
with Watcher(tracing={tracing}) as watcher:
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        for seen in watcher.calls(0.2):
            print(json.dumps([seen.path, seen.caller.pid if seen.caller else None, seen.how]), flush=True)
"""
    client = (
        "import socket, sys, time; s = socket.create_connection(('169.254.169.254', 80)); time.sleep(0.3);"
        "s.sendall(b'GET /latest/long HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); sys.stdin.read()"
    )
    child = lab.instance.start(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PYTHONPATH": SOURCE}
    )
    assert child.stdin and child.stdout
    assert child.stdout.readline() == b"ready\n"
    clients = [node.start([sys.executable, "-c", client], stdin=subprocess.PIPE) for node in nodes[:2]]
    pids = {each.pid for each in clients}
    lines = [json.loads(child.stdout.readline()) for _ in clients]
    for each in clients:  # until now, so that it is there when it is looked at
        each.communicate()
    assert child.communicate(timeout=SOON_S)[0] == b""
    assert {pid for _, pid, _ in lines} == pids
    assert {how for _, _, how in lines} == {"tracepoint" if tracing else "sock_diag"}
