"""Which container is meant, and which control group is its own; a rehearsal of one is in tests/lab."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rehearsing import ID, name_of_container, place, sleeping_in
from soon import SOON_S, wait_for

from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.classes import class_of
from imds_probe.rehearsal.container import Container, wanted
from imds_probe.rehearsal.group import own_class

WEB = DiscoveredContainer(
    id=ID,
    runtime="docker",
    name="web",
    image=None,
    pod=None,
    pod_namespace=None,
    pids=(1,),
    pid=1,
    netns=1,
    network="own",
)
OTHER = replace(WEB, id="ab13" * 16, name="api")


@pytest.mark.parametrize("name", ["web", ID, ID[:4], ID[:12]])
def test_by_name_id_or_the_beginning_of_it(name):
    assert wanted(name, [OTHER, WEB]) is WEB


@pytest.mark.parametrize(
    ("name", "says"), [("ab1", "no running container"), ("we", "no running container"), ("twice", "2 containers")]
)
def test_none_and_too_many_are_refused(name, says):
    with pytest.raises(CannotRehearse, match=says):
        wanted(name, [WEB, OTHER, replace(WEB, name="twice"), replace(OTHER, name="twice")])


def test_a_sandbox_is_nobody():
    with pytest.raises(CannotRehearse, match="no running container"):
        wanted("web", [replace(WEB, sandbox=True)])


@contextlib.contextmanager
def elsewhere(directory):
    """A process with a network namespace of its own in a control group."""
    argv = ["unshare", "--net", "sh", "-c", 'echo $$ > "$0" && exec sleep 600', str(directory / "cgroup.procs")]
    child = subprocess.Popen(argv)
    try:
        wait_for(lambda: str(child.pid) in (directory / "cgroup.procs").read_text().split())
        yield child
    finally:
        child.kill()
        child.wait(SOON_S)


@contextlib.contextmanager
def entered(pid):
    """Another process in the network namespace of one."""
    child = subprocess.Popen(["nsenter", f"--net=/proc/{pid}/ns/net", "sleep", "600"])
    try:
        wait_for(lambda: os.readlink(f"/proc/{child.pid}/ns/net") == os.readlink(f"/proc/{pid}/ns/net"))
        yield child
    finally:
        child.kill()
        child.wait(SOON_S)


@pytest.fixture
def started():
    """A process in a group within that of a container, on the host's network."""
    with place() as here:
        inner = here / f"docker-{ID}.scope/init"
        inner.mkdir(parents=True)
        argv = ["sh", "-c", 'echo $$ > "$0" && exec sleep 600', str(inner / "cgroup.procs")]
        child = subprocess.Popen(argv)
        try:
            wait_for(lambda: str(child.pid) in (inner / "cgroup.procs").read_text().split())
            yield child, inner.parent
        finally:
            child.kill()
            child.wait(SOON_S)


def test_its_group_is_what_its_runtime_made(started):
    child, directory = started
    container = Container(replace(WEB, pid=child.pid, network="host"), {})
    assert (container.name, container.directory, container.members()) == ("web", directory, [child.pid])
    assert container.group().inode == directory.stat().st_ino and container.netns() is None
    child.kill()
    child.wait(SOON_S)
    wait_for(lambda: container.group() is None)


def test_one_that_starts_has_no_network_of_its_own_yet(started):
    """Its first process is in the host's for a moment: that is not to be rehearsed."""
    child, _ = started
    with pytest.raises(CannotRehearse, match="web is not running"):
        Container(replace(WEB, pid=child.pid), {})


def test_one_with_a_network_of_its_own(started):
    _, directory = started
    with elsewhere(directory / "init") as child:
        container = Container(replace(WEB, pid=child.pid), {"ipv4": 1})
        assert container.group() is not None
        assert container.netns() == Path(f"/proc/{child.pid}/ns/net")


def test_one_without_a_group_of_its_own_is_refused(tmp_path):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text("30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    for path in ("/", "/../other"):
        (tmp_path / "1").mkdir(exist_ok=True)
        (tmp_path / "1/cgroup").write_text(f"0::{path}\n")
        with pytest.raises(CannotRehearse, match="no control group of its own"):
            Container(WEB, {}, tmp_path)


@pytest.fixture
def of_version_1(classes):
    """A group of net_cls that a runtime made for a container, with a process in it, and one within."""
    with place() as here:
        own = here / name_of_container()
        with sleeping_in(own) as pid, sleeping_in(own / "inner"):
            yield pid, own


def test_by_version_1_one_that_shares_the_hosts_network_has_a_class_for_as_long(of_version_1):
    pid, own = of_version_1
    container = Container(replace(WEB, pid=pid, network="host"), {})
    assert (container.directory, class_of(own)) == (own, 0)
    container.told.keep()
    assert class_of(own) == class_of(own / "inner") == container.group().class_id == own_class()
    assert container.told.give_back() == [] and class_of(own) == class_of(own / "inner") == 0


def test_by_version_1_one_whose_traffic_is_shaped_is_refused_and_left_alone(of_version_1):
    pid, own = of_version_1
    (own / "inner/net_cls.classid").write_text("7")
    with pytest.raises(CannotRehearse, match=r"web has a class already, 0x7 by .*/inner/net_cls\.classid"):
        Container(replace(WEB, pid=pid, network="host"), {})
    assert class_of(own) == 0


def test_by_version_1_one_that_is_alone_in_its_network_needs_no_group(of_version_1):
    _, own = of_version_1
    with elsewhere(own) as child:
        container = Container(replace(WEB, pid=child.pid), {"ipv4": 1})
        assert container.told.hierarchy is None and container.group().whole


def test_by_version_1_one_that_shares_its_network_has_a_class(of_version_1):
    _, own = of_version_1
    with elsewhere(own) as child, entered(child.pid):
        told = Container(replace(WEB, pid=child.pid), {"ipv4": 1}).told
        assert told.hierarchy is not None and told.group().class_id == own_class()


def test_by_version_1_one_without_a_group_of_its_own_is_refused(classes):
    for network in ("host", "own"):
        with pytest.raises(CannotRehearse, match="no control group of its own"):
            Container(replace(WEB, pid=os.getpid(), network=network), {})
