"""A made-up host whose root is the root directory of its processes: the probe is installed there and started as on a host.

MadeUpHost leaves its processes on the machine's root and the probe looks below another one. Here process 1 has made the
host's root its own (pivot_root) and unmounted the machine's, so that every path that a program, the probe or the kernel
names is the path that it would have on a host.

Control groups are the kernel's, below one of this process (Groups): what a program starts is in its container or unit, too.
Who may not make any has a file mounted over that of each program that is started, and over no other's.
"""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from imds_probe.simulator.lab import host
from imds_probe.simulator.lab.node import Node
from imds_probe.system import process

_FIRST_PROCESS = """
set -e
mount -t proc proc "$0/proc"
cd "$0"
mkdir -p mnt
pivot_root . mnt
umount --lazy /mnt
echo ready
exec sleep infinity
"""
# Inside; where control groups of processes are written that are mounted over the machine's.
_TEXTS = "run/control-groups"
CLONE_NEWCGROUP = 0x2000000  # <linux/sched.h>
_OURS = "imds-probe-truth-"
_TRIES = 100


class Groups:
    """Control groups of version 2 below one that is made here, which is the root of them to this process and all that it starts
    from now on: cgroup_namespaces(7). Use it in a `with` statement, before there are other threads. `made` says whether this
    process may make any.
    """

    def __init__(self, mounted: Path) -> None:
        """`mounted` is made, in a mount namespace of this process."""
        self._mounted = mounted
        self.made = False

    def __enter__(self) -> Self:
        self._mounted.mkdir()
        done = process.run(["mount", "-t", "cgroup2", "groups", str(self._mounted)], timeout_s=10)
        if done.returncode:  # as in a user namespace
            return self
        line = next(each for each in Path("/proc/self/cgroup").read_text().splitlines() if each.startswith("0::"))
        self._before = self._mounted / line.removeprefix("0::").lstrip("/")
        for left in self._before.glob(f"{_OURS}*"):  # by one that was killed
            _remove(left)
        self._root = self._entered()
        host._libc("unshare", CLONE_NEWCGROUP)
        self.made = True
        return self

    def _entered(self) -> Path:
        for _ in range(_TRIES):
            root = self._before / f"{_OURS}{uuid.uuid4().hex}"
            root.mkdir()
            with contextlib.suppress(FileNotFoundError):  # another one has taken it for one that was left
                _enter(root)
                return root
        raise host.HostError("a control group of its own cannot be entered")

    @contextlib.contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """What is started meanwhile begins in this group."""
        group = self._root / path.strip("/")
        group.mkdir(parents=True, exist_ok=True)
        _enter(group)
        try:
            yield
        finally:
            _enter(self._root)

    def __exit__(self, *_: object) -> None:
        if not self.made:
            return
        with contextlib.suppress(OSError):  # a namespace may be no way out: nsdelegate in cgroup_namespaces(7)
            _enter(self._before)
        _remove(self._root)  # the next one removes what cannot be yet


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text("0")


def _remove(group: Path) -> None:
    """With those below it, as far as nothing is in them."""
    for each in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            each.rmdir()
    with contextlib.suppress(OSError):
        group.rmdir()


class WholeHost(host.MadeUpHost):
    """As MadeUpHost; `root` is a mount point, and all paths given to `run` and `start` are paths inside."""

    def __init__(self, instance: Node, root: Path, groups: Groups) -> None:
        super().__init__(instance, root)
        self._control_groups = groups

    def __enter__(self) -> Self:
        (self.root / "proc").mkdir(exist_ok=True)
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--", "sh", "-c"]
        self._init = self._instance.start(
            [*argv, _FIRST_PROCESS, str(self.root)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said = host._first_line(self._init)
        if said != "ready":
            self.stop()
            raise host.HostError(f"the host could not be set up: {said or 'nothing was said'}")
        return self

    def start(
        self,
        argv: Sequence[str] = host.IDLE,
        *,
        node: Node | None = None,
        cgroup: str | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | None = subprocess.DEVNULL,
        root: Path | None = None,
    ) -> int:
        path = (cgroup or "").strip().removeprefix("0::")
        if self._control_groups.made and path:
            with self._control_groups.inside(path):
                return super().start(argv, node=node, env=env, stdout=stdout, root=root)
        pid = super().start(argv, node=node, env=env, stdout=stdout, root=root)
        if cgroup is not None and not self.ended(pid):
            self._write_over(pid, cgroup)
        return pid

    def _write_over(self, pid: int, cgroup: str) -> None:
        (self.root / _TEXTS).mkdir(parents=True, exist_ok=True)
        (self.root / _TEXTS / str(pid)).write_text(cgroup)
        inside = Path("/", _TEXTS, str(pid)), Path("/proc", str(pid), "cgroup")
        try:
            self._inside(None, lambda: host._mount_over(*inside))
        except OSError:
            if not self.ended(pid):
                raise

    def ended(self, pid: int) -> bool:
        """Whether a process that was started has come to its end."""
        return self._children[pid].poll() is not None
