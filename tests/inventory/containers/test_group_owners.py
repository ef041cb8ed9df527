"""On a tree of directories with the owners that systemd gives them, and on this machine's own control groups."""

import contextlib
import os
from pathlib import Path

import pytest
from control_groups import control_group, hierarchies

from imds_probe.inventory.containers.group_owners import GroupOwners

MALLORY = 4242


def made(root, path, owners):
    """Directories below sys/fs/cgroup, each with its owner."""
    place = root / "sys/fs/cgroup"
    place.mkdir(parents=True, exist_ok=True)
    for name, owner in zip(path.split("/"), owners, strict=True):
        place = place / name
        place.mkdir(exist_ok=True)
        os.chown(place, owner, owner)


def test_where_all_is_roots(tmp_path):
    made(tmp_path, "system.slice/docker-1.scope", (0, 0))
    assert GroupOwners(tmp_path).owner("0", "", ("system.slice", "docker-1.scope")) == 0
    assert GroupOwners(tmp_path).owner("0", "", ()) == 0


def test_the_outermost_owner_decides(tmp_path):
    made(tmp_path, "user.slice/user-4242.slice/user@4242.service/x/y", (0, 0, MALLORY, 100_000, 0))
    names = ("user.slice", "user-4242.slice", "user@4242.service", "x", "y")
    owners = [GroupOwners(tmp_path).owner("0", "", names[:count]) for count in range(6)]
    assert owners == [0, 0, 0, MALLORY, MALLORY, MALLORY]


def test_what_is_gone_below_a_users_directory_is_his(tmp_path):
    made(tmp_path, "a/b", (0, MALLORY))
    assert GroupOwners(tmp_path).owner("0", "", ("a", "b", "gone", "x")) == MALLORY


def test_what_cannot_be_seen_is_not_roots(tmp_path):
    assert GroupOwners(tmp_path).owner("0", "", ("a",)) is None
    made(tmp_path, "a/b", (0, 0))
    owners = GroupOwners(tmp_path)
    assert owners.owner("0", "", ("a", "gone")) is None
    assert owners.owner("0", "", ("..", "a")) is None  # above the reader's own control group namespace
    assert owners.owner("4", "memory", ("a",)) is None  # that hierarchy is mounted elsewhere
    assert owners.owner("4", "", ("a",)) is None  # a hierarchy of which only the number is known


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (("0", ""), "unified"),
        (("1", "name=systemd"), "systemd"),
        (("5", "cpu,cpuacct"), "cpu,cpuacct"),
        (("5", "cpu,cpuacct"), "cpu"),
    ],
)
def test_each_hierarchy_has_its_place(tmp_path, line, place):
    made(tmp_path, f"{place}/a", (0, MALLORY))
    assert GroupOwners(tmp_path).owner(*line, ("a",)) == MALLORY


def test_a_link_leads_out_of_no_root(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "root/sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "root/sys/fs/cgroup/a").symlink_to(outside)
    assert GroupOwners(tmp_path / "root").owner("0", "", ("a",)) is None


def lines_of(pid):
    return [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]


def test_on_this_machine():
    """A directory that was really handed to a user, and a process in it."""
    mine = f"idtest-{os.getpid()}"
    path = f"/{mine}/handed/below"
    with control_group(path, os.getpid()):
        for hierarchy in hierarchies():
            os.chown(hierarchy / mine / "handed", MALLORY, MALLORY)
        owners = GroupOwners(Path("/"))
        there = [(number, controllers) for number, controllers, found in lines_of(os.getpid()) if found == path]
        assert there
        for line in there:
            assert owners.owner(*line, (mine,)) == 0
            assert owners.owner(*line, (mine, "handed")) == MALLORY
            assert owners.owner(*line, (mine, "handed", "below")) == MALLORY
    with contextlib.suppress(FileNotFoundError):
        assert not (hierarchies()[0] / mine).exists()
