import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import wait_for

from imds_probe.errors import ProbeError
from imds_probe.inventory.containers.cgroups import TEXT_MAX, ContainerId
from imds_probe.inventory.containers.processes import (
    TICKS_A_SECOND,
    age_s,
    command_line,
    namespace_inode,
    place_of,
    walk,
)

ID = "0123456789abcdef" * 4


def by_pid(proc):
    return {process.pid: process for process in walk(proc).processes}


def test_all_that_a_process_says(tree):
    tree.add(77, f"0::/docker/{ID}\n", netns=5, pidns=6, mntns=7, comm="nginx", ppid=40, start=1234)
    process = by_pid(tree.path)[77]
    assert (process.netns, process.pidns, process.mntns) == (5, 6, 7)
    assert (process.comm, process.ppid, process.start_ticks, process.uid) == ("nginx", 40, 1234, os.getuid())
    assert process.membership.chain == (ContainerId("docker", ID),)


def test_how_long_a_process_has_run_is_told_by_the_clock_that_it_began_by(tree, monkeypatch):
    monkeypatch.setattr(time, "clock_gettime", lambda clock: {time.CLOCK_BOOTTIME: 1000.0}[clock])
    tree.add(77, start=250 * TICKS_A_SECOND)
    tree.add(78, start=1001 * TICKS_A_SECOND)
    assert [age_s(tree.path, pid) for pid in (77, 78, 79)] == [750.0, None, None]


def test_the_age_of_a_process_is_the_kernels():
    assert os.sysconf("SC_CLK_TCK") == TICKS_A_SECOND
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        age = age_s(Path("/proc"), child.pid)
    finally:
        child.communicate()
    assert age is not None
    assert age <= time.clock_gettime(time.CLOCK_BOOTTIME) - before + 1


def test_what_tells_processes_from_those_that_others_have_started(tree):
    tree.add(77, "0::/a.service\n", ppid=40)
    assert place_of(tree.path, 77) == ("0::/a.service\n", os.getuid(), 40)
    assert place_of(tree.path, 78) is None


def test_the_oldest_comes_first_whatever_its_number(tree):
    tree.add(30, start=500)
    tree.add(20, start=900)  # process numbers come round again
    assert [process.pid for process in walk(tree.path).processes] == [1, 30, 20]


@pytest.mark.parametrize(
    "comm",
    ["a) S 1 2 3 (b", "x\n9 (y) R 1", "\x1b]0;owned\x07", b"\xff\xfe\x00", "(((((", ")))))", "a b  c"],
)
def test_a_name_full_of_tricks_is_kept_and_breaks_nothing(tree, comm):
    tree.add(50, comm=comm, ppid=7, start=42)
    process = by_pid(tree.path)[50]
    assert (process.ppid, process.start_ticks) == (7, 42)
    assert process.comm == (comm if isinstance(comm, str) else comm.decode(errors="replace"))


def test_names_are_bounded(tree):
    tree.add(50, comm="x" * 5000)
    assert len(by_pid(tree.path)[50].comm) == TEXT_MAX


def test_kernel_threads_call_nobody(tree):
    tree.add(2, "0::/\n", comm="kthreadd", ppid=0, flags=0x208040)
    assert [process.pid for process in walk(tree.path).processes] == [1]


def test_processes_that_ended_are_counted_apart(tree):
    tree.add(50, state="Z")
    tree.add(51, netns=None)  # no link any more: it is past exit
    (tree.add(52) / "cgroup").unlink()
    (tree.add(53) / "stat").unlink()
    (tree.add(54) / "stat").write_bytes(b"")
    (tree.add(55) / "stat").write_bytes(b"55 (x) S what is this 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
    seen = walk(tree.path)
    assert [process.pid for process in seen.processes] == [1]
    assert (seen.vanished, seen.unreadable) == (6, 0)


def test_a_namespace_that_may_not_be_read_is_counted(tree):
    directory = tree.add(50)
    (directory / "ns/net").unlink()
    (directory / "ns/net").write_text("")  # readlink says EINVAL, as it says EPERM for a process of somebody else
    seen = walk(tree.path)
    assert seen.unreadable == 1
    assert by_pid(tree.path)[50].netns is None


def test_a_strange_link_is_not_a_namespace(tree):
    directory = tree.add(50, netns=None)
    os.symlink("/etc/passwd", directory / "ns/net")
    assert walk(tree.path).unreadable == 1
    assert namespace_inode(directory / "ns/net") is None
    assert namespace_inode(directory / "ns/none") is None


def test_no_proc_is_said(tmp_path):
    with pytest.raises(ProbeError, match="cannot be listed"):
        walk(tmp_path / "nowhere")


def test_command_lines(tree):
    tree.add(50, command=("dockerd", "--data-root", "/data"))
    assert command_line(tree.path, 50) == ("dockerd", "--data-root", "/data")
    assert command_line(tree.path, 51) == ()


def test_a_thousand_processes_are_all_seen(tree):
    for pid in range(2, 1002):
        tree.add(pid, f"0::/kubepods/burstable/pod{'ab' * 16}/{pid:064x}\n", netns=pid // 4)
    assert len(walk(tree.path).processes) == 1001


def test_this_very_process():
    process = by_pid(Path("/proc"))[os.getpid()]
    assert process.netns == os.stat("/proc/self/ns/net").st_ino
    assert process.pidns == os.stat("/proc/self/ns/pid").st_ino
    assert process.mntns == os.stat("/proc/self/ns/mnt").st_ino
    assert process.ppid == os.getppid()
    assert process.uid == os.geteuid()


def test_a_stopped_process_and_a_zombie():
    stopped = subprocess.Popen(["sleep", "60"])
    zombie = subprocess.Popen(["true"])
    try:
        os.kill(stopped.pid, 19)
        wait_for(lambda: b") Z" in Path(f"/proc/{zombie.pid}/stat").read_bytes())
        seen = by_pid(Path("/proc"))
        assert seen[stopped.pid].netns == os.stat("/proc/self/ns/net").st_ino
        assert zombie.pid not in seen
    finally:
        stopped.kill()
        stopped.wait()
        zombie.wait()


def test_processes_that_come_and_go_while_it_looks():
    churn = "import subprocess\nwhile True: subprocess.Popen(['true']).wait()"
    noise = subprocess.Popen([sys.executable, "-c", churn], start_new_session=True)
    try:
        for _ in range(50):
            assert os.getpid() in by_pid(Path("/proc"))
    finally:
        os.killpg(noise.pid, 9)
        noise.wait()


def test_without_privilege_others_processes_are_counted_as_unreadable():
    script = (
        "import os\nfrom pathlib import Path\n"
        "from imds_probe.inventory.containers.processes import walk\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "seen = walk(Path('/proc'))\n"
        "mine = [p for p in seen.processes if p.pid == os.getpid()]\n"
        "print(len(seen.processes), seen.unreadable, mine[0].netns)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project_root()
    )
    processes, unreadable, own = map(int, done.stdout.split())
    assert own == os.stat("/proc/self/ns/net").st_ino
    assert 0 < unreadable < processes


def project_root():
    import imds_probe

    return os.path.dirname(os.path.dirname(imds_probe.__file__))


def test_nothing_is_left_open(tree):
    tree.add(50)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        walk(tree.path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_proc_that_is_none_cannot_block(tree):
    # Below `root` somebody may have put anything in its place.
    for pid, name in ((50, "stat"), (51, "cgroup"), (52, "cmdline")):
        directory = tree.add(pid)
        (directory / name).unlink()
        os.mkfifo(directory / name)
    seen = walk(tree.path)
    assert [process.pid for process in seen.processes] == [1, 51, 52]
    assert (seen.vanished, seen.unreadable) == (1, 1)
    assert command_line(tree.path, 52) == ()


def test_a_list_of_processes_is_roots_or_none(tree, tmp_path):
    (tmp_path / "linked").symlink_to(tree.path)
    with pytest.raises(ProbeError, match="not a proc file system that root mounted"):
        walk(tmp_path / "linked")
    os.chown(tree.path, 4242, 4242)
    with pytest.raises(ProbeError, match="not a proc file system that root mounted"):
        walk(tree.path)


def test_a_process_says_its_users_and_whose_its_namespaces_are():
    as_mallory = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"]
    makers = {"none": as_mallory, "his": [*as_mallory, "unshare", "--user"], "roots": ["unshare", "--user"]}
    children = {name: subprocess.Popen([*before, "sleep", "60"]) for name, before in makers.items()}
    try:
        for child in children.values():
            wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")  # noqa: B023 - called here
        seen = by_pid(Path("/proc"))
        found = {name: seen[child.pid] for name, child in children.items()}
        assert {name: (each.real_uid, each.userns_maker) for name, each in found.items()} == {
            "none": (4242, None),
            "his": (4242, 4242),
            "roots": (0, 0),
        }
        assert {name: each.is_of_user(4242) for name, each in found.items()} == {
            "none": True,
            "his": True,
            "roots": False,
        }
        assert {name: each.user for name, each in found.items()} == {"none": 4242, "his": 4242, "roots": None}
        assert found["none"].userns == os.stat("/proc/self/ns/user").st_ino != found["his"].userns
    finally:
        for child in children.values():
            child.kill()
            child.wait()


def test_a_process_that_may_not_be_traced_is_not_roots():
    """Its files in /proc are root's, whoever it is: proc(5)."""
    script = (
        "import ctypes,os,time\nos.setgid(4242)\nos.setuid(4242)\n"
        "ctypes.CDLL(None).prctl(4, 0)\nprint(flush=True)\ntime.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        assert os.stat(f"/proc/{child.pid}/stat").st_uid == 0
        assert (by_pid(Path("/proc"))[child.pid].uid, by_pid(Path("/proc"))[child.pid].user) == (4242, 4242)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_kernel_without_user_namespaces(tree):
    directory = tree.add(50)
    (directory / "ns/user").unlink()
    assert by_pid(tree.path)[50].userns_maker is None
    assert by_pid(tree.path)[50].is_of_user(0)
