"""A made-up host on a real lab: what discovery sees of it, and that the machine sees nothing of it afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

import imds_probe
from imds_probe.errors import CommandMissing
from imds_probe.simulator.lab import privilege, processes
from imds_probe.simulator.lab.host import HostError, MadeUpHost
from imds_probe.simulator.lab.lab import Lab

SOURCE = str(Path(imds_probe.__file__).parents[1])
DISCOVER = """
import dataclasses, json, sys
from pathlib import Path
from imds_probe.inventory.containers.discovery import discover
root = Path(sys.argv[1])
print(json.dumps(dataclasses.asdict(discover(root, root / "proc", in_own_pid_namespace=False)), default=str))
"""
ROOTLESS = """
import json, sys
from pathlib import Path
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
root = Path(sys.argv[1])
with Lab("rootless") as lab, MadeUpHost(lab.instance, root) as host:
    node = lab.add_container("c")
    pid = host.start_container("web", node)
    done = host.run([sys.executable, "-c", sys.argv[2], str(root)], timeout_s=60, env={"PYTHONPATH": sys.argv[3]})
    print(json.dumps([json.loads(done.stdout), pid, node.inode]))
"""


@pytest.fixture
def lab():
    with Lab("made-up") as built:
        yield built


@pytest.fixture
def host(lab, tmp_path):
    with MadeUpHost(lab.instance, tmp_path) as running:
        yield running
    assert_gone(lab, tmp_path)


def assert_gone(lab, root):
    assert str(root) not in Path("/proc/self/mountinfo").read_text()
    assert list((root / "proc").iterdir()) == []
    wait_for(lambda: processes.pids(lab.id) == [])


def discovered(host):
    argv = [sys.executable, "-c", DISCOVER, str(host.root)]
    done = host.run(argv, timeout_s=SOON_S, env={"PYTHONPATH": SOURCE})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(host, path):
    return host.run(["cat", str(path)], timeout_s=SOON_S).stdout


def test_discovery_sees_the_containers(lab, host):
    bridge = lab.add_container("bridge")  # made after the host was started
    pid = host.start_container("web", bridge, image="nginx:1")
    second = host.start_container("sidecar", bridge)
    labels = {"io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "pod-1"}
    on_host = host.start_container("k8s_x", labels=labels)
    seen = discovered(host)
    assert seen["complete"]
    fields = ("runtime", "name", "image", "pod", "pids", "netns", "network")
    assert [[container[key] for key in fields] for container in seen["containers"]] == [
        ["docker", "web", "nginx:1", None, [pid], bridge.inode, "own"],
        ["docker", "sidecar", "example/app:1", None, [second], bridge.inode, "own"],
        ["docker", "app", "example/app:1", "pod-1", [on_host], lab.instance.inode, "host"],
    ]
    kinds = {space["inode"]: (space["kind"], len(space["containers"])) for space in seen["namespaces"]}
    assert kinds == {lab.instance.inode: ("host", 1), bridge.inode: ("container", 2)}


def test_a_started_process_is_exactly_what_was_asked_for(lab, host):
    node = lab.add_container("c")
    text = "12:pids:/docker/x\n0::/a b/\N{SNOWMAN}\n"
    pid = host.start(("sleep", "1000"), node=node, cgroup=text, env={"AWS_REGION": "eu-west-1", "HOME": "/h"})
    assert read(host, f"/proc/{pid}/cmdline") == b"sleep\x001000\x00"
    assert set(read(host, f"/proc/{pid}/environ").decode().rstrip("\0").split("\0")) == {
        f"PATH={imds_probe.system.process.SEARCH_PATH}",
        "LC_ALL=C",
        "HOME=/h",
        "AWS_REGION=eu-west-1",
        f"{processes.MARKER}={lab.id}",
    }
    for proc in (Path("/proc"), host.root / "proc"):
        assert read(host, proc / str(pid) / "cgroup").decode() == text
    assert host.run(["readlink", f"/proc/{pid}/ns/net"], timeout_s=SOON_S).stdout == b"net:[%d]\n" % node.inode


def test_without_a_cgroup_the_real_one_shows(host):
    pid = host.start()
    assert read(host, f"/proc/{pid}/cgroup") == read(host, "/proc/1/cgroup")


def test_an_ended_process_is_gone(host):
    kept, ended = host.start_container("kept"), host.start_container("ended")
    host.end(ended)
    assert [container["name"] for container in discovered(host)["containers"]] == ["kept"]
    assert host.run(["test", "-e", f"/proc/{ended}"], timeout_s=SOON_S).returncode == 1
    host.end(kept)


def test_a_frozen_process_is_there_and_stopped(host):
    pid = host.start()
    host.freeze(pid)
    wait_for(lambda: b"State:\tT" in read(host, f"/proc/{pid}/status"))


def test_running_a_program(lab, host):
    inode = b"net:[%d]\n" % lab.instance.inode
    assert host.run(["readlink", "/proc/self/ns/net"], timeout_s=SOON_S).stdout == inode
    shell = ["sh", "-c", "cat; echo $WORD; exit 7"]
    done = host.run(shell, stdin=b"fed ", env={"WORD": "x"}, timeout_s=SOON_S)
    assert (done.stdout, done.returncode) == (b"fed x\n", 7)
    done = subprocess.run(host.command(["cat", "/proc/1/cmdline"]), capture_output=True, check=True, timeout=SOON_S)
    assert done.stdout == b"sleep\0infinity\0"


def test_the_calling_thread_stays_where_it_is(host):
    before = {kind: os.readlink(f"/proc/thread-self/ns/{kind}") for kind in ("net", "mnt", "pid", "pid_for_children")}
    host.run(["true"], timeout_s=SOON_S)
    host.start()
    assert before == {kind: os.readlink(f"/proc/thread-self/ns/{kind}") for kind in before}


def test_a_program_that_is_not_there(host):
    with pytest.raises(CommandMissing, match="no-such-program"):
        host.start(("no-such-program",))
    assert host.start() > 1


def test_an_exception_ends_everything(lab, tmp_path):
    with pytest.raises(ZeroDivisionError):
        with MadeUpHost(lab.instance, tmp_path) as host:
            host.start_container("web", lab.add_container("c"))
            assert len(processes.pids(lab.id)) >= 2
            raise ZeroDivisionError
    assert_gone(lab, tmp_path)


def test_it_ends_with_the_lab(tmp_path):
    with Lab("made-up") as lab:
        host = MadeUpHost(lab.instance, tmp_path)
        host.__enter__()
        host.start_container("web", lab.add_container("c"))
    assert_gone(lab, tmp_path)
    host.stop()


def test_before_it_stands_nothing_runs_in_it(lab, tmp_path):
    with pytest.raises(HostError, match="does not stand"):
        MadeUpHost(lab.instance, tmp_path).start()


def test_what_keeps_it_from_standing_is_said(lab, tmp_path):
    with pytest.raises(HostError, match="missing/proc cannot be made: No such file"):
        MadeUpHost(lab.instance, tmp_path / "missing").__enter__()
    (tmp_path / "proc").symlink_to(tmp_path / "nowhere")
    with pytest.raises(HostError, match="/proc cannot be made: File exists"):
        MadeUpHost(lab.instance, tmp_path).__enter__()


def test_it_works_without_root(tmp_path):
    argv = [sys.executable, "-c", ROOTLESS, str(tmp_path), DISCOVER, SOURCE]
    done = privilege.run_in_userns(argv, timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()
    seen, pid, inode = json.loads(done.stdout)
    (container,) = seen["containers"]
    assert (container["name"], container["pids"], container["netns"]) == ("web", [pid], inode)
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_what_is_installed_on_the_machine_is_not_in_containers(lab, host):
    pid = host.start_container("web", lab.add_container("c"))
    listed = host.run(["ls", f"/proc/{pid}/root", f"/proc/{pid}/root/var"], timeout_s=SOON_S)
    names = listed.stdout.decode().split()
    assert "usr" in names
    assert not {"var", "etc", "root", "home"} & set(names)
    assert b"No such file" in listed.stderr
