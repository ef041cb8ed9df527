"""A rehearsal of a whole host: its programs, a container on its network, and containers that it forwards for."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
from rehearsing import lasting_lease
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.inventory.containers.discovered import Discovery, NetworkNamespace
from imds_probe.rehearsal import host_rules, rule_watch, trying
from imds_probe.rehearsal import rules as rules_of_groups
from imds_probe.rehearsal.asking import CannotRehearse, learn
from imds_probe.rehearsal.callers import totals
from imds_probe.rehearsal.host import HostRehearsal
from imds_probe.rehearsal.trying import End
from imds_probe.rehearsal.words import left
from imds_probe.simulator.lab.host import MadeUpHost

V4, V6 = "http://169.254.169.254", "http://[fd00:ec2::254]"
# One that is led to a relay that is gone is not answered, and tries again; nor is one that is kept from the service.
IMPATIENT_S = 5.0
PUT = b"PUT /latest/api/token HTTP/1.0\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"
# One process that asks all the time, and writes down what it is answered.
ASKING = r"""
while :; do
    if exec 3<>/dev/tcp/169.254.169.254/80; then
        printf 'GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n' >&3
        read -r _ status _ <&3 && echo "$status" >> "/said/$0"
        exec 3>&-
    fi
    sleep 0.3
done
"""
# The namespaces of other labs have names on this machine, and the containers' records are below the made-up host's root.
ALONE = """
mount -t tmpfs none /run/netns
mount -t tmpfs none /var/lib
mkdir /var/lib/docker
mount --bind "$0" /var/lib/docker
exec "$@"
"""


@pytest.fixture(autouse=True)
def lasting(monkeypatch):
    """As `lasting_lease` does it for a command."""
    for module in (rules_of_groups, host_rules, trying):
        monkeypatch.setattr(module, "LEASE_S", 600.0)
    monkeypatch.setattr(trying, "FRESH_S", 10.0)


@pytest.fixture(scope="module")
def nodes(lab):
    """By how many hops away the service is: 1, 2, and one that the host has no part in."""
    return {
        "web": lab.add_container("web", "bridge"),
        "deep": lab.add_container("deep", "nested"),
        "task": lab.add_container("task", "awsvpc"),
    }


class Host:
    """The made-up host, with what its containers are answered."""

    def __init__(self, made_up: MadeUpHost, said: Path) -> None:
        self._made_up, self._said = made_up, said
        self._root = made_up.container_root({"/said": said})

    def asks(self, name: str, node=None) -> None:
        argv = ["bash", "-c", ASKING, name]
        self._made_up.start_container(name, node, argv=argv, root=self._root)
        wait_for(lambda: self.answers(name))

    def answers(self, name: str) -> list[str]:
        file = self._said / name
        return file.read_text().split() if file.exists() else []

    @contextlib.contextmanager
    def rehearse(self, *arguments):
        alone = ["unshare", "--mount", "sh", "-ec", ALONE, str(self._made_up.root / "var/lib/docker")]
        program = [sys.executable, "-m", "imds_probe", "rehearse", "--assume-ec2", "--no-v1-probe"]
        argv = [*alone, *program, *arguments]
        reading, writing = os.pipe()
        with open(reading) as file:
            try:
                pid = self._made_up.start(argv, stdout=writing, env=lasting_lease(self._said.parent))
            finally:
                os.close(writing)
            running = Running(file, self._made_up._children[pid])
            try:
                yield running
            finally:
                running.child.kill()
                running.child.wait()


class Running:
    """What a rehearsal says, as it says it."""

    def __init__(self, file, child) -> None:
        self._file, self.child, self.said = file, child, ""

    def until(self, words: str) -> None:
        while words not in self.said:
            line = self._file.readline()
            assert line, self.said
            self.said += line

    def end(self, number=signal.SIGTERM) -> int:
        if number:
            self.child.send_signal(number)
        self.said += self._file.read()
        return self.child.wait(SOON_S)


@pytest.fixture
def on_host(made_up, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    return Host(made_up, said)


def status(node, url=V4, within_s=SOON_S) -> str:
    """Of the answer to a request without a token, 000 where none comes."""
    argv = ["curl", "-s", "-g", "-m", f"{within_s:g}", "-o", "/dev/null", "-w", "%{http_code}"]
    return node.run([*argv, f"{url}/latest/meta-data/"], timeout_s=2 * SOON_S).stdout.decode()


def wait_for_status(expected: str, node, url=V4) -> None:
    wait_for(lambda: status(node, url, IMPATIENT_S) == expected)


def token(node, url, within_s) -> bool:
    """Whether a token arrives, so soon after it was asked for."""
    address = url.removeprefix("http://").strip("[]")
    answer = b""
    with (
        node.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as asking,
        contextlib.suppress(TimeoutError),
    ):
        asking.settimeout(SOON_S)
        asking.connect((address, 80))
        asking.sendall(PUT)
        asking.settimeout(within_s)
        while piece := asking.recv(65536):
            answer += piece
    return answer.endswith(b"==")


def rule_sets(node) -> list[bytes]:
    return [node.run(argv, timeout_s=SOON_S).stdout for argv in (["nft", "list", "ruleset"], ["iptables-save"])]


class Standing:
    """A rehearsal in this process, on a thread that is in the instance's network: no process of the machine is looked at."""

    def __init__(self, lab, nodes, hop_limit, proc) -> None:
        self._lab, self._hop_limit, self._proc = lab, hop_limit, proc
        self._nodes = nodes
        self._stop, self._began = threading.Event(), threading.Event()
        self.told: list[str] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=lambda: lab.instance.call(self._work))

    def _discovered(self) -> Discovery:
        there = tuple(
            NetworkNamespace(node.netns.stat().st_ino, node.netns, "named", name, (), ())
            for name, node in self._nodes.items()
        )
        return Discovery((), there, 0, 0, True, ())

    def _work(self) -> None:
        addresses = {socket.AF_INET: ("169.254.169.254", 80), socket.AF_INET6: ("fd00:ec2::254", 80)}
        rehearsal = None
        try:
            service = learn(addresses, ask_without_token=False)
            rehearsal = HostRehearsal(service, self._hop_limit, discovered=self._discovered, proc=self._proc)
            rehearsal.ready()
            self.told = rehearsal.not_rehearsed()
            self.relay = rehearsal._passing.address(socket.AF_INET)
            self._began.set()
            while not self._stop.wait(0.2):
                rehearsal.beat()
                self.told += map(left, rehearsal.leavers.look(()))
            self.seen = rehearsal.seen()
            self.ended = rehearsal.end(drained_within_s=SOON_S)
        except Exception as error:  # noqa: BLE001 - handed on
            self.error = error
            if rehearsal is not None:
                rehearsal.end(drained_within_s=0.0)
            self._began.set()

    def __enter__(self) -> Standing:
        self._thread.start()
        self._began.wait()
        if self.error is not None:
            self._thread.join()
            raise self.error
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.error is None


@pytest.fixture
def rules(lab):
    """Packet rules of somebody else's on the instance, by nft; gone afterwards."""

    def add(chain: str, rule: str) -> None:
        script = f"table ip other {{\nchain other {{\n{chain}\n{rule}\n}}\n}}\n"
        done = lab.instance.run(["nft", "-f", "-"], stdin=script.encode(), timeout_s=SOON_S)
        assert done.returncode == 0, done.stderr

    yield add
    assert lab.instance.run(["nft", "delete", "table", "ip", "other"], timeout_s=SOON_S).returncode == 0


@pytest.mark.parametrize(
    ("chain", "rule", "says"),
    [
        (
            "type nat hook prerouting priority dstnat;",
            "iifname docker0 ip daddr 169.254.169.254 tcp dport 80 dnat to 10.0.0.10:8181",
            "redirects connections to the metadata service: .*dnat to 10.0.0.10:8181",
        ),
        (
            "type filter hook output priority filter;",
            "ip daddr 169.254.169.254 meta skuid 1000 drop",
            "decides which programs reach the metadata service: .*skuid 1000 drop",
        ),
    ],
)
def test_where_a_rule_would_be_overridden_it_is_refused(lab, service, nodes, rules, tmp_path, chain, rule, says):
    rules(chain, rule)
    before = rule_sets(lab.instance)
    with pytest.raises(CannotRehearse, match=says), Standing(lab, nodes, 1, tmp_path):
        pass
    assert rule_sets(lab.instance) == before


@pytest.mark.parametrize(
    ("chain", "rule", "says"),
    [
        # What is led to the relay does not come to the hook for what is forwarded.
        (
            "type filter hook forward priority filter;",
            "ip saddr 172.17.0.99 ip daddr 169.254.169.254 drop",
            "containers are not rehearsed: a packet rule decides which of them reach",
        ),
        # The relay is on the host, which may be closed to containers.
        ("type filter hook input priority filter;", "iifname docker0 tcp dport != 53 drop", "is kept from the relay"),
    ],
)
def test_what_a_rule_closes_stays_closed_and_nobody_loses_the_service(
    lab, service, nodes, rules, tmp_path, chain, rule, says
):
    rules(chain, rule)
    with Standing(lab, nodes, 1, tmp_path) as standing:
        wait_for_status("401", lab.instance)
        assert [status(nodes[name]) for name in ("web", "deep")] == ["200"] * 2
        assert says in "\n".join(standing.told)


def test_a_rule_that_comes_up_meanwhile_opens_nothing(lab, service, nodes, rules, tmp_path, monkeypatch):
    monkeypatch.setattr(rule_watch, "EVERY_S", 0.2)
    inside = (nodes["web"], nodes["deep"])
    with Standing(lab, nodes, 1, tmp_path) as standing:
        for node in inside:
            wait_for_status("401", node)
        rules("type filter hook forward priority filter;", "ip daddr 169.254.169.254 reject with tcp reset")
        wait_for(lambda: any("not rehearsed from now on: a packet rule" in each for each in standing.told))
        assert [status(node, V4, IMPATIENT_S) for node in inside] == ["000", "000"]
        wait_for_status("401", lab.instance)
        # One for the host's own programs ends all of it.
        for line in (
            "add chain ip other mine { type filter hook output priority filter; }",
            "add rule ip other mine ip daddr 169.254.169.254 meta skuid 1000 drop",
        ):
            assert lab.instance.run(["nft", line], timeout_s=SOON_S).returncode == 0
        wait_for(lambda: standing.error is not None)
        error, standing.error = standing.error, None
    assert isinstance(error, CannotRehearse) and "decides which programs reach" in str(error)
    assert status(lab.instance) == "200"
    assert not any(b"table ip imds-probe" in each for each in rule_sets(lab.instance))


@pytest.mark.parametrize("hop_limit", [1, 2, 3])
def test_tokens_arrive_as_far_as_the_hop_limit_lets_them(lab, service, nodes, tmp_path, hop_limit):
    before = rule_sets(lab.instance)
    inside = (lab.instance, nodes["web"], nodes["deep"])
    with Standing(lab, nodes, hop_limit, tmp_path) as standing:
        for distance, node in enumerate(inside):
            for url in (V4, V6):
                wait_for_status("401", node, url)
                if distance < hop_limit:
                    wait_for(lambda node=node, url=url: token(node, url, IMPATIENT_S))
                else:
                    assert not token(node, url, 1.0)
        assert status(nodes["task"]) == "200"
        # Whoever comes to the relay by himself is not served.
        relay = f"http://{standing.relay[0]}:{standing.relay[1]}"
        assert status(nodes["web"], relay, IMPATIENT_S) == "000"
    (told,) = standing.told
    assert told.startswith("task reaches the metadata service without passing") and standing.ended == End((), 0)
    counted = totals(standing.seen)
    assert counted.tokens >= 2 * hop_limit and counted.others >= 2 * (3 - hop_limit)
    assert rule_sets(lab.instance) == before
    assert [status(node) for node in inside] == ["200"] * 3


def test_all_of_a_host_and_nobody_else(lab, service, nodes, on_host):
    before = rule_sets(lab.instance)
    for name, node in {"guest": None, "web": nodes["web"], "task": nodes["task"]}.items():
        on_host.asks(name, node)
    with on_host.rehearse("--host", "--hop-limit", "2") as running:
        running.until("receive no metadata without a token")
        on_host.asks("late", nodes["deep"])
        for name in ("guest", "web", "late"):
            wait_for(lambda name=name: "401" in on_host.answers(name))
        with on_host.rehearse("--host") as second:
            assert second.end(0) == exitcodes.UNAVAILABLE and "another rehearsal is running on this host" in second.said
        with on_host.rehearse("--", "true") as second:
            assert second.end(0) == exitcodes.UNAVAILABLE and "a rehearsal of this host is running" in second.said
        assert running.end() == exitcodes.NOT_READY
    assert "task (process " in running.said and "without passing the packet rules of this host" in running.said
    for name in ("guest", "web"):
        assert f"bash in {name} (process " in running.said
    for name in ("guest", "web", "late"):
        wait_for(lambda name=name: on_host.answers(name)[-1] == "200")
    assert set(on_host.answers("task")) == {"200"}
    assert "the rehearsal is undone" in running.said
    assert rule_sets(lab.instance) == before
