"""Real processes, real network namespaces, real control groups."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from control_groups import control_group
from discovering import namespace, own_netns, seen
from docker_engine import network_namespace
from soon import SOON_S, wait_for


@contextlib.contextmanager
def sleeper(*before, netns_of_its_own=False):
    child = subprocess.Popen([*before, "sleep", "120"], start_new_session=True)
    try:
        wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
        assert (os.stat(f"/proc/{child.pid}/ns/net").st_ino != own_netns()) == netns_of_its_own
        yield child.pid
    finally:
        child.kill()
        child.wait()


def pids_in(found, inode):
    """Of a network namespace: where one is gone, the kernel may give its number to the next one that somebody makes."""
    there = namespace(found, inode)
    return there.pids if there else ()


def test_the_test_itself_is_on_its_host():
    found = seen()
    assert found.namespaces[0].kind == "host"
    assert os.getpid() in found.namespaces[0].pids
    assert found.processes > 3


def test_a_process_that_unshared_its_network():
    with sleeper("unshare", "--net", netns_of_its_own=True) as pid:
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        group = namespace(seen(), inode)
        assert (group.kind, group.label, group.pids) == ("other", "sleep", (pid,))
        assert group.path == Path(f"/proc/{pid}/ns/net")
        assert group.path.stat().st_ino == inode
    assert pid not in pids_in(seen(), inode)


def test_named_namespaces_with_and_without_a_process():
    name = f"idtest-{os.getpid()}-live"
    with network_namespace(name) as path:
        inode = path.stat().st_ino
        empty = namespace(seen(), inode)
        assert (empty.kind, empty.label, empty.path, empty.pids) == ("named", name, path, ())
        with sleeper("nsenter", f"--net={path}", netns_of_its_own=True) as pid:
            assert namespace(seen(), inode).pids == (pid,)
    gone = namespace(seen(), inode)
    assert gone is None or (gone.label, gone.path) != (name, path)


@pytest.mark.parametrize(
    ("path", "runtime", "container_id"),
    [
        ("/docker/{id}", "docker", None),
        ("/kubepods/besteffort/pod{pod}/{id}", "kubernetes", None),
        ("/machine.slice/libpod-{id}.scope/container", "podman", None),
        ("/system.slice/docker-{id}.scope/init.scope", "docker", None),
        ("/ecs/0123456789abcdef0123456789abcdef/{id}", "ecs", None),
        ("/lxc.payload.idtest-{pid}/init.scope", "lxc", "idtest-{pid}"),
        ("/machine.slice/machine-idtest\\x2d{pid}.scope/payload", "nspawn", "idtest-{pid}"),
    ],
)
def test_control_groups_as_the_kernel_writes_them(path, runtime, container_id):
    full_id = f"{os.getpid():064x}"
    pod = "0a1b2c3d-0000-1111-2222-333344445555"
    words = {"id": full_id, "pid": os.getpid(), "pod": pod}
    with sleeper("unshare", "--net", netns_of_its_own=True) as pid, control_group(path.format(**words), pid):
        expected = (container_id or "{id}").format(**words)
        (container,) = [each for each in seen().containers if each.id == expected]
        assert (container.runtime, container.pids, container.network) == (runtime, (pid,), "own")
        assert container.netns == os.stat(f"/proc/{pid}/ns/net").st_ino
        assert container.pod_uid == (pod if "pod{pod}" in path else None)


def test_nested_control_groups_and_a_shared_network():
    outer, inner = f"{os.getpid():064x}", f"{os.getpid() + 1:063x}f"
    with sleeper("unshare", "--net", netns_of_its_own=True) as first:
        with sleeper("nsenter", f"--net=/proc/{first}/ns/net", netns_of_its_own=True) as second:
            with control_group(f"/docker/{outer}", first), control_group(f"/docker/{outer}/docker/{inner}", second):
                found = seen()
                inode = os.stat(f"/proc/{first}/ns/net").st_ino
                assert [(each.id, each.inside) for each in namespace(found, inode).containers] == [
                    (outer, None),
                    (inner, outer),
                ]


def test_a_frozen_container_is_found_without_waiting():
    full_id = f"{os.getpid():064x}"
    if (freezer := Path("/sys/fs/cgroup/freezer")).exists():
        switch, frozen, thawed = freezer / f"docker/{full_id}/freezer.state", "FROZEN", "THAWED"
    else:
        switch, frozen, thawed = Path(f"/sys/fs/cgroup/docker/{full_id}/cgroup.freeze"), "1", "0"
    with sleeper() as pid, control_group(f"/docker/{full_id}", pid):
        switch.write_text(frozen)
        try:
            started = time.monotonic()
            assert full_id in [each.id for each in seen().containers]
            assert time.monotonic() - started < SOON_S
        finally:
            switch.write_text(thawed)


def test_a_name_that_a_process_gave_itself():
    script = "import sys,time\nopen('/proc/self/comm','w').write('\\x1b[2J) S 1\\n')\nprint(flush=True)\ntime.sleep(60)"
    child = subprocess.Popen(["unshare", "--net", sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        assert (
            namespace(seen(), os.stat(f"/proc/{child.pid}/ns/net").st_ino).label == Path(sys.executable).resolve().name
        )
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_containers_come_and_go_while_it_looks():
    churn = "import subprocess\nwhile True: subprocess.Popen(['unshare', '--net', 'true']).wait()"
    noise = subprocess.Popen([sys.executable, "-c", churn], start_new_session=True)
    try:
        for _ in range(20):
            assert seen().processes > 0
    finally:
        os.killpg(noise.pid, 9)
        noise.wait()
