"""Rehearsals in processes of their own, which are killed: `Owners` has one Python start them one after the other, by a fork each.

The service stands on an address of loopback, in the network namespace of the tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from soon import SOON_S, wait_for

from imds_probe.net.nfnetlink import Nfnetlink
from imds_probe.rehearsal import backends, group, iptables
from imds_probe.rehearsal.asking import exchange
from imds_probe.rehearsal.classes import left_set
from imds_probe.rehearsal.leftovers import undo
from imds_probe.system.procfs import NOWHERE

NF_TABLES = "nf_tables"
BACKENDS = [NF_TABLES, "iptables-nft", "iptables-legacy"]
SERVICE = "127.0.0.9"
GET = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\n\r\n"
CURL = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m"]  # and so many seconds
PATIENT, IMPATIENT = "60", "5"
PATH = "/latest/meta-data/instance-id"
ID = "ab12" * 16
OWN_MOUNTS = "IMDS_PROBE_TEST_MOUNTS"
# What is told by classes, where control groups of version 1 are alone.
BY_CLASS = ("unit", "container")


def addresses(simulator):
    """Of a simulator that listens on loopback, by family."""
    return {socket.AF_INET6 if ":" in host else socket.AF_INET: (host, port) for host, port in simulator.addresses}


def url(address) -> str:
    host, port = address
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"


def status_inside(directory: Path, address, within_s: str = PATIENT) -> str:
    """What a program in a control group is answered without a token, 000 where it is not."""
    argv = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(directory / "cgroup.procs"), *CURL, within_s, url(address)]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def status_outside(address) -> int:
    return int(exchange(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, address, GET).split()[1])


def what_there_is(below: Path) -> dict[str, str]:
    """All that a rehearsal could change, as its own tools show it."""
    shown = {}
    commands = ["nft list ruleset", "ip rule", "ip -6 rule"]
    commands += [f"{tool}-save" for backend in BACKENDS[1:] for tool in tools_of(backend).values()]
    for command in commands:
        said = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
        # Without the time, and how many packets of anybody's there were.
        shown[command] = re.sub(r"(?m)^#.*\n|\[\d+:\d+\]", "", said)
    return shown | {"control groups": str(group.left_behind(below)), "classes": str(left_set(below, Path("/proc")))}


def tables() -> list[str]:
    with Nfnetlink() as netlink:
        return [name for _, name in netlink.tables() if group.NAME.fullmatch(name)]


def rules_of(backend: str) -> int:
    """How many tables or chains of rehearsals there are."""
    return len(tables() if backend == NF_TABLES else iptables.chains(None, tools_of(backend)))


def tools_of(backend: str) -> dict[socket.AddressFamily, str]:
    """iptables-nft or iptables-legacy, and the same of IPv6."""
    kind = backend.removeprefix("iptables")
    return {socket.AF_INET: f"iptables{kind}", socket.AF_INET6: f"ip6tables{kind}"}


def version_1() -> tuple[object, object, object]:
    """What to set so that a process knows of no control groups of version 2, and of version 1 only those that are mounted below
    OWN_MOUNTS of its environment: other tests' come and go.
    """
    mounts = group.mounts

    def own(*of) -> tuple:
        below = os.environ[OWN_MOUNTS]
        there = (each for each in mounts(*of) if each.kind != "cgroup2")
        return tuple(each for each in there if each.kind != "cgroup" or each.point.startswith(below))

    return group, "mounts", own


def uses(backend: str, kind: str = "command") -> list[tuple[object, object, object]]:
    """What to set so that a process uses a backend, which it would choose by its kernel. Those of iptables know no groups of
    version 2.
    """
    if backend == NF_TABLES:
        return [version_1()] if kind in BY_CLASS else []
    return [
        version_1(),
        (backends, "excluding", lambda _: True),
        *((iptables.TOOLS, family, tool) for family, tool in tools_of(backend).items()),
    ]


# Before anything has taken these numbers from their modules.
_LASTING = """
with open("/proc/self/cmdline", "rb") as file:
    if b"rehearse" in file.read().split(b"\\0"):
        from imds_probe.rehearsal import rules
        rules.LEASE_S = 600.0
        from imds_probe.rehearsal import trying
        trying.FRESH_S = 10.0
"""


def lasting_lease(directory: Path) -> dict[str, str]:
    """The environment of a command that rehearses, and whose lease does not run out where a slow machine is late to renew it: a
    request is then served that a test expects to be refused. What keeps it from that is written below `directory`.
    """
    place = directory / "lasting"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(_LASTING)
    return {"PYTHONPATH": f"{place}:{Path(__file__).parents[1]}"}


class Owners:
    """Starts owners of rehearsals; use it in a `with` statement, which ends them and clears up. `target` is the control group of a
    unit or container.
    """

    def __init__(
        self,
        simulator,
        *,
        held: bool = True,
        kind: str = "command",
        backend: str = NF_TABLES,
        target: Path | None = None,
    ) -> None:
        self._where = json.dumps([[int(family), *address] for family, address in addresses(simulator).items()])
        self._how = ["held" if held else "", kind, backend, str(target or "")]

    def __enter__(self) -> Self:
        argv = [sys.executable, __file__, self._where, *self._how]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        self._starter = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._starter.stdout.readline() == "imported\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._starter.communicate(timeout=SOON_S)  # it kills what it has started, and waits for that

    def begin(self) -> int:
        """A new owner, which is on its way; its process id."""
        self._starter.stdin.write("begin\n")
        self._starter.stdin.flush()
        return int(self._starter.stdout.readline())

    def ready(self) -> None:
        """Wait until the owner leads callers to its relay."""
        line = self._starter.stdout.readline()
        assert line == "ready\n", line

    def kill(self, pid: int) -> None:
        """kill -9, and its end; what it said before that is read."""
        self._starter.stdin.write(f"kill {pid}\n")
        self._starter.stdin.flush()
        while (line := self._starter.stdout.readline()) != "killed\n":
            assert line == "ready\n", line


def group_of(pid: int, below: Path) -> Path | None:
    """The control group of an owner, where it is there."""
    return next((each for each in group.left_behind(below) if f"-{pid}-" in each.name), None)


def caller_of(pid: int, below: Path, kind: str) -> Path | None:
    """A control group of somebody whom an owner leads, where it is there."""
    return below if kind == "host" else below / name_of_container() if kind == "container" else group_of(pid, below)


def name_of_container() -> str:
    """Of the control group that its runtime makes for a container."""
    return f"docker-{ID}.scope"


@contextlib.contextmanager
def mounted(below: Path, options: str, name: str) -> Iterator[Path]:
    """A hierarchy of control groups of version 1, mounted once more where it is already."""
    mount = below / name
    mount.mkdir()
    subprocess.run(["mount", "-t", "cgroup", "-o", options, name, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)


@contextlib.contextmanager
def sleeping_in(*directories: Path) -> Iterator[int]:
    """A process in these control groups, which are made, and removed in the end; its number."""
    for each in directories:
        each.mkdir(parents=True, exist_ok=True)
    enter = "".join(f'echo $$ > "{each}/cgroup.procs" && ' for each in directories)
    child = subprocess.Popen(["sh", "-c", f"{enter} exec sleep 600"])
    try:
        for each in directories:
            wait_for(lambda each=each: str(child.pid) in (each / "cgroup.procs").read_text().split())
        yield child.pid
    finally:
        child.kill()
        child.wait(SOON_S)
        for each in directories:
            wait_for(lambda each=each: group.removed(each))


@contextlib.contextmanager
def target_of(kind: str, here: Path, below: Path) -> Iterator[Path | None]:
    """The control group of what `Owners` of this kind rehearse, with a process in it; None for a command and the host."""
    if kind not in BY_CLASS:
        yield None
    elif kind == "container":
        directory = here / name_of_container()
        with sleeping_in(directory):
            yield directory
    else:
        with mounted(below, "none,name=systemd", "systemd") as systemd:
            top = systemd / f"imds-probe-test-{os.getpid()}.slice"
            try:
                with sleeping_in(top / "web.service"):
                    yield top / "web.service"
            finally:
                assert group.removed(top)


def wait_until_direct(directory: Path, address) -> None:
    """One that came to a relay that is stopped, or was led to one that is gone, tries again, as clients do."""
    wait_for(lambda: status_inside(directory, address, IMPATIENT) == "200")


def wait_until_led(directory: Path, address) -> None:
    wait_for(lambda: status_inside(directory, address, IMPATIENT) == "401")


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A control group of the test's own with this process in it, so that nobody meets rehearsals of other tests. What is left in
    it is removed.
    """
    around = group.own_directory()
    directory = around / f"imds-probe-test-{os.getpid()}"
    directory.mkdir()
    (directory / "cgroup.procs").write_text("0")
    try:
        yield directory
    finally:
        undo(directory)
        (around / "cgroup.procs").write_text("0")
        assert group.removed(directory)


def _target(kind: str, directory: Path):
    from imds_probe.inventory.containers.discovered import DiscoveredContainer
    from imds_probe.rehearsal.container import Container
    from imds_probe.rehearsal.unit import Unit

    if kind == "unit":
        return Unit(directory.name, directory.parent)
    (pid,) = group.members(directory)
    return Container(DiscoveredContainer(ID, "docker", "web", None, None, None, (pid,), pid, 1, "host"), {})


def _own(where: str, held: bool, kind: str, target: str) -> None:
    """The life of an owner."""
    from imds_probe.inventory.containers.discovered import Discovery
    from imds_probe.net.obstacles.obstacle import Obstacles
    from imds_probe.rehearsal.asking import learn
    from imds_probe.rehearsal.host import HostRehearsal
    from imds_probe.rehearsal.rehearsal import Rehearsal
    from imds_probe.rehearsal.rules import Rules

    if not held:
        put_up = Rules.put_up
        Rules.put_up = lambda rules, **_: put_up(rules, held=False)
    there = {socket.AddressFamily(family): (host, port) for family, host, port in json.loads(where)}
    service = learn(there, ask_without_token=False)
    rehearsal: Rehearsal | HostRehearsal = Rehearsal(service, 1, _target(kind, Path(target)) if target else None)
    if kind == "host":  # which has no process and no container: those of the machine are not its
        rehearsal = HostRehearsal(
            service,
            1,
            discovered=lambda: Discovery((), (), 0, 0, True, ()),
            obstacles=lambda _: Obstacles((), ()),
            proc=NOWHERE,
        )
    rehearsal.ready()
    os.write(1, b"ready\n")  # all of it or nothing, whenever this is killed
    while True:
        rehearsal.beat()
        rehearsal.follow()
        time.sleep(0.2)


def _start(where: str, held: bool, kind: str, target: str) -> None:
    import imds_probe.rehearsal.asking
    import imds_probe.rehearsal.container
    import imds_probe.rehearsal.host
    import imds_probe.rehearsal.rehearsal
    import imds_probe.rehearsal.unit  # noqa: F401

    print("imported", flush=True)
    owners = set()
    for line in sys.stdin:
        if line == "begin\n":
            pid = os.fork()
            if pid == 0:
                try:
                    _own(where, held, kind, target)
                except Exception as error:  # noqa: BLE001 - said, and waited for to be killed
                    traceback.print_exc()
                    print(f"failed: {error!r}", flush=True)
                    signal.pause()
            owners.add(pid)
            print(pid, flush=True)
        else:
            pid = int(line.split()[1])
            owners.remove(pid)
            _end(pid)
            print("killed", flush=True)
    for pid in owners:
        _end(pid)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    for place_of, what, new in uses(sys.argv[4], sys.argv[3]):
        if isinstance(place_of, dict):
            place_of[what] = new
        else:
            setattr(place_of, what, new)
    _start(sys.argv[1], bool(sys.argv[2]), sys.argv[3], sys.argv[5])


@contextlib.contextmanager
def held_by_user(path: Path | str) -> Iterator[int]:
    """A lock on it, of a process that has given up being root; its process id."""
    code = (
        "import fcntl, os, sys\nopened, end = map(int, sys.argv[1:])\n"
        "os.setuid(4242)\nfcntl.flock(opened, fcntl.LOCK_EX)\nprint(flush=True)\nos.read(end, 1)"
    )
    opened, (end, ours) = os.open(path, os.O_RDONLY), os.pipe()
    argv = [sys.executable, "-I", "-S", "-c", code, str(opened), str(end)]
    try:
        with subprocess.Popen(argv, stdout=subprocess.PIPE, pass_fds=[opened, end]) as user:
            os.close(end)
            assert user.stdout is not None and user.stdout.readline() == b"\n"
            try:
                yield user.pid
            finally:
                os.close(ours)
    finally:
        os.close(opened)
