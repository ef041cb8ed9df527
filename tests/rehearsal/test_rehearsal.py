"""The promise: only who is meant is led to the relay, and whatever becomes of its owner, they go direct again by themselves."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from control_groups import starving
from rehearsing import (
    BACKENDS,
    BY_CLASS,
    CURL,
    GET,
    IMPATIENT,
    NF_TABLES,
    PATIENT,
    SERVICE,
    Owners,
    addresses,
    caller_of,
    group_of,
    place,
    rules_of,
    status_inside,
    status_outside,
    tables,
    target_of,
    tools_of,
    url,
    wait_until_direct,
    wait_until_led,
    what_there_is,
)
from soon import SOON_S, wait_for

from imds_probe.net.namespaces import call_in
from imds_probe.rehearsal import iptables
from imds_probe.rehearsal.asking import CannotRehearse, learn
from imds_probe.rehearsal.group import left_behind
from imds_probe.rehearsal.leftovers import undo
from imds_probe.rehearsal.rehearsal import Rehearsal
from imds_probe.rehearsal.rules import LEASE_S, Rules
from imds_probe.rehearsal.trying import FRESH_S, End
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

MOMENTS, MOMENTS_BY_TOOL = 20, 3


@pytest.fixture
def service():
    listen = ((SERVICE, 0), ("::1", 0))
    with Simulator(InstanceState(http_protocol_ipv6="enabled", iam_role="web"), listen) as simulator:
        yield simulator


@pytest.fixture
def here(request):
    """The control group that all of it is in; of the backend, where a test has one."""
    for name in ("backend", "classes"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    with place() as directory:
        yield directory


class Standing:
    """A rehearsal in this process, whose heart is beaten by another thread."""

    def __init__(self, simulator) -> None:
        self.rehearsal = Rehearsal(learn(addresses(simulator), ask_without_token=False), 1)
        self.error: CannotRehearse | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self):
        self.rehearsal.ready()
        self._thread.start()
        return self.rehearsal

    def _beat(self) -> None:
        try:
            while not self._stop.wait(0.2):
                self.rehearsal.beat()
        except CannotRehearse as error:
            self.error = error

    def stop_beating(self) -> None:
        self._stop.set()
        self._thread.join()

    def end(self) -> End:
        """As a command does it: on the thread that beats, so not while that beats."""
        self.stop_beating()
        return self.rehearsal.end(drained_within_s=SOON_S)

    def __exit__(self, *_) -> None:
        self.stop_beating()
        if self.rehearsal.group is not None and self.rehearsal.group.directory.exists():
            self.rehearsal.end(drained_within_s=0)


def test_a_command_gets_nothing_without_a_token_and_others_do_not_notice(service, backend, here):
    before = what_there_is(here)
    standing = Standing(service)
    with standing as rehearsal:
        for address in addresses(service).values():
            wait_until_led(rehearsal.group.directory, address)
            assert status_outside(address) == 200
        # Again where it was led to nobody: the lease may have run out on a slow machine.
        until = f'until [ "$({" ".join(CURL)} {IMPATIENT} {url(service.addresses[0])})" = 401 ]; do :; done; exit 3'
        asked = [*rehearsal.group.launcher(), "sh", "-c", until]
        assert subprocess.run(asked, capture_output=True, check=False).returncode == 3
        wait_for(lambda: rehearsal.callers.totals().refused >= 3)
        assert ("curl", "gave-up") in {(each.name, each.outcome) for each in rehearsal.callers.all()}
        assert rules_of(backend) == 2
        end = standing.end()
    assert end == End((), 0)
    assert what_there_is(here) == before


def test_by_version_1_it_is_the_same(service, classes):
    before = what_there_is(classes)
    standing = Standing(service)
    with standing as rehearsal:
        for address in addresses(service).values():
            wait_until_led(rehearsal.group.directory, address)
            assert status_outside(address) == 200
        wait_for(lambda: len(rehearsal.callers.all()) >= 2, rehearsal.callers.all)
        assert {each.outcome for each in rehearsal.callers.all()} <= {"gave-up", "other"}
        assert standing.end() == End((), 0)
    assert what_there_is(classes) == before


def test_by_version_1_a_command_keeps_the_class_that_its_traffic_is_shaped_by(service, classes, here):
    (here / "net_cls.classid").write_text("7")
    before = what_there_is(here)
    with pytest.raises(CannotRehearse, match="the traffic of what is started here has a class already, 0x7"):
        Rehearsal(learn(addresses(service), ask_without_token=False), 1).ready()
    assert what_there_is(here) == before


def test_a_running_transfer_ends_well(service, backend, here):
    """Rules that went first would reset it: a connection finds its way back by them."""
    standing = Standing(service)
    with standing as rehearsal:
        service.update(faults=[{"kind": "drip", "interval_ms": 5, "applies_to": "get"}])
        headers = ["-H", "X-aws-ec2-metadata-token: none"]  # a refusal that takes a second
        wait_until_led(rehearsal.group.directory, service.addresses[0])
        running = subprocess.Popen(
            [*rehearsal.group.launcher(), *CURL, PATIENT, *headers, url(service.addresses[0])], stdout=subprocess.PIPE
        )
        try:
            wait_for(lambda: rehearsal.callers._waiting)
            assert standing.end().unfinished == 0
            assert running.communicate(timeout=SOON_S)[0] == b"401" and running.returncode == 0
        finally:
            running.kill()
            running.wait()


def killed_at_random(
    service, here, moments: int, chance: random.Random, backend: str = NF_TABLES, kind: str = "command", target=None
) -> None:
    before = what_there_is(here)
    stages = set()

    def is_undone() -> bool:
        """An iptables that was started before the owner was killed may be about to do what it was told."""
        assert undo(here).running == ()
        return what_there_is(here) == before

    with Owners(service, backend=backend, kind=kind, target=target) as owners:
        for moment in range(moments):
            pid = owners.begin()
            if moment % 3 == 0:
                owners.ready()
            if moment == 0:
                wait_until_led(caller_of(pid, here, kind), service.addresses[0])
            time.sleep(chance.uniform(0, 0.3) ** 2 * 3)
            owners.kill(pid)
            directory = caller_of(pid, here, kind)
            stages.add(directory is not None)
            for address in addresses(service).values() if directory is not None else ():
                wait_until_direct(directory, address)
            if backend == NF_TABLES:
                assert is_undone()
            wait_for(is_undone)
    assert True in stages


def test_killed_at_any_moment_it_leaves_the_way_free(service, backend, here):
    killed_at_random(service, here, MOMENTS if backend == NF_TABLES else MOMENTS_BY_TOOL, random.Random(23), backend)


def test_killed_at_any_moment_it_leaves_the_way_of_a_host_free(service, here):
    killed_at_random(service, here, MOMENTS // 3, random.Random(23), kind="host")


@pytest.mark.parametrize("kind", BY_CLASS)
def test_killed_at_any_moment_it_leaves_the_way_of_what_classes_tell_free(service, classes, here, tmp_path, kind):
    with target_of(kind, here, tmp_path) as target:
        killed_at_random(service, here, MOMENTS // 4, random.Random(23), kind=kind, target=target)


@pytest.mark.soak
@pytest.mark.parametrize("kind", BY_CLASS)
def test_killed_at_any_of_many_moments_it_leaves_the_way_of_what_classes_tell_free(
    service, classes, here, tmp_path, kind
):
    with target_of(kind, here, tmp_path) as target:
        killed_at_random(service, here, 200, random.Random(24), kind=kind, target=target)


@pytest.mark.soak
def test_killed_at_any_of_many_moments_it_leaves_the_way_free(service, backend, here):
    killed_at_random(service, here, 200, random.Random(24), backend)


@pytest.mark.soak
def test_killed_at_any_of_many_moments_it_leaves_the_way_of_a_host_free(service, here):
    killed_at_random(service, here, 200, random.Random(24), kind="host")


@pytest.mark.parametrize(
    ("backend", "ended"),
    [(NF_TABLES, "killed"), (NF_TABLES, "stopped"), ("iptables-nft", "killed"), ("iptables-legacy", "stopped")],
    indirect=["backend"],
)
def test_the_lease_ends_without_anybody(service, backend, here, ended):
    """Where nothing but the kernel's clock is left: no table goes with its owner, or its owner does not go."""
    lease_ends(service, backend, here, ended, held=False)


def test_the_lease_ends_where_tables_are_held(service, here):
    lease_ends(service, NF_TABLES, here, "stopped", held=True)


def test_the_lease_of_a_host_ends_without_anybody(service, here):
    lease_ends(service, NF_TABLES, here, "stopped", held=False, kind="host")


def test_without_memory_the_owner_is_killed_and_the_way_is_free(service, here):
    with Owners(service, held=False) as owners:
        pid = owners.begin()
        owners.ready()
        directory = group_of(pid, here)
        wait_until_led(directory, service.addresses[0])
        with starving(f"imds-probe-test-{os.getpid()}", pid):
            for address in addresses(service).values():
                wait_until_direct(directory, address)
            wait_for(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
            owners.kill(pid)
        assert f"control group {directory}" in undo(here).removed and tables() == []


def lease_ends(service, backend: str, here, ended: str, *, held: bool, kind: str = "command") -> None:
    with Owners(service, held=held, backend=backend, kind=kind) as owners:
        pid = owners.begin()
        owners.ready()
        directory = caller_of(pid, here, kind)
        wait_until_led(directory, service.addresses[0])
        if ended == "killed":
            owners.kill(pid)
        else:
            os.kill(pid, signal.SIGSTOP)
        assert rules_of(backend) == 2
        assert LEASE_S + FRESH_S < 5
        for address in addresses(service).values():
            wait_until_direct(directory, address)
        if ended != "killed":
            assert undo(here).running == (pid,)
            assert rules_of(backend) == 2 and caller_of(pid, here, kind) == directory
            os.kill(pid, signal.SIGCONT)
            wait_until_led(directory, service.addresses[0])
            owners.kill(pid)
        found = undo(here)
        assert found.failed == () and (f"control group {directory}" in found.removed) == (kind == "command")
        assert rules_of(backend) == 0 and left_behind(here) == []


def test_somebody_elses_flush_changes_nothing(service, here):
    with Standing(service) as rehearsal:
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        assert len(tables()) == 2
        wait_until_led(rehearsal.group.directory, service.addresses[0])


def test_where_tables_are_not_held_a_flush_ends_it(service, here, monkeypatch):
    put_up = Rules.put_up
    monkeypatch.setattr(Rules, "put_up", lambda rules: put_up(rules, held=False))
    standing = Standing(service)
    with standing as rehearsal:
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        wait_for(lambda: standing.error)
        assert "the packet rules of the rehearsal are gone" in str(standing.error)
        assert status_inside(rehearsal.group.directory, service.addresses[0]) == "200"


def test_rules_that_were_saved_meanwhile_load_and_lead_nobody(service, here, tmp_path):
    """After a boot: the control group is another one or none, and what was in the set has its own time."""
    standing = Standing(service)
    with standing as rehearsal:
        saved = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
        directory = rehearsal.group.directory
        name = rehearsal.name
        standing.end()
    file = tmp_path / "saved.nft"
    file.write_text(saved.replace("flags owner", ""))
    assert name in saved and not directory.exists()
    try:
        subprocess.run(["nft", "-f", file], check=True)
        assert len(tables()) == 2
        directory.mkdir()
        wait_until_direct(directory, service.addresses[0])
    finally:
        directory.rmdir()
        for family in ("ip", "ip6"):
            subprocess.run(["nft", "delete", "table", family, name], check=True)


@pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)
@pytest.mark.parametrize("changed", ["flushed", "restored"])
def test_by_iptables_too_a_change_by_others_ends_it(service, backend, here, changed):
    """As a firewall that is loaded anew does it: whatever was not there when it was saved is gone."""
    tool = tools_of(backend)[socket.AF_INET]
    standing = Standing(service)
    with standing as rehearsal:
        wait_until_led(rehearsal.group.directory, service.addresses[0])
        if changed == "flushed":
            subprocess.run([tool, "-t", "nat", "-F"], check=True)
        else:
            subprocess.run([f"{tool}-restore"], input=b"*nat\nCOMMIT\n", check=True)
        wait_for(lambda: standing.error)
        assert "the packet rules of the rehearsal are gone" in str(standing.error)
        wait_until_direct(rehearsal.group.directory, service.addresses[0])
        assert standing.end() == End((), 0)


@pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)
def test_rules_of_iptables_that_were_saved_meanwhile_load_and_lead_nobody(service, backend, here):
    tool = tools_of(backend)[socket.AF_INET]
    standing = Standing(service)
    with standing as rehearsal:
        saved = subprocess.run([f"{tool}-save"], capture_output=True, check=True).stdout
        directory, classid = rehearsal.group.directory, str(rehearsal.group.kernels.class_id)
        standing.end()
    subprocess.run([f"{tool}-restore"], input=saved, check=True)
    assert rules_of(backend) == 1
    directory.mkdir()
    try:
        (directory / "net_cls.classid").write_text(classid)
        assert status_inside(directory, service.addresses[0]) == "200"
    finally:
        directory.rmdir()
        for family, chain in iptables.chains():
            iptables.remove(family, chain)
    assert rules_of(backend) == 0


def test_where_another_wins_it_refuses_and_leaves_nothing(service, here):
    """A rule that leads the same connections elsewhere before ours, as a mesh does."""
    port = service.addresses[0][1]
    rule = f"ip daddr {SERVICE} tcp dport {port} redirect to :{port}"
    other = f"table ip mesh {{\nchain out {{\ntype nat hook output priority -150\n{rule}\n}}\n}}\n"
    with Simulator(InstanceState(), (("127.0.0.1", port),)):
        subprocess.run(["nft", "-f", "-"], input=other, text=True, check=True)
        try:
            before = what_there_is(here)
            rehearsal = Rehearsal(learn(addresses(service), ask_without_token=False), 1)
            with pytest.raises(CannotRehearse, match="something else on this host redirects them"):
                rehearsal.ready()
            assert what_there_is(here)["control groups"] == "[]" and tables() == []
            assert what_there_is(here).keys() == before.keys()
        finally:
            subprocess.run(["nft", "delete", "table", "ip", "mesh"], check=True)


def test_a_relay_that_does_not_hand_on_renews_nothing(service, here):
    standing = Standing(service)
    with standing as rehearsal:
        wait_until_led(rehearsal.group.directory, service.addresses[0])
        service.update(faults=[{"kind": "silence-after-request", "applies_to": "token_put"}])
        wait_until_direct(rehearsal.group.directory, service.addresses[0])
        service.update(faults=[])
        wait_until_led(rehearsal.group.directory, service.addresses[0])
        wait_for(lambda: rehearsal.lapsed_s > 0)


@pytest.mark.parametrize(("number", "says"), [(1, "no permission"), (95, "Linux 4.18"), (12, "cannot be set here")])
def test_what_the_kernel_refuses_is_said(service, here, monkeypatch, number, says):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Rules, "put_up", refuse)
    with pytest.raises(CannotRehearse) as raised:
        Rehearsal(learn(addresses(service), ask_without_token=False), 1).ready()
    assert says in str(raised.value)
    assert left_behind(here) == []


def test_a_connection_from_before_runs_on(service, backend, here):
    """One that conntrack has never seen is not picked up in its middle: it began before anybody asked for conntrack."""
    with socket.socket() as early:
        with Standing(service) as rehearsal:
            with rehearsal.group.inside():
                late = socket.socket()
            late.close()
            early.connect(service.addresses[0])
            early.sendall(GET)
            assert early.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("stopped", [False, True], ids=["served", "waiting"])
def test_whoever_is_led_when_it_is_killed_hears_of_the_end(stopped):
    """In a network namespace without other translation of addresses, as a container's is: with the rules that of answers ends."""
    with Lab("killed") as lab, place() as here:
        netns = lab.add_container("bare").netns
        with Simulator(InstanceState(), ((SERVICE, 0),), netns=str(netns)) as simulator:
            address = simulator.addresses[0]

            def work() -> None:
                with Owners(simulator) as owners:
                    owner = owners.begin()
                    owners.ready()
                    group = group_of(owner, here)
                    wait_until_led(group, address)
                    if stopped:
                        os.kill(owner, signal.SIGSTOP)
                    (group / "cgroup.procs").write_text("0")
                    with socket.socket() as caller:
                        (here / "cgroup.procs").write_text("0")
                        caller.settimeout(SOON_S)
                        caller.connect(address)
                        caller.sendall(GET[:-2])
                        owners.kill(owner)
                        with contextlib.suppress(ConnectionResetError):
                            assert caller.recv(1) == b""

            call_in(netns, work)
