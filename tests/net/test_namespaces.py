"""Network namespaces as a probe meets them: alive, gone, forbidden, and things that only look like one."""

import errno
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from soon import SOON_S

import imds_probe
from imds_probe.errors import ProbeError
from imds_probe.net import namespaces
from imds_probe.system import user_namespace

ROOT = str(Path(imds_probe.__file__).parents[1])
SIOCGSKNS = 0x894C  # <linux/sockios.h>


@pytest.fixture
def sleeper():
    """A process in a network namespace of its own."""
    argv = ["unshare", "--net", "--", "sh", "-c", "echo in; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"in\n"
        yield child
        child.kill()


@pytest.fixture
def netns(sleeper):
    return Path(f"/proc/{sleeper.pid}/ns/net")


@pytest.fixture(autouse=True)
def nothing_left_behind():
    descriptors, home = len(os.listdir("/proc/self/fd")), namespaces.current_inode()
    yield
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1  # the sleeper's pipe
    assert namespaces.current_inode() == home


def in_child(code: str, *argv: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*prefix, sys.executable, "-c", code, *argv],
        env={"PYTHONPATH": ROOT, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SOON_S,
        check=False,
    )


def test_inode_tells_namespaces_apart(netns):
    assert namespaces.inode(netns) == netns.stat().st_ino
    assert namespaces.inode(netns) != namespaces.current_inode()
    assert namespaces.inode(namespaces.CURRENT) == namespaces.current_inode()


def test_enter_moves_this_thread_only_and_comes_back(netns):
    home, elsewhere = namespaces.current_inode(), []
    with namespaces.enter(netns):
        assert namespaces.current_inode() == netns.stat().st_ino
        assert [name for _, name in socket.if_nameindex() if name not in ("lo", "sit0", "tunl0")] == []
    other = threading.Thread(target=lambda: elsewhere.append(namespaces.current_inode()))
    other.start()
    other.join()
    assert namespaces.current_inode() == home == elsewhere[0]


def test_a_thread_started_before_stays_at_home(netns):
    home, asked, answered, seen = namespaces.current_inode(), threading.Event(), threading.Event(), []

    def bystander():
        asked.wait(SOON_S)
        seen.append(namespaces.current_inode())
        answered.set()

    other = threading.Thread(target=bystander)
    other.start()
    with namespaces.enter(netns):
        asked.set()
        assert answered.wait(SOON_S)
    other.join()
    assert seen == [home]


def test_enter_comes_back_from_an_exception(netns):
    home = namespaces.current_inode()
    with pytest.raises(ZeroDivisionError), namespaces.enter(netns):
        assert namespaces.current_inode() != home
        raise ZeroDivisionError
    assert namespaces.current_inode() == home


def test_enter_takes_a_descriptor_and_leaves_it_open(netns):
    fd = os.open(netns, os.O_RDONLY)
    try:
        with namespaces.enter(fd):
            assert namespaces.current_inode() == netns.stat().st_ino
        assert namespaces.inode(fd) == netns.stat().st_ino
    finally:
        os.close(fd)


def test_a_socket_belongs_to_the_namespace_and_the_caller_never_moves(netns):
    home = namespaces.current_inode()
    with namespaces.socket_in(netns, socket.AF_INET, socket.SOCK_DGRAM) as made:
        owner = fcntl.ioctl(made, SIOCGSKNS)
        try:
            assert os.fstat(owner).st_ino == netns.stat().st_ino != home
        finally:
            os.close(owner)
        with pytest.raises(OSError, match="unreachable"):
            made.connect(("192.0.2.1", 9))
    assert namespaces.current_inode() == home


def test_a_socket_kind_that_does_not_exist_is_an_expected_error(netns):
    with pytest.raises(namespaces.NamespaceError, match="cannot be used"):
        namespaces.socket_in(netns, socket.AF_INET, socket.SOCK_STREAM, 254)


def test_call_in_hands_back_values_and_exceptions(netns):
    assert namespaces.call_in(netns, namespaces.current_inode) == netns.stat().st_ino
    with pytest.raises(ZeroDivisionError):
        namespaces.call_in(netns, lambda: 1 // 0)


def test_a_path_that_leads_to_a_namespace_will_do(netns, tmp_path):
    (tmp_path / "link").symlink_to(netns)
    assert namespaces.inode(tmp_path / "link") == netns.stat().st_ino


@pytest.mark.parametrize("kind", ["fifo", "file", "directory", "device", "other-namespace", "proc-file"])
def test_what_is_no_network_namespace_is_refused_at_once(kind, tmp_path):
    path = tmp_path / "it"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "file":
            path.write_text("net:[4026531840]")
        case "directory":
            path.mkdir()
        case "device":
            path = Path("/dev/tty")
        case "other-namespace":
            path = Path("/proc/self/ns/mnt")
        case "proc-file":
            path = Path("/proc/self/status")
    started = time.monotonic()
    for use in (namespaces.inode, lambda p: namespaces.enter(p).__enter__()):
        with pytest.raises(namespaces.NotANamespace) as caught:
            use(path)
        assert caught.value.remedy
    assert time.monotonic() - started < SOON_S


def test_descriptors_that_are_no_namespace(tmp_path):
    with open(tmp_path / "file", "w") as file, pytest.raises(namespaces.NotANamespace, match="descriptor"):
        namespaces.inode(file.fileno())
    with pytest.raises(namespaces.NotANamespace, match="not open"):
        namespaces.inode(9999)


def test_a_namespace_whose_process_ended_is_gone(sleeper, netns):
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(namespaces.NamespaceGone, match="is gone") as caught:
        namespaces.inode(netns)
    assert isinstance(caught.value, ProbeError) and caught.value.remedy
    with pytest.raises(namespaces.NamespaceGone):
        namespaces.socket_in(netns, socket.AF_INET, socket.SOCK_STREAM)


UNPRIVILEGED = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")


def test_without_privilege_the_error_says_so():
    code = """
import socket
from imds_probe.net import namespaces
for call in (
    lambda: namespaces.enter(namespaces.CURRENT).__enter__(),
    lambda: namespaces.socket_in(namespaces.CURRENT, socket.AF_PACKET, socket.SOCK_DGRAM),
):
    try:
        call()
    except namespaces.NamespaceRefused as error:
        print(error.remedy)
print(namespaces.current_inode() == namespaces.inode(namespaces.CURRENT))
"""
    done = in_child(code, prefix=UNPRIVILEGED)
    assert done.stderr == ""
    remedy = "Run as root (CAP_SYS_ADMIN, CAP_NET_RAW)"
    assert done.stdout.splitlines() == [remedy, remedy, "True"]


def test_a_thread_that_cannot_return_says_so_loudly(netns):
    code = """
import os, sys
from pathlib import Path
from imds_probe.errors import ProbeError
from imds_probe.net import namespaces
try:
    with namespaces.enter(Path(sys.argv[1])):
        os.setresuid(65534, 65534, 65534)  # drops every capability, CAP_SYS_ADMIN among them
except ProbeError:
    print("mistaken for expected trouble")
"""
    done = in_child(code, str(netns))
    assert done.stdout == ""
    assert done.returncode == 1
    assert "LostInNamespace: thread " in done.stderr and f"is stuck in {netns}" in done.stderr


@pytest.mark.parametrize(
    ("argv", "owner"),
    [
        (("unshare", "--net"), None),
        (("unshare", "--user", "--map-root-user", "--net"), None),
        (("unshare", "-Urn", "unshare", "-U"), None),
        (("setpriv", "--reuid=4242", "--clear-groups", "unshare", "--user", "--map-root-user", "--net"), 4242),
        (("setpriv", "--reuid=4242", "--clear-groups", *("unshare", "-Ur") * 3, "unshare", "-n"), 4242),
        (("unshare", "-Urn", "setpriv", "--reuid=0", "unshare", "-Urn"), None),
    ],
    ids=["root", "root in a user namespace", "a user namespace inside", "a user", "a user's users", "root's in root's"],
)
def test_who_made_a_network_namespace(argv, owner):
    with subprocess.Popen([*argv, "sh", "-c", "echo in; exec sleep 60"], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline() == b"in\n"
            assert namespaces.owner_uid(Path(f"/proc/{child.pid}/ns/net")) == owner
        finally:
            child.kill()


def test_ours_is_nobody_elses():
    assert namespaces.owner_uid(namespaces.CURRENT) is None


def test_a_user_who_asks_is_answered_as_far_as_that_user_sees():
    """In a user namespace of one's own, that one and what is around it are the system."""
    code = "from imds_probe.net import namespaces; print(namespaces.owner_uid(namespaces.CURRENT))"
    inside = ("unshare", "--user", "--map-root-user", "--net")
    done = in_child(code, prefix=inside)
    assert (done.stdout, done.stderr) == ("None\n", "")


@pytest.mark.parametrize(
    "missing", [namespaces.NS_GET_USERNS, user_namespace.NS_GET_PARENT, user_namespace.NS_GET_OWNER_UID]
)
def test_an_older_kernel_does_not_say(monkeypatch, missing):
    whole = fcntl.ioctl
    argv = ["unshare", "--user", "--net", "sh", "-c", "echo in; exec sleep 60"]

    def older(fd, request, *rest):
        if request == missing:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return whole(fd, request, *rest)

    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline() == b"in\n"
            monkeypatch.setattr(fcntl, "ioctl", older)
            with pytest.raises(namespaces.OwnerNotSaid, match="does not report who made"):
                namespaces.owner_uid(Path(f"/proc/{child.pid}/ns/net"))
        finally:
            child.kill()
