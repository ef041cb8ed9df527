"""Namespaces with interfaces of their own, in the lab: which are watched besides, when, and for how long."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from soon import SOON_S, wait_for
from watched_calls import CURL
from watched_packets import MD4, MD6

from imds_probe.net import namespaces
from imds_probe.net.topology import Topology
from imds_probe.simulator.lab import plumbing
from imds_probe.simulator.lab.lab import Lab
from imds_probe.watch import apart as module
from imds_probe.watch.apart import Apart, namespaces_there
from imds_probe.watch.connection import APART, Connection
from imds_probe.watch.packet_filter import watch_filter

FILTER = partial(watch_filter, MD4, MD6, 80)
ENDED = replace(CURL, pid=4_999_999, netns=None)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("apart") as built:
        built.add_container("web")
        built.add_container("inside-web", "nested", inside=built.nodes["web"])
        built.add_container("mac", "macvlan")
        built.add_container("task", "awsvpc")
        built.add_container("inside-task", "nested", inside=built.nodes["task"])
        yield built


@pytest.fixture
def opened(lab: Lab) -> Iterator[Apart]:
    poll = select.poll()
    made = lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))
    made.poll = poll
    with closing(made):
        yield made


def look(lab: Lab, apart: Apart) -> None:
    lab.instance.call(apart.look)


def watched(lab: Lab, apart: Apart) -> list[str]:
    return [node.name for node in lab.nodes.values() if apart.has(node.inode)]


def by(apart: Apart, netns: int, port: int = 4000) -> Connection:
    (place,) = [each for each in apart._places.values() if each.netns == netns]
    return Connection(
        "ipv4", "10.0.2.20", port, MD4, [((place.number * APART + 2, False), (b"", port, b""))], 1.0, 1, 1
    )


def test_one_each_where_packets_leave_past_the_host(lab: Lab, opened: Apart) -> None:
    """Not where they go out through the host or another namespace that is watched, and none of what is outside."""
    assert watched(lab, opened) == ["task"]
    assert (opened.late, opened.unwatched) == (0, "")
    connection = by(opened, lab.nodes["task"].inode)
    assert opened.netns_of(connection.interface) == lab.nodes["task"].inode
    assert opened.netns_of(99 * APART) is None


def test_until_it_is_known_where_the_hosts_own_cable_ends_no_cable_counts_as_one_to_the_outside(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kernel that is too busy does not say it: what belongs to another machine would be taken for the host's."""
    with monkeypatch.context() as busy:
        busy.setattr(Topology, "beyond", lambda *_: None)
        made = lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, select.poll()))
    with closing(made):
        assert watched(lab, made) == [] and lab.nodes["task"].inode not in made._nothing
        assert made._again_at - time.monotonic() <= module.SETTLED_WITHIN_S
        made._again_at = made._not_before = 0.0
        look(lab, made)
        assert watched(lab, made) == ["task"]


def test_where_the_host_has_hardware_no_cable_is_one_to_the_outside(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Topology, "leaves_by_cable", lambda *_: False)
    monkeypatch.setattr(Topology, "beyond", lambda *_: None)
    made = lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, select.poll()))
    with closing(made):
        assert watched(lab, made) == [] and lab.nodes["task"].inode in made._nothing


def test_what_leaves_there_is_seen_with_the_number_of_its_namespace(lab: Lab, opened: Apart) -> None:
    task = lab.nodes["task"]
    caller = f"import socket; socket.create_connection(('{MD4}', 80))"
    with lab.service.socket(socket.AF_INET, socket.SOCK_STREAM) as service:
        service.bind((MD4, 80))
        service.listen()
        assert task.run([sys.executable, "-c", caller], timeout_s=SOON_S).returncode == 0
    syn, answer = wait_for(lambda: [*opened.packets()])[:2]
    assert (syn.outgoing, answer.outgoing) == (True, False)
    assert {opened.netns_of(each.interface) for each in (syn, answer)} == {task.inode}
    assert next(iter(opened.rings())).fileno() >= 0
    assert opened.dropped() == 0


def test_an_interface_that_leaves_this_namespace_is_followed_before_anybody_calls_there(
    lab: Lab, opened: Apart
) -> None:
    node = lab.add_container("gets-one")
    opened._again_at = opened._not_before = 0.0
    look(lab, opened)
    cable = f"link add moves type veth peer name its-end netns {lab.service.netns.name}"
    plumbing.ip_batch(lab.instance.netns, [cable])
    while opened.poll.poll(0):
        opened._has_left()
    assert not opened._has_left()
    plumbing.ip_batch(lab.instance.netns, [f"link set moves netns {node.netns.name}"])
    assert opened.poll.poll(SOON_S * 1000)
    assert node.inode in opened._nothing
    opened._not_before = 0.0
    look(lab, opened)
    assert opened.has(node.inode)
    assert opened.late == 0
    assert opened.due_in_s <= module.GONE_WITHIN_S
    assert opened._moved  # it looks once more, as it may have been too early
    opened._again_at = opened._not_before = 0.0
    opened._left_at -= module.SETTLED_WITHIN_S
    look(lab, opened)
    assert not opened._moved
    plumbing.ip_batch(node.netns, ["link del moves"])
    opened._moved, opened._again_at, opened._not_before = True, 0.0, 0.0
    look(lab, opened)
    assert not opened.has(node.inode)


def test_one_that_had_nothing_is_looked_at_again_where_no_packet_is_seen_of_who_connects_there(lab, opened) -> None:
    """An interface may come from another namespace, of which the kernel says nothing here."""
    node = lab.add_container("gets-it-elsewhere")
    look(lab, opened)
    child = node.start(["sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        assert child.stdout and child.stdout.readline()
        caller, web = replace(CURL, pid=child.pid, netns=node.inode), replace(CURL, netns=lab.nodes["web"].inode)

        def missed() -> list:
            opened._not_before = 0.0
            opened.connected(caller, 4000, MD4, time.time())
            opened.connected(web, 4001, MD4, time.time())
            return [each.caller for each in opened.missed(time.time() + 1)]

        assert lab.instance.call(missed) == []  # a proxy of its own took it
        plumbing.ip_batch(lab.service.netns, [f"link add comes type veth peer name eth1 netns {node.netns.name}"])
        assert lab.instance.call(missed) == [caller]
        assert opened.has(node.inode)
        assert lab.instance.call(missed) == []
        plumbing.ip_batch(node.netns, ["link del eth1"])
    finally:
        child.kill()
        child.communicate()


def test_packets_may_be_read_before_it_is_who_made_the_connection(lab: Lab, opened: Apart, monkeypatch) -> None:
    monkeypatch.setattr(module, "SEEN_MAX", 2)
    opened._refused[99] = "not now"
    at, there = time.time(), replace(CURL, netns=99)
    for port in (4000, 4001, 4002):
        seen = Connection("ipv4", "10.0.2.20", port, MD4, [((2, True), (b"", port, b""))], at, 1, 1)
        opened.saw(seen)
    for port in (4000, 4001, 4002):
        opened.connected(there, port, MD4, at)
    opened.connected(replace(there, pid=8), 4002, MD4, at + 60)  # another connection from the same port
    assert [each.caller.pid for each in opened.missed(float("inf"))] == [there.pid, 8]


def test_where_the_hosts_cable_ends_is_not_forgotten_where_the_kernel_does_not_say(lab, opened, monkeypatch) -> None:
    """Or a cable of other networks, whose end is not known either, would be taken for one to the outside."""
    monkeypatch.setattr(Topology, "beyond", lambda *_: None)
    opened._moved, opened._again_at, opened._not_before = True, 0.0, 0.0
    look(lab, opened)
    assert watched(lab, opened) == ["task"]


def test_it_lets_go_of_a_namespace_that_nobody_is_in_any_more(lab: Lab, opened: Apart, monkeypatch) -> None:
    """An interface goes back, or goes away, once the namespace has ended: the watch does not keep it."""
    monkeypatch.setattr(module, "GONE_WITHIN_S", 0.0)
    child = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        assert child.stdout and child.stdout.readline()
        netns = (Path("/proc") / str(child.pid) / "ns/net").stat().st_ino
        plumbing.ip_batch(lab.service.netns, [f"link add ends type veth peer name eth0 netns {child.pid}"])
        opened._again_at = opened._not_before = 0.0
        look(lab, opened)
        assert opened.has(netns)
        assert opened.late == 1
        assert opened.process_of(by(opened, netns).interface) == child.pid
        interface = by(opened, netns).interface
    finally:
        child.kill()
        child.communicate()

    def is_let_go() -> bool:
        opened._not_before = 0.0
        look(lab, opened)
        return not opened.has(netns)

    wait_for(is_let_go)
    assert opened.netns_of(interface) == netns  # its last packets may be waiting yet
    assert opened.process_of(interface) is None
    wait_for(lambda: "ends" not in lab.service.run(["ip", "link"], timeout_s=SOON_S).stdout.decode())


def test_a_cable_in_a_namespace_that_a_user_made_is_where_he_likes_it(lab: Lab, monkeypatch) -> None:
    def of_user(_: object) -> int:
        return 1000

    monkeypatch.setattr(module.namespaces, "owner_uid", of_user)
    poll = select.poll()
    with closing(lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))) as apart:
        assert watched(lab, apart) == []

    def not_said(_: object) -> int:
        raise namespaces.OwnerNotSaid("the kernel is too old")

    monkeypatch.setattr(module.namespaces, "owner_uid", not_said)
    with closing(lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))) as apart:
        assert watched(lab, apart) == ["task"]


def test_users_do_not_take_the_room_of_tasks(lab: Lab, monkeypatch) -> None:
    """Their interfaces may look like hardware: of some that they can have made, the kernel names no kind."""
    task, web = lab.nodes["task"].inode, lab.nodes["web"].inode
    card, uplinks = Topology.links, Topology.uplinks

    def with_cards(self, netns, outside=None):
        looks_like_one = (replace(card(self, netns)[0], kind=""),) if netns == web else ()
        return looks_like_one or uplinks(self, netns, outside)

    def of_user(path: Path) -> int | None:
        return 1000 if path.stat().st_ino == web else None

    monkeypatch.setattr(Topology, "uplinks", with_cards)
    monkeypatch.setattr(module.namespaces, "owner_uid", of_user)
    poll = select.poll()
    for room, expected in ((1, {task, web}), (0, {task})):
        monkeypatch.setattr(module, "RINGS_OF_USERS_MAX", room)
        with closing(lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))) as apart:
            assert {netns for netns in (task, web) if apart.has(netns)} == expected
            assert apart.unwatched.endswith("there are more than 0 of them") is (room == 0)


def refused(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("trouble", ["ring", "many", "namespace", "crowd"])
def test_where_one_cannot_be_watched_it_is_said_and_who_connects_there_counts_as_unseen(
    lab, monkeypatch, trouble
) -> None:
    task, web = lab.nodes["task"].inode, lab.nodes["web"].inode
    if trouble == "ring":
        monkeypatch.setattr(module, "Ring", refused)
        why = "Operation not permitted"
    elif trouble == "many":
        monkeypatch.setattr(module, "RINGS_MAX", 0)
        why = "there are more than 0 of them"
    elif trouble == "crowd":
        monkeypatch.setattr(module, "NAMESPACES_MAX", 1)
        why = "there are more than 1 of them"
    else:
        known, enter = Topology.is_known, namespaces.socket_in
        monkeypatch.setattr(Topology, "is_known", lambda self, inode: inode != task and known(self, inode))

        def socket_in(path, *how):
            try:
                is_task = isinstance(path, Path) and path.stat().st_ino == task
            except FileNotFoundError:  # of a process that has ended, of which there are others here
                is_task = False
            if is_task:
                raise namespaces.NamespaceRefused("no permission for it")
            return enter(path, *how)

        monkeypatch.setattr(module.namespaces, "socket_in", socket_in)
        why = "no permission for it"
    poll = select.poll()
    with closing(lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))) as apart:
        assert apart.unwatched == f"calls from some network namespaces may be missed: {why}"
        assert watched(lab, apart) == []
        if trouble == "crowd":
            return
        at = time.time()
        there, elsewhere = replace(CURL, netns=task), replace(CURL, netns=web)
        apart.connected(there, 4000, MD4, at)
        apart.connected(elsewhere, 4001, MD4, at)
        apart.connected(there, 4002, MD4, at)
        assert apart.undecided
        apart.saw(Connection("ipv4", "10.0.2.20", 4002, MD4, [((2, True), (b"", 1, b""))], 1.0, 1, 1))
        assert apart.missed(at) == []
        apart._not_before = 0.0
        assert [each.caller for each in lab.instance.call(lambda: apart.missed(at + 1))] == [there]
        assert not apart.undecided


def test_what_kept_one_from_being_watched_is_forgotten_once_there_is_nothing_to_watch(lab, opened, monkeypatch) -> None:
    """Nor is it tried at each connection: that costs more than a connection does."""
    node = lab.add_container("loses-it")
    plumbing.ip_batch(lab.service.netns, [f"link add lost type veth peer name eth1 netns {node.netns.name}"])
    child = node.start(["sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        assert child.stdout and child.stdout.readline()
        monkeypatch.setattr(module, "RINGS_MAX", 1)
        opened._again_at = opened._not_before = 0.0
        look(lab, opened)
        assert opened.unwatched.endswith("there are more than 1 of them")
        monkeypatch.setattr(Apart, "_met", None)
        caller = replace(CURL, pid=child.pid, netns=node.inode)
        opened.connected(caller, 4000, MD4, time.time())
        assert [each.caller for each in opened.missed(float("inf"))] == [caller]
        plumbing.ip_batch(node.netns, ["link del eth1"])
        opened._again_at = opened._not_before = 0.0
        look(lab, opened)
        assert opened.unwatched == ""
    finally:
        child.kill()
        child.communicate()


def test_what_connected_before_it_was_found_counts_unless_packets_of_it_were_seen(lab: Lab, opened: Apart) -> None:
    task = lab.nodes["task"].inode
    opened._close(task)
    child = lab.nodes["task"].start(["sh", "-c", "echo; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        assert child.stdout and child.stdout.readline()
        caller, at = replace(CURL, pid=child.pid, netns=task), time.time()
        lab.instance.call(lambda: opened.connected(caller, 4000, MD4, at))
        assert opened.has(task)
        lab.instance.call(lambda: opened.connected(caller, 4001, MD4, at))
        lab.instance.call(lambda: opened.connected(caller, 4002, MD4, time.time()))
        lab.instance.call(lambda: opened.connected(caller, 4003, MD4, opened._began - 1))
        opened.saw(by(opened, task, 4001))
        assert [each.caller for each in opened.missed(float("inf"))] == [caller]
    finally:
        child.kill()
        child.communicate()


def test_of_a_process_that_has_ended_it_counts_where_a_network_is_found_that_was_not_watched(lab, opened) -> None:
    at = time.time()
    opened.connected(ENDED, 4000, MD4, at)
    assert lab.instance.call(lambda: opened.missed(float("inf"))) == []
    opened.connected(ENDED, 4000, MD4, time.time())
    opened._close(lab.nodes["task"].inode)
    opened._not_before = time.monotonic() + 3600
    assert lab.instance.call(lambda: opened.missed(time.time() + 1)) == []  # it is too soon to look at all again
    opened._not_before = 0.0
    assert [each.caller for each in lab.instance.call(lambda: opened.missed(time.time() + 1))] == [ENDED]
    assert watched(lab, opened) == ["task"]


def test_of_a_process_that_has_ended_it_does_not_count_where_its_connection_was_seen_to_begin(lab, opened) -> None:
    """A packet rule kept it from the service, which is so on many hosts."""
    asked, at = [], time.time()
    opened._opened_at = at + 1

    def is_opening(*of: object) -> bool:
        asked.append(of)
        return of[0] == 4000

    for port in (4000, 4001):
        opened.connected(ENDED, port, MD4, at)
    found = lab.instance.call(lambda: opened.missed(float("inf"), is_opening))
    assert [each.caller for each in found] == [ENDED]
    assert asked == [(4000, MD4, at), (4001, MD4, at)]


def test_the_kernel_is_not_asked_again_and_again(lab: Lab, opened: Apart, monkeypatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr(Apart, "_look_at", lambda self, some: looked.append(sorted(some)))
    opened._gone_at = opened._again_at = time.monotonic() + 3600
    assert 0 < opened.due_in_s <= 3600
    for _ in range(20):
        look(lab, opened)
    assert looked == []
    opened._again_at = opened._not_before = 0.0
    look(lab, opened)
    (new,) = looked
    assert lab.nodes["web"].inode not in new
    opened._moved, opened._again_at, opened._not_before = True, 0.0, 0.0
    look(lab, opened)
    assert {lab.nodes["web"].inode, lab.nodes["task"].inode} <= set(looked[-1])


def test_namespaces_are_found_by_processes_and_by_mounts(lab: Lab) -> None:
    there = namespaces_there(Path("/proc"))
    own = Path("/proc/self/ns/net").stat().st_ino
    assert there[own].parts[2].isdigit()
    assert str(there[lab.nodes["task"].inode]).endswith(lab.nodes["task"].netns.name)
    assert namespaces_there(Path("/nonexistent")) == {}


def test_nothing_stays_open(lab: Lab) -> None:
    before = len(os.listdir("/proc/self/fd"))
    poll = select.poll()
    apart = lab.instance.call(lambda: Apart(Path("/proc"), lab.instance.inode, MD4, FILTER, poll))
    assert watched(lab, apart) == ["task"]
    apart.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert poll.poll(0) == []
