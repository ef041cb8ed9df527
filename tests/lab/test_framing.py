"""Who sends raw packets accuses nobody: nobody is held to have sent them, and they do not vanish."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from forging import BOTH_ENDS, BY_HAND, FLOOD, ONE_PACKET, forging
from soon import SOON_S
from watching import watching

from imds_probe.simulator.lab.node import Node

KEPT_OPEN = """
import socket, sys
client = socket.socket()
client.bind(("", int(sys.argv[1])))
client.connect(("169.254.169.254", 80))
print("connected", flush=True)
sys.stdin.readline()
client.sendall(b"GET /latest/meta-data/hostname HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
client.recv(65536)
"""
REAL = "/latest/meta-data/hostname"
CONFIRMED_NOT = "unconfirmed requests by IMDSv1, which may be forged: "


@pytest.fixture(scope="module")
def forger(lab) -> Node:
    return lab.add_container("w-forger")


@pytest.fixture(scope="module")
def victim(lab) -> Node:
    return lab.add_container("w-victim")


def ran(node: Node, script: str, *arguments: object) -> None:
    done = node.run(forging(script, *arguments), timeout_s=SOON_S)
    assert (done.returncode, done.stderr) == (0, b"")


def in_veth(lab, node: Node) -> str:
    """The lab gives a container's end the number of its address."""
    return f"veth{node.ipv4.rpartition('.')[2]}"


# A port each: whoever closes first may not have the same one again for a minute.
@pytest.mark.parametrize(("script", "port"), [(ONE_PACKET, 42010), (BOTH_ENDS, 42011)], ids=["request", "both ends"])
@pytest.mark.parametrize("as_whom", ["instance", "w-victim", "w-forger"])
def test_a_forged_request_accuses_nobody(lab, service, forger, victim, script, port, as_whom):
    """While the one whose address and port it has holds a connection, of which it could be taken to be."""
    whose = lab.nodes[as_whom]
    with watching(lab, "--json") as watched:
        child = whose.start([sys.executable, "-c", KEPT_OPEN, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"connected\n"
        ran(forger, script, whose.ipv4, port)
        child.communicate(b"\n")
    (call,) = watched.calls
    assert (call["path"], call["caller"]["pid"], call["status"]) == (REAL, child.pid, 200)
    assert f"{CONFIRMED_NOT}came in by {in_veth(lab, forger)}" in watched.err
    assert f"source address {whose.ipv4}" in watched.err
    assert "1 IMDSv1 call and 0 IMDSv2 calls" in watched.err
    assert "1 more request by IMDSv1 could not be confirmed." in watched.err


def test_who_makes_a_connection_by_hand_is_nobody_that_is_known(lab, service, forger):
    """The service answers it, so it is a call. It is not of the host's process that used the same port just then."""
    with watching(lab, "--json") as watched:
        rule = "add table ip t; add chain ip t o { type filter hook output priority 0; }; add rule ip t o tcp flags rst drop"
        assert forger.run(["nft", rule], timeout_s=SOON_S).returncode == 0
        try:
            hand = forger.start(
                forging(BY_HAND, forger.ipv4, 42001),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert hand.stdout.readline() == b"ready\n"
            child = lab.instance.start(
                [sys.executable, "-c", KEPT_OPEN, "42001"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert child.stdout.readline() == b"connected\n"
            assert hand.communicate(b"\n", timeout=SOON_S)[1] == b""
            child.communicate(b"\n")
        finally:
            forger.run(["nft", "delete table ip t"], timeout_s=SOON_S)
    callers = {call["path"] == REAL: call["caller"] and call["caller"]["pid"] for call in watched.calls}
    assert callers == {True: child.pid, False: None}


def test_one_that_was_open_before_the_watch_counts(lab, service, victim):
    held = {}
    for port, node in enumerate((lab.instance, victim), 42100):
        held[node.name] = node.start(
            [sys.executable, "-c", KEPT_OPEN, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert held[node.name].stdout.readline() == b"connected\n"
    with watching(lab, "--json") as watched:
        for child in held.values():
            child.communicate(b"\n")
    assert [call["path"] for call in watched.calls] == [REAL] * 2
    assert "could not be confirmed" not in watched.err


# The last one has room as a whole, whatever else the machine does: each packet is seen seven times on its way.
FLOODS = (5000, 5000, 400)


def test_a_flood_is_said_once_and_real_calls_beside_it_are_counted(lab, service, forger):
    """What a busy machine has no time for is said, and the next flood is tried: none is passed over in silence."""
    for sent in FLOODS:
        with watching(lab, "--json", settle_s=3) as watched:
            flood = forger.start(forging(FLOOD, "-", 0, sent))
            curls = [["curl", "-s", "-o", "/dev/null", f"http://169.254.169.254{REAL}"]] * 20
            pids = [child.pid for child in map(lab.instance.start, curls) if child.wait() == 0]
            assert flood.wait(timeout=SOON_S) == 0
        assert len(pids) == len(curls)
        called = [call["caller"]["pid"] for call in watched.calls]
        assert sorted(called) == sorted(set(called) & set(pids))
        said = [line for line in watched.err.splitlines() if CONFIRMED_NOT in line]
        assert len(said) == 1
        unconfirmed = counted(" more requests by IMDSv1 could not be confirmed.", watched.err)
        too_fast = counted(" packets came too fast to be inspected.", watched.err)
        assert unconfirmed <= sent <= unconfirmed + too_fast, watched.err
        if not too_fast:
            break
    assert not too_fast, watched.err
    assert sorted(called) == sorted(pids)
    assert {call["caller"]["exe"] for call in watched.calls} == {shutil.which("curl")}


def counted(words: str, said: str) -> int:
    """The number before these words, 0 where they are not said."""
    number = said.partition(words)[0].rpartition(" ")[2]
    return int(number) if number.isdigit() else 0


MOUNTED_OVER = (
    "mount --bind {copy} {over} && exec {over} -s -o /dev/null http://169.254.169.254/latest/meta-data/hostname"
)


def test_a_user_who_mounts_over_a_program_is_not_taken_for_it(lab, service):
    """With a user namespace of his own, in which he may mount."""
    curl, over = shutil.which("curl"), shutil.which("nsenter")
    user = [
        "setpriv",
        "--reuid=4242",
        "--regid=4242",
        "--clear-groups",
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
    ]
    with watching(lab, "--json") as watched:
        child = lab.instance.start([*user, "sh", "-c", MOUNTED_OVER.format(copy=curl, over=over)])
        assert child.wait() == 0
    (call,) = watched.calls
    assert (call["path"], call["caller"]["pid"]) == (REAL, child.pid)
    assert call["caller"]["on_host"] is False
    assert f" {over} (not verified) " in watched.err


def test_a_run_that_watched_says_what_was_forged_and_accuses_nobody(lab, service, forger, run, tmp_path):
    """As often as it takes: the run says itself when it watches."""
    service.update(http_tokens="optional")
    over = tmp_path / "over"
    *begin, packet = ONE_PACKET.splitlines()
    forge = f"import os, time\nwhile not os.path.exists({str(over)!r}):\n {packet}\n time.sleep(0.2)\n"
    child = forger.start(forging("\n".join([*begin, forge]), lab.instance.ipv4, 42200))
    ran = run("--watch", "8s")
    over.touch()
    assert child.wait(timeout=SOON_S) == 0
    callers = ran.report["callers"]
    assert (callers["imdsv1"], callers["observed_s"]) == (0, 0)
    assert callers["unconfirmed"] > 0
    (finding,) = [each for each in ran.report["findings"] if each["id"] == "requests-not-confirmed"]
    assert in_veth(lab, forger) in finding["evidence"][0]
    assert not ran.finding_ids & {"imdsv1-caller", "imdsv1-fallback"}
