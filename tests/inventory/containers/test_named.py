"""Names of network namespaces, read by this process itself and by the very workers of a run."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from contexts import reader
from docker_engine import network_namespace
from fuse_share import share
from soon import SOON_S, wait_for

from imds_probe.inventory.containers.named import DIRECTORY, named
from imds_probe.reading.here import HERE
from imds_probe.reading.remote_files import REPLY_S


@pytest.fixture(params=["here", "by a worker"])
def named_below(request):
    """The names, where there cannot be more."""
    asks = HERE if request.param == "here" else reader()

    def call(root, notes):
        found, unseen = named(root, root / "proc", asks, time.monotonic() + SOON_S, notes)
        assert unseen == ()
        return found

    return call


def test_names_of_namespaces_are_found(tmp_path, named_below):
    # A root whose /run/netns leads to the real thing, as `ln -s /proc/PID/ns/net` does for containers.
    child = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        link = f"/proc/{child.pid}/ns/net"
        wait_for(lambda: os.stat(link).st_ino != os.stat("/proc/self/ns/net").st_ino)
        (tmp_path / "proc").symlink_to("/proc")
        directory = tmp_path / "run/netns"
        directory.mkdir(parents=True)
        (directory / "linked").symlink_to(link)
        (directory / "wrong-kind").symlink_to(f"/proc/{child.pid}/ns/mnt")
        (directory / "left-behind").touch()  # the file of a namespace that is unmounted
        (directory / "dangling").symlink_to("/proc/0/ns/net")
        os.mkfifo(directory / "fifo")
        notes = []
        assert named_below(tmp_path, notes) == {os.stat(link).st_ino: directory / "linked"}
        assert notes == []
    finally:
        child.kill()
        child.wait()
    assert named_below(tmp_path, []) == {}


def test_a_namespace_of_ip_netns(named_below):
    name = f"idtest-{os.getpid()}-named"
    with network_namespace(name) as path:
        assert named_below(Path("/"), [])[path.stat().st_ino] == path
    assert path not in named_below(Path("/"), []).values()


def test_no_named_namespaces(tmp_path, named_below):
    assert named_below(tmp_path, []) == {}


def test_a_directory_that_cannot_be_listed_is_noted(tmp_path, named_below):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/netns").symlink_to("netns")
    notes = []
    assert named_below(tmp_path, notes) == {}
    assert len(notes) == 1


def test_names_lead_out_of_no_root(tmp_path, named_below):
    """Below a root that somebody else laid out, a name may be a link to anything."""
    child = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        link = f"/proc/{child.pid}/ns/net"
        wait_for(lambda: os.stat(link).st_ino != os.stat("/proc/self/ns/net").st_ino)
        outside, root = tmp_path / "outside", tmp_path / "root"
        for place in (outside, root / "run", root / "other"):
            place.mkdir(parents=True)
        (outside / "named").symlink_to(link)
        (root / "run/netns").symlink_to(outside)
        assert named_below(root, []) == {}
        (root / "run/netns").unlink()
        (root / "run/netns").mkdir()
        (root / "run/netns/direct").symlink_to(link)  # there is no such process below this root
        (root / "run/netns/around").symlink_to(outside / "named")
        assert named_below(root, []) == {}
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("operation", ["lookup", "getattr", "readdir"])
def test_where_nobody_answers_there_may_be_more(tmp_path, operation):
    with share(tmp_path / "share", operation) as (server, _):
        inside = Path(f"/proc/{server}/root{tmp_path}")
        (tmp_path / DIRECTORY).parent.mkdir()
        (tmp_path / DIRECTORY).symlink_to("/share")
        _, unseen = named(inside, Path("/proc"), reader(REPLY_S), time.monotonic() + SOON_S, [])
    assert len(unseen) == 1
