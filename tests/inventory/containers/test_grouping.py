import os
import subprocess
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.inventory.containers.cgroups import TEXT_MAX
from imds_probe.inventory.containers.discovered import DiscoveredContainer
from imds_probe.inventory.containers.grouping import group
from imds_probe.inventory.containers.processes import walk
from imds_probe.net import namespaces

HOST = 4026531840


def container(name, pids, netns, **fields):
    said = {"image": None, "pod": None, "pod_namespace": None} | fields
    return DiscoveredContainer(name * 64, "docker", name, **said, pids=pids, pid=pids[0], netns=netns, network="own")


def grouped(tree, containers=(), names=None, host=HOST):
    return group(walk(tree.path).processes, containers, names or {}, host, tree.path)


def test_the_host_comes_first_and_everybody_is_somewhere(tree):
    tree.add(50, netns=7)
    tree.add(51, netns=7)
    tree.add(52)
    host, other = grouped(tree)
    assert (host.inode, host.kind, host.label, host.pids) == (HOST, "host", "host", (1, 52))
    assert (other.inode, other.pids) == (7, (50, 51))
    assert (host.path, other.path) == (tree.path / "1/ns/net", tree.path / "50/ns/net")


def test_containers_that_share_a_namespace_are_one_group(tree):
    for pid in (50, 51, 52):
        tree.add(pid, netns=7)
    a, b = container("a", (51,), 7), container("b", (52,), 7)
    found = grouped(tree, (a, b))[1]
    assert (found.kind, found.label, found.containers) == ("container", "a", (a, b))
    assert found.path == tree.path / "51/ns/net"  # a container's own process, not the older stranger


def test_a_pod_gives_the_name(tree):
    tree.add(50, netns=7)
    tree.add(51, netns=7)
    pause, app = container("a", (50,), 7), container("b", (51,), 7, pod="shop-7d", pod_namespace="prod")
    assert grouped(tree, (pause, app))[1].label == "prod/shop-7d"


def test_a_second_namespace_of_a_container_is_listed_under_it(tree):
    tree.add(50, netns=7)
    tree.add(51, netns=8)
    a = container("a", (50, 51), 7)
    assert [(found.inode, found.kind, found.containers) for found in grouped(tree, (a,))[1:]] == [
        (7, "container", (a,)),
        (8, "container", (a,)),
    ]
    assert grouped(tree, (a,))[2].path == tree.path / "51/ns/net"


def test_containers_on_the_host_network(tree):
    tree.add(50)
    a = container("a", (50,), HOST)
    found = grouped(tree, (a,))
    assert len(found) == 1
    assert (found[0].kind, found[0].label, found[0].containers) == ("host", "host", (a,))


def test_a_unit_with_a_network_of_its_own(tree):
    tree.add(50, "0::/system.slice/resolver.service\n", netns=7)
    tree.add(51, "0::/system.slice/resolver.service/sub\n", netns=7)
    assert (grouped(tree)[1].kind, grouped(tree)[1].label) == ("unit", "resolver.service")


@pytest.mark.parametrize("second", ["0::/system.slice/b.service\n", "0::/user.slice/user-0.slice/session-1.scope\n"])
def test_several_units_in_one_namespace_are_no_unit(tree, second):
    tree.add(50, "0::/system.slice/a.service\n", netns=7, comm="first", command=("first",))
    tree.add(51, second, netns=7)
    assert (grouped(tree)[1].kind, grouped(tree)[1].label) == ("other", "first")


def test_the_sandbox_of_a_browser(tree):
    scope = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-chromium-77.scope\n"
    tree.add(50, scope, netns=7, comm="chrome", command=("chrome",))
    assert (grouped(tree)[1].kind, grouped(tree)[1].label) == ("other", "chrome")


def test_names_with_and_without_processes(tree):
    tree.add(50, netns=7)
    names = {7: Path("/run/netns/blue"), 8: Path("/run/netns/empty")}
    _, blue, empty = grouped(tree, names=names)
    assert (blue.kind, blue.label, blue.path, blue.pids) == ("named", "blue", names[7], (50,))
    assert (empty.kind, empty.label, empty.path, empty.pids) == ("named", "empty", names[8], ())


def test_a_pods_namespace_is_entered_by_its_name(tree):
    tree.add(50, netns=7)
    names = {7: Path("/run/netns/cni-1")}
    found = grouped(tree, (container("a", (50,), 7),), names)[1]
    assert (found.kind, found.path) == ("container", names[7])


def test_without_a_known_host_nothing_is_the_hosts(tree):
    assert [found.kind for found in grouped(tree, host=None)] == ["other"]


def test_names_are_bounded(tree):
    path = Path("/run/netns") / ("x" * 255)
    assert len(grouped(tree, names={9: path})[1].label) <= TEXT_MAX


def test_roots_container_gives_the_way_and_the_name_before_a_users(tree):
    tree.add(50, netns=7)
    tree.add(51, netns=7)
    his, ours = container("a", (50,), 7, owner_uid=4242), container("b", (51,), 7)
    found = grouped(tree, (his, ours))[1]
    assert (found.label, found.path) == ("b", tree.path / "51/ns/net")
    assert grouped(tree, (his,))[1].label == "a of user 4242"


@pytest.fixture(params=[(), ("setpriv", "--reuid=4242", "--clear-groups")], ids=["root", "a user"])
def network_of(request):
    """A network namespace of root's or of a user's, and its owner."""
    with subprocess.Popen([*request.param, "unshare", "-Urn", "sleep", "60"]) as child:
        link = Path(f"/proc/{child.pid}/ns/net")
        try:
            wait_for(lambda: link.stat().st_ino != os.stat("/proc/self/ns/net").st_ino)
            yield child.pid, link.stat().st_ino, 4242 if request.param else None
        finally:
            child.kill()


@pytest.mark.parametrize("is_named", [False, True])
def test_whose_a_network_is(tree, network_of, is_named):
    pid, inode, owner = network_of
    path = Path(f"/proc/{pid}/ns/net")
    if is_named:
        names = {inode: path}
    else:
        place = tree.add(pid, netns=inode)
        (place / "ns/net").unlink()
        names = {}
    processes = [] if is_named else walk_as(tree, pid, inode)
    (found,) = [each for each in group(processes, (), names, HOST, Path("/proc")) if each.inode == inode]
    assert (found.owner_uid, found.owner_said) == (owner, True)


def walk_as(tree, pid, inode):
    (tree.path / f"{pid}/ns/net").symlink_to(f"net:[{inode}]")
    return [process for process in walk(tree.path).processes if process.pid == pid]


def test_a_number_that_came_again_says_nothing(tree, network_of):
    pid, inode, _ = network_of
    names = {inode + 1: Path(f"/proc/{pid}/ns/net")}
    (found,) = [each for each in group([], (), names, HOST, tree.path) if each.inode == inode + 1]
    assert (found.owner_uid, found.owner_said) == (None, True)


@pytest.mark.parametrize(
    ("uid_map", "owner"),
    [
        ("         0       1000          1\n", 1000),
        ("         0       1000          1\n         1     100000      65536\n", 1000),
        ("         0     100000      65536\n", None),
        ("         0          0 4294967295\n", None),
        ("         0          0          1\n", None),
        ("nonsense\n", None),
        (None, None),
    ],
)
def test_on_an_older_kernel_the_map_of_users_says_it(tree, monkeypatch, uid_map, owner):
    def older(_):
        raise namespaces.OwnerNotSaid("the kernel is older")

    with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as child:
        try:
            link = Path(f"/proc/{child.pid}/ns/net")
            wait_for(lambda: link.stat().st_ino != os.stat("/proc/self/ns/net").st_ino)
            inode = link.stat().st_ino
            place = tree.add(50, netns=inode)
            if uid_map is not None:
                (place / "uid_map").write_text(uid_map)
            monkeypatch.setattr(namespaces, "owner_uid", older)
            found = grouped(tree, names={inode: link})[1]
            assert (found.owner_uid, found.owner_said) == (owner, False)
        finally:
            child.kill()
