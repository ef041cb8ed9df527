"""Targets: what a process may have prepared of itself, and what container runtimes keep."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check, choose, chosen, printable
from image_stores import bolt

from imds_probe.collect import environment
from imds_probe.collect.sdk_reading import _user
from imds_probe.collect.sdk_search import Seen
from imds_probe.collect.sdk_software import _place, _users
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers import accounts, cgroups, containerd, docker, podman_state, storage
from imds_probe.inventory.containers.discovery import discover
from imds_probe.inventory.containers.group_owners import GroupOwners
from imds_probe.inventory.containers.processes import command_line, place_of, walk
from imds_probe.inventory.sdks import running
from imds_probe.inventory.settings import programs
from imds_probe.net.obstacles import proxies
from imds_probe.system.mounts import mount_points, options_of
from imds_probe.system.privilege import privileged
from imds_probe.system.rootfs import FileUnreadable
from imds_probe.watch import caller, tracing

ID = "0123456789abcdef" * 4
PID = 7
_FILES: Mapping[str, bytes] = {
    "stat": b"7 (conmon) S 1 " + b" ".join([b"0"] * 15) + b" 7 0 0\n",
    "status": b"Name:\tapp\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
    "cgroup": b"0::/user.slice/user-1000.slice/session-3.scope\n",
    "cmdline": f"/usr/bin/conmon\0-c\0{ID}\0-u\0{ID}\0--token\0secret\0".encode(),
    "environ": b"AWS_REGION=eu-west-1\0PYTHONPATH=/x:/y\0GEM_HOME=/gems\0CLASSPATH=/a.jar\0",
    "comm": b"app\n",
    "maps": b"7f00-7f01 r-xp 00000000 08:01 42   /usr/lib/libpython3.11.so.1.0\n7f00-7f01 r--p 0 08:01 42 /x (deleted)\n",
    "mountinfo": b"22 1 8:1 / /a\\040b rw - ext4 x rw\n",
    "statm": b"100 1 1 1 0 1 0\n",
    "net/tcp": b"  sl  local_address rem\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4242 1\n",
}
_LINKS = {
    "exe": "/usr/bin/python3.11",
    "root": "/",
    "cwd": "/srv",
    "ns/net": "net:[4026531840]",
    "ns/pid": "pid:[1]",
    "ns/mnt": "mnt:[2]",
}


def _made(root: Path) -> tuple[Path, Path]:
    """A directory that looks like a proc file system with one process."""
    proc = root / "proc"
    at = proc / str(PID)
    for name, content in _FILES.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(content)
    for name, target in _LINKS.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, at / name)
    (at / "fd").mkdir()
    os.symlink("socket:[4242]", at / "fd/3")
    return proc, at


def _process(root: Path) -> Parse:
    """All that looks at a process, one of whose files or links is the input."""
    proc, at = _made(root)
    names = [*_FILES, *_LINKS]

    def parse(data: bytes) -> None:
        number, content = choose(data, len(names))
        name = names[number]
        if name in _LINKS:
            target = content.replace(b"\0", b"")[:4000]
            if not target:
                return
            (at / name).unlink()
            os.symlink(target, os.fsencode(at / name))
        else:
            (at / name).write_bytes(content)
        _look(root, proc, at)
        if name in _LINKS:
            (at / name).unlink()
            os.symlink(_LINKS[name], at / name)
        else:
            (at / name).write_bytes(_FILES[name])

    return parse


def _look(root: Path, proc: Path, at: Path) -> None:
    check(command_line(proc, PID))
    for each in walk(proc).processes:
        assert len(each.comm) <= cgroups.TEXT_MAX
    with contextlib.suppress(ProbeError):
        discover(root, proc, 4026531840, in_own_pid_namespace=False)
    seen = caller.caller_of(proc, PID)
    if seen is not None:
        for text, limit in ((seen.comm, 64), (seen.exe, caller.SHOWN_MAX), (seen.command, caller.SHOWN_MAX)):
            printable(text, limit)
        for parent in seen.parents:
            printable(parent, 64)
    caller.has_begun_its_program(proc, PID)
    running.look(proc, PID)
    mount_points(proc, PID)
    options_of(proc, PID, "proc")
    privileged(at / "status")
    found = programs.find(proc, [PID], {"row": ("/usr/bin/python3.11",)}, {"AWS_REGION"})
    for program in found["row"]:
        printable(program.name, 60)
    check(environment.collect(proc, [PID]))
    seen_by_task = {PID: Seen(_user(proc, PID), None)}
    place_of(proc, PID)
    place = _place(seen_by_task[PID], GroupOwners(proc.parent).owner, in_container=False)
    for user in _users(seen_by_task, {PID: place}):
        printable(user.comm, 64)
    for proxy in proxies.running(proc):
        proxies.obstacles([proxy], [])
    tracing.read_pieces(at / "mountinfo", 4096)


def _process_seeds() -> Mapping[str, bytes]:
    found = {name.replace("/", "-"): chosen(number, content) for number, (name, content) in enumerate(_FILES.items())}
    links = {
        name.replace("/", "-"): chosen(len(_FILES) + at, target) for at, (name, target) in enumerate(_LINKS.items())
    }
    python = b"/usr/bin/python3\0-c\0x\0--password=secret\0"
    java = b"/usr/bin/java\0-cp\0/a.jar:/b/*\0-Dx=y\0Main\0"
    node, ruby = b"node\0/srv/app.js\0", b"ruby\0-I/x\0/srv/app.rb\0"
    at = list(_FILES).index("cmdline")
    more = {f"command-{index}": chosen(at, each) for index, each in enumerate((python, java, node, ruby))}
    exe = len(_FILES)
    ran = {
        each: chosen(exe, f"/usr/bin/{each} (deleted)")
        for each in ("java", "node", "ruby3.1", "php8.2", "dotnet", "kiam")
    }
    return found | links | more | ran | {"kiam-comm": chosen(list(_FILES).index("comm"), "kiam\n")}


def _cgroups(data: bytes) -> None:
    found = cgroups.membership_of(data.decode(errors="replace"))
    for container in found.chain:
        assert 0 < len(container.id) <= cgroups.TEXT_MAX
    check(found)


def _cgroup_seeds() -> Mapping[str, bytes]:
    pod = "0a1b2c3d-0000-1111-2222-333344445555"
    paths = (
        f"/system.slice/docker-{ID}.scope",
        f"/kubepods.slice/kubepods-pod{pod.replace('-', '_')}.slice/cri-containerd-{ID}.scope",
        f"/ecs/task/{ID}",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/libpod-payload-{ID}",
        f"/docker/{ID}/kubepods/pod{pod}/{ID}",
        "/machine.slice/machine-x\\x2dy.scope/payload",
        "/lxc.payload.web/init.scope",
        f"/ns:crio:{ID}",
        "/default/web",
    )
    return {str(number): f"12:cpu:/x\n0::{path}\n".encode() for number, path in enumerate(paths)}


_CRI, _CRIO = "io.kubernetes.cri.", "io.kubernetes.cri-o."
_STORED = {"id": ID, "names": ["web"], "metadata": json.dumps({"image-name": "nginx", "name": "x"})}
_LABELS = {"io.kubernetes.pod.name": "p", "io.kubernetes.container.name": "web"}
_JSON: Mapping[str, object] = {
    f"var/lib/docker/containers/{ID}/config.v2.json": {
        "Name": "/web",
        "Config": {"Image": "nginx", "Labels": _LABELS, "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5}},
    },
    "etc/docker/daemon.json": {"data-root": "/srv/docker", "graph": "/x"},
    f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json": {
        "annotations": {f"{_CRI}container-name": "web", f"{_CRI}container-type": "sandbox"}
    },
    "var/lib/containers/storage/overlay-containers/containers.json": [_STORED],
    f"var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json": {
        "annotations": {**_LABELS, f"{_CRIO}ContainerType": "sandbox", f"{_CRIO}ImageName": "nginx"}
    },
}
_STORE, _CHECKED = "var/lib/containers/storage", b'{"healthcheck": {"Test": ["CMD-SHELL", "x"], "Interval": 5}}'


def _database() -> bytes:
    """What podman keeps since it has SQLite."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table ContainerConfig(ID TEXT, Name TEXT, PodID TEXT, JSON TEXT)")
        database.execute("insert into ContainerConfig values (?, 'web', null, ?)", (ID, _CHECKED.decode()))
        database.commit()
        return database.serialize()


RECORDS: Mapping[str, bytes] = {
    **{path: json.dumps(value).encode() for path, value in _JSON.items()},
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nx:x:1000:1000:x:/home/x:/bin/sh\n",
    f"{_STORE}/libpod/bolt_state.db": bolt({b"ctr": {ID.encode(): {b"config": _CHECKED}}}),
    f"{_STORE}/db.sql": _database(),
}


def _records(root: Path) -> Parse:
    """What runtimes keep, a file at a time."""
    for path in RECORDS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
    paths = list(RECORDS)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(paths))
        (root / paths[at]).write_bytes(content)
        notes: list[str] = []
        places = docker.data_roots(root, (), notes)
        found: list[object] = [places, accounts.homes(root, notes), storage.listed(root, storage.SYSTEM_STORES, notes)]
        found.append(podman_state.checks(root, storage.SYSTEM_STORES, notes))
        for look in (
            lambda: docker.describe(root, places, ID),
            lambda: storage.describe_crio(root, ID),
            lambda: [containerd.describe(root, bundle) for bundle in containerd.bundles(root, notes).values()],
        ):
            with contextlib.suppress(FileUnreadable):
                found.append(look())
        check(found)
        check(notes)
        (root / paths[at]).unlink()

    return parse


TARGETS = {
    "process": Target(_process, _process_seeds),
    "control-groups": Target(lambda _: _cgroups, _cgroup_seeds),
    "container-records": Target(
        _records, lambda: {f"record-{at}": chosen(at, content) for at, content in enumerate(RECORDS.values())}
    ),
}
