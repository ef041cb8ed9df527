"""A made-up EC2 host on top of a lab: a process list of its own, with containers in it.

    processes   a PID namespace; process 1 is in the instance's network namespace, as on a real host
    /proc       a mount namespace; the process list stands in /proc and below the made-up host's root
    containers  processes in the network namespace of a node, with records as Docker keeps them

Which container a process belongs to is what /proc/PID/cgroup says. Control groups of the machine are left alone: a file
is mounted over that one, inside the made-up host only.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import json
import os
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from imds_probe.errors import ProbeError
from imds_probe.simulator.lab import processes
from imds_probe.simulator.lab.node import Node
from imds_probe.system import process
from imds_probe.system.background import Background

CLONE_FS, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x200, 0x20000, 0x20000000, 0x40000000  # <linux/sched.h>
MS_BIND = 4096  # <linux/mount.h>
READY_WITHIN_S = 10.0
# The new /proc takes the place of the machine's, inside only, and is what --root leads to as well. Containers get a root
# with the machine's programs and nothing else of it: what is installed on the machine is not installed in them.
_FIRST_PROCESS = """
set -e
mount -t proc proc /proc
mount --bind /proc "$0/proc"
echo ready
exec sleep infinity
"""
_CONTAINER_ROOT = """
set -e
mount -t tmpfs image "$0"
mkdir "$0/usr" "$0/dev" "$0/proc"
mount --rbind /usr "$0/usr"
mount --bind /proc "$0/proc"
touch "$0/dev/null"
mount --bind /dev/null "$0/dev/null"
[ ! -d /usr/lib/sysimage ] || mount -t tmpfs nothing "$0/usr/lib/sysimage"
for way in bin lib lib64 sbin; do
    if [ -L "/$way" ]; then
        ln -s "$(readlink "/$way")" "$0/$way"
    elif [ -d "/$way" ]; then
        mkdir "$0/$way"
        mount --rbind "/$way" "$0/$way"
    fi
done
while [ $# -ge 2 ]; do
    mkdir -p "$0$2"
    mount --bind "$1" "$0$2"
    shift 2
done
"""
IDLE = ("sleep", "infinity")

T = TypeVar("T")


class HostError(ProbeError):
    """The made-up host could not be set up."""


class MadeUpHost:
    """Processes of a made-up host; use it in a `with` statement while its lab stands.

    `root` is a directory laid out as a host's root, see scenarios.write_host; a `proc` is made in it. Everything goes
    when process 1 is ended, which leaving the block does, and the lab when it is taken down.
    """

    def __init__(self, instance: Node, root: Path) -> None:
        self.root = root
        self._instance = instance
        self._init: subprocess.Popen[bytes] | None = None
        self._files = contextlib.ExitStack()
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            (self.root / "proc").mkdir(exist_ok=True)
        except OSError as error:
            raise HostError(f"{self.root}/proc cannot be made: {error.strerror}", "Give a host's root.") from None
        directory = self._files.enter_context(tempfile.TemporaryDirectory(prefix="imds-probe-host-"))
        self._groups, self._images = Path(directory, "cgroups"), Path(directory, "images")
        self._groups.mkdir()
        self._images.mkdir()
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "slave", "--", "sh", "-c"]
        self._init = self._instance.start(
            [*argv, _FIRST_PROCESS, str(self.root)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = _first_line(self._init)
        if said != "ready":
            self.stop()
            raise HostError(f"a made-up host could not be set up: {said or 'nothing was said'}", "Run as root.")
        self._image = self.container_root({})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all its processes; their mounts go with them."""
        for child in (self._init, *self._children.values()):
            if child is not None:
                process.stop(child)
        self._children.clear()
        self._files.close()

    def command(self, argv: Sequence[str]) -> list[str]:
        """The argument list that runs a program inside, for whoever starts it by other means than `run`."""
        here = self._namespaces()
        return [
            "nsenter",
            f"--pid={here / 'pid_for_children'}",
            f"--mount={here / 'mnt'}",
            f"--net={here / 'net'}",
            *("--", *argv),
        ]

    def run(
        self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> process.Completed:
        """Run a program inside, on the instance's network, to its end. Errors as process.run."""
        return self._inside(
            None, lambda: process.run(argv, timeout_s=timeout_s, stdin=stdin, env=self._environment(env))
        )

    def start(
        self,
        argv: Sequence[str] = IDLE,
        *,
        node: Node | None = None,
        cgroup: str | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | None = subprocess.DEVNULL,
        root: Path | None = None,
    ) -> int:
        """Start a program inside, on the network of `node` (the instance's by default); return its process id there.

        `cgroup` is the text of its /proc/PID/cgroup, `root` its root directory. Its environment is that of
        process.environment, `env` and the mark of the lab.
        """
        child = self._inside(
            node, lambda: process.start(argv, env=self._environment(env), stdout=stdout, stderr=stdout), root
        )
        pid = _inner_pid(child.pid)
        self._children[pid] = child
        if cgroup is not None:
            text = self._groups / str(pid)
            text.write_text(cgroup)
            for proc in (Path("/proc"), self.root.resolve() / "proc"):  # two mounts: neither shows what is on the other
                self._inside(None, functools.partial(_mount_over, text, proc / str(pid) / "cgroup"))
        return pid

    def container_root(self, contents: Mapping[str, Path]) -> Path:
        """A root directory for containers: the machine's programs, and directories of it at the given paths, read by
        whoever is started there. It is to be seen on the made-up host only.
        """
        root = self._images / str(len(list(self._images.iterdir())))
        root.mkdir()
        mounts = [text for path, source in contents.items() for text in (str(source), path)]
        done = self._inside(
            None, lambda: process.run(["sh", "-c", _CONTAINER_ROOT, str(root), *mounts], timeout_s=READY_WITHIN_S)
        )
        if done.returncode:
            raise HostError(f"a container's root could not be made: {done.stderr.decode(errors='replace').strip()}")
        return root

    def start_container(
        self,
        name: str,
        node: Node | None = None,
        *,
        argv: Sequence[str] = IDLE,
        root: Path | None = None,
        image: str = "example/app:1",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        container_id: str | None = None,
    ) -> int:
        """Start what looks like a container of Docker, with its record below the root; return its process id inside.

        The id of the container is made from its name unless one is given; `root` is one of `container_root`.
        """
        container_id = container_id or name.encode().hex().ljust(64, "0")[:64]
        record = {"ID": container_id, "Name": f"/{name}", "Config": {"Image": image, "Labels": dict(labels or {})}}
        place = self.root / "var/lib/docker/containers" / container_id
        place.mkdir(parents=True, exist_ok=True)
        (place / "config.v2.json").write_text(json.dumps(record))
        cgroup = f"0::/docker/{container_id}\n"
        return self.start(argv, node=node, cgroup=cgroup, env=env, root=root or self._image)

    def end(self, pid: int) -> None:
        """End a process that `start` or `start_container` started."""
        process.stop(self._children.pop(pid))

    def outer_pid(self, pid: int) -> int:
        """The process id on the machine of a process that was started inside."""
        return self._children[pid].pid

    def freeze(self, pid: int) -> None:
        """Stop a process as SIGSTOP does: it is there and does nothing."""
        os.kill(self._children[pid].pid, signal.SIGSTOP)

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return dict(extra or {}) | processes.environment(self._instance.lab_id)

    def _namespaces(self) -> Path:
        if self._init is None:
            raise HostError("this host does not stand", "Use it in a `with` statement.")
        return Path(f"/proc/{self._init.pid}/ns")

    def _inside(self, node: Node | None, function: Callable[[], T], root: Path | None = None) -> T:
        """Call a function on a thread that has gone into the namespaces for good, and ends there."""
        here = self._namespaces()
        ways_in = [(here / "pid_for_children", CLONE_NEWPID), (here / "mnt", CLONE_NEWNS)]
        ways_in.append((node.netns if node else self._instance.netns, CLONE_NEWNET))
        opened = [(os.open(path, os.O_RDONLY | os.O_CLOEXEC), kind) for path, kind in ways_in]

        def work() -> T:
            _libc("unshare", CLONE_FS)  # only a thread with a root directory of its own may change mounts: setns(2)
            for fd, kind in opened:
                _libc("setns", fd, kind)
            if root is not None:
                _libc("chroot", str(root).encode())
                _libc("chdir", b"/")
            return function()

        try:
            return Background("host", work).result()
        finally:
            for fd, _ in opened:
                os.close(fd)


def _libc(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount_over(source: Path, target: Path) -> None:
    _libc("mount", str(source).encode(), str(target).encode(), None, MS_BIND, None)


def _inner_pid(pid: int) -> int:
    """The process id in the innermost PID namespace: proc(5), NSpid."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise HostError(f"process {pid} does not say its numbers", "Use a kernel from 4.1 on.")


def _first_line(child: subprocess.Popen[bytes]) -> str:
    """The first line that a program says within READY_WITHIN_S seconds, empty where it says none."""
    assert child.stdout is not None  # noqa: S101 - started with a pipe
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        if not selector.select(READY_WITHIN_S):
            return ""
    return child.stdout.readline().decode(errors="replace").strip()
