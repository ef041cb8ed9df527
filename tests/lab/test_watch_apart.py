"""`imds-probe watch` and a run in the lab, with containers whose packets never come by the host's network."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from soon import SOON_S, wait_for
from watching import SOURCE, numbered, watching

from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.node import Node

ADDRESSES = ("169.254.169.254", "[fd00:ec2::254]")
URL = "http://169.254.169.254/latest/meta-data/instance-id"
EACH = 5
PATHS = ("/latest/meta-data/instance-id", "/latest/meta-data/hostname")
# Asks by IMDSv1 for each path that a line of its standard input names, and says when it has the answer.
ASKING = """
import sys, urllib.request
print("ready", flush=True)
for line in sys.stdin:
    urllib.request.urlopen("http://169.254.169.254" + line.strip(), timeout=60).read()
    print("asked", flush=True)
"""
POLLING = f"""#!/bin/sh
while :; do
  curl -s -m {SOON_S:g} {URL} >/dev/null
  sleep 0.2
done
"""


def curl(node: Node, address: str, path: str, *more: str) -> subprocess.CompletedProcess[bytes]:
    done = node.run(["curl", "-s", "-m", f"{SOON_S:g}", *more, f"http://{address}{path}"], timeout_s=2 * SOON_S)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def nodes(lab) -> dict[str, Node]:
    """One of them has a way through the host besides, which is the one that its requests take."""
    task = lab.add_container("a-task", "awsvpc")
    both = lab.add_container("a-both")
    own = f"link add own type veth peer name eth1 netns {both.netns.name}"
    plumbing.ip_batch(lab.service.netns, [own, "link set own up"])
    plumbing.ip_batch(both.netns, ["link set eth1 up"])
    inside = lab.add_container("a-inside", "nested", inside=task)
    return {"instance": lab.instance, "task": task, "inside": inside, "both": both, "web": lab.add_container("a-web")}


def test_each_call_of_each_network_is_counted_once(lab, service, nodes):
    service.update(hop_limit=64)
    called = {}
    with watching(lab, "--json") as watched:
        for _ in range(EACH):
            for name, node in nodes.items():
                for address in ADDRESSES:
                    path = numbered(len(called))
                    called[path] = (name, node)
                    curl(node, address, path, "-o", "/dev/null")
    by_path = {each["path"]: each for each in watched.calls}
    assert Counter(each["path"] for each in watched.calls) == Counter([*called])
    assert [called[each["path"]][0] for each in watched.calls if each["how"] != "tracepoint"] == []
    assert {each["version"] for each in watched.calls} == {"v1"}
    assert "could not be confirmed" not in watched.err
    seen = {(name, by_path[path]["distance"], by_path[path]["outgoing"]) for path, (name, _) in called.items()}
    assert seen == {
        ("instance", 0, True),
        ("task", 0, False),
        ("inside", 1, False),
        ("both", 1, False),
        ("web", 1, False),
    }
    assert {by_path[path]["netns"] for path, (name, _) in called.items() if name == "task"} == {nodes["task"].inode}
    assert {by_path[path]["interface"] for path, (name, _) in called.items() if name == "task"} == {""}


def test_a_token_that_reaches_a_task_is_not_lost_and_who_is_refused_there_is_seen(lab, service, nodes):
    service.update(hop_limit=1, http_tokens="required")
    asks = ("-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60")
    with watching(lab, "--json") as watched:
        token = curl(nodes["task"], ADDRESSES[0], "/latest/api/token", *asks).stdout.decode()
        curl(nodes["task"], ADDRESSES[0], numbered(1), "-H", f"X-aws-ec2-metadata-token: {token}")
        curl(nodes["task"], ADDRESSES[0], numbered(2))
    outcomes = [(each["version"], each["status"], each["token"]) for each in watched.calls]
    assert outcomes[0] == ("v2", 200, "answered")
    assert outcomes[1][:2] == ("v2", 404)
    assert outcomes[2][:2] == ("v1", 401)


def test_an_interface_that_is_moved_to_a_task_is_watched_from_its_first_call_on(lab, service):
    """As ECS and the plug-ins of CNI do it: the task begins to run once it has its interface."""
    node = lab.add_container("a-moved")
    with watching(lab, "--json") as watched:
        lines = [f"link add eni type veth peer name its-end netns {lab.service.netns.name}"]
        plumbing.ip_batch(lab.instance.netns, [*lines, f"link set eni netns {node.netns.name}"])
        wait_for(lambda: _is_watched(node))
        _lead_over(lab, node, "eni", "its-end", "10.0.2.99")
        curl(node, ADDRESSES[0], numbered(3))
    (call,) = watched.calls
    assert (call["path"], call["netns"], call["how"]) == (numbered(3), node.inode, "tracepoint")
    assert "1 IMDSv1 call and 0 IMDSv2 calls" in watched.err


def test_who_connects_before_the_interface_was_found_is_not_silent(lab, service):
    node = lab.add_container("a-late")
    child = node.start([sys.executable, "-c", ASKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin and child.stdout and child.stdout.readline() == b"ready\n"
    with watching(lab, "--json", hasty=True) as watched:
        # Nothing leaves the host's network here, so that the kernel says nothing: it is a cable between others.
        plumbing.ip_batch(lab.service.netns, [f"link add a-cable type veth peer name eni netns {node.netns.name}"])
        _lead_over(lab, node, "eni", "a-cable", "10.0.2.98")
        for path in PATHS:
            child.stdin.write(path.encode() + b"\n")
            child.stdin.flush()
            assert child.stdout.readline() == b"asked\n"
            wait_for(lambda: _is_watched(node))
    child.communicate()
    assert [each["path"] for each in watched.calls][-1] == PATHS[-1]
    unseen = 2 - len(watched.calls)  # the first, unless it was looked for just then
    said = f"a connection to the metadata service was made where nobody watched yet from process {child.pid} ("
    assert (said in watched.err) is bool(unseen)
    assert "could not be confirmed" in watched.err or not unseen


def test_a_task_that_calls_blocks_the_switch(run, service, lab, made_up, nodes, tmp_path):
    service.update(hop_limit=2, http_tokens="optional", http_protocol_ipv6="disabled")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/poll").write_text(POLLING)
    root = made_up.container_root({"/app": tmp_path / "app"})
    made_up.start_container("task", nodes["task"], root=root, argv=["/bin/sh", "/app/poll"])
    ran = run("--watch", "6s")
    callers = ran.report["callers"]
    assert callers["imdsv1"] > 0
    assert callers["unconfirmed"] == 0
    assert ran.verdict == "not-ready"
    by = [each for each in callers["by"] if each["version"] == "v1" and not each["probe"]]
    assert sum(each["count"] for each in by) == callers["imdsv1"]
    assert {each["netns"] for each in by} == {nodes["task"].inode}
    assert "task" in {each["container"] for each in by}
    assert "imdsv1-caller" in ran.finding_ids


def test_a_daemon_that_cannot_watch_a_task_says_so_and_its_silence_settles_nothing(
    lab, service, nodes, run, host, tmp_path
):
    """As where there are more networks than it has rings for: here it has none."""
    service.update(hop_limit=2, http_protocol_ipv6="disabled", http_tokens="optional")
    (tmp_path / "sitecustomize.py").write_text("from imds_probe.watch import apart\napart.RINGS_MAX = 0\n")
    config, state, log = tmp_path / "later.toml", tmp_path / "state", tmp_path / "daemon.log"
    config.write_text('[daemon]\ninterval = "1h"\njitter = "9d"\n')
    argv = [sys.executable, "-m", "imds_probe", "daemon", "--state-directory", str(state)]
    argv += ["--root", str(host), "--config", str(config)]
    with log.open("wb") as said:
        env = {"PYTHONPATH": f"{tmp_path}:{SOURCE}"}
        daemon = lab.instance.start(argv, stdout=said, stderr=said, env=env)
    try:
        wait_for(lambda: "calls from some network namespaces may be missed: there are more than 0" in log.read_text())
        curl(nodes["task"], ADDRESSES[0], PATHS[0])
        wait_for(lambda: "was made where nobody watched yet" in log.read_text(), log.read_text)
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=SOON_S) == 0
    ran = run("--state-directory", str(state))
    # The kernel tells the daemon of all connections of this machine, also of those that other labs make meanwhile.
    assert ran.report["callers"]["unconfirmed"] >= 1
    senders = ran.report["callers"]["senders"]
    assert senders and all("made where nobody watched yet" in each for each in senders)
    (finding,) = [each for each in ran.report["findings"] if each["id"] == "requests-not-confirmed"]
    assert "came from a network that was not watched yet" in finding["summary"]


def _is_watched(node: Node) -> bool:
    """Whether a packet socket is open in its namespace, which receives packets of every protocol."""
    packet = node.run(["cat", "/proc/thread-self/net/packet"], timeout_s=SOON_S).stdout.decode().splitlines()
    return any(line.split()[3] == "0003" for line in packet[1:])


def _lead_over(lab, node: Node, here: str, there: str, address: str) -> None:
    """Requests of a node leave by its own interface."""
    plumbing.ip_batch(
        lab.service.netns,
        [
            f"addr add 169.254.169.254/32 dev {there}",
            f"link set {there} up",
            f"route add {address}/32 dev {there}",
        ],
    )
    plumbing.ip_batch(
        node.netns,
        [
            f"addr add {address}/32 dev {here}",
            f"link set {here} up",
            f"route replace 169.254.169.254/32 dev {here} src {address}",
        ],
    )
