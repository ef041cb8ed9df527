"""A made-up host whose root is the root directory of its processes: the probe is installed there and started as on a host.

MadeUpHost leaves its processes on the machine's root and the probe looks below another one. Here process 1 has made the
host's root its own (pivot_root) and unmounted the machine's, so that every path that a program, the probe or the kernel
names is the path that it would have on a host.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from imds_probe.simulator.lab import host
from imds_probe.simulator.lab.node import Node

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
_GROUPS = "run/control-groups"


class WholeHost(host.MadeUpHost):
    """As MadeUpHost; `root` is a mount point, and all paths given to `run` and `start` are paths inside."""

    def __enter__(self) -> Self:
        (self.root / "proc").mkdir(exist_ok=True)
        (self.root / _GROUPS).mkdir(parents=True, exist_ok=True)
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
        pid = super().start(argv, node=node, env=env, stdout=stdout, root=root)
        if cgroup is not None and not self.ended(pid):
            (self.root / _GROUPS / str(pid)).write_text(cgroup)
            inside = Path("/", _GROUPS, str(pid)), Path("/proc", str(pid), "cgroup")
            try:
                self._inside(None, lambda: host._mount_over(*inside))
            except OSError:
                if not self.ended(pid):
                    raise
        return pid

    def ended(self, pid: int) -> bool:
        """Whether a process that was started has come to its end."""
        return self._children[pid].poll() is not None
