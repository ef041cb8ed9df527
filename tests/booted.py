"""A root of Debian booted: systemd as process 1, on the network of a lab's instance, on firmware that says EC2.

What it is made of goes with its processes: they are in a PID namespace whose first process is killed, its mounts, and an
empty /run for what nspawn leaves there, in a mount namespace of that one. What is left then, control groups, is removed.

    /sys/class      a directory with the DMI of an instance, mounted over the machine's: whoever looks for it finds it
                    where it is on EC2, and units need no option for it
    tracefs         the kernel's own, where systemd mounts it
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import package_roots
import psutil

from imds_probe.simulator.lab.lab import Lab
from imds_probe.system import process

WITHIN_S = 120.0
_FIRST_PROCESS = """
set -e
for group in $CONTROL_GROUPS; do
    echo 0 >"$group/cgroup.procs"
done
mount -t proc proc /proc
mount -t tmpfs run /run
mount -t tracefs tracefs "$TRACING"
exec systemd-nspawn --quiet --register=no --keep-unit --console=pipe --machine="$MACHINE" --directory="$ROOT" \
    --network-namespace-path=/proc/self/ns/net --capability=CAP_NET_ADMIN --bind-ro="$CLASS:/sys/class" \
    --bind="$TRACING:/sys/kernel/tracing" --boot
"""


class Booted:
    """Use it in a `with` statement while the lab stands. `root` is changed by what runs in it; `work` is a directory for
    what is mounted into it. It is there once the unit `reached` is active, or without one, once all has been started.
    """

    def __init__(self, root: Path, lab: Lab, work: Path, *, reached: str = "") -> None:
        self.root, self._reached = root, reached
        self._lab, self._work = lab, work
        self._outer: subprocess.Popen[bytes] | None = None
        self._first = 0
        self._groups: list[Path] = []

    def __enter__(self) -> Self:
        package_roots.looks_like_ec2(self._work)
        (self._work / "tracing").mkdir()
        (self.root / "etc/machine-id").write_text("")
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _boot(self) -> None:
        # One of its own: nspawn's are called the same whoever starts it.
        name = f"imds-probe-{os.getpid()}-{time.monotonic_ns()}"
        for parent in _own_control_groups():
            self._groups.append(parent / name)
            self._groups[-1].mkdir()
        settings = {
            "CONTROL_GROUPS": " ".join(map(str, self._groups)),
            "TRACING": str(self._work / "tracing"),
            "MACHINE": name,
            "ROOT": str(self.root),
            "CLASS": str(self._work / "sys/class"),
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
        }
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "slave", "--"]
        with open(self._work / "console", "wb") as console:
            self._outer = self._lab.instance.start(
                [*argv, "sh", "-c", _FIRST_PROCESS], env=settings, stdout=console, stderr=console
            )
        self.until(self._runs, self._troubles)

    def _runs(self) -> bool:
        assert self._outer is not None
        assert self._outer.poll() is None, (self._work / "console").read_text(errors="replace")
        for each in psutil.Process(self._outer.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if each.name() == "systemd" and _innermost(each.pid) == 1:
                    self._first = each.pid
        if not self._first:
            return False
        if self._reached:
            return self.run("systemctl", "is-active", self._reached).stdout == "active\n"
        return self.run("systemctl", "is-system-running").stdout == "running\n"

    def power_off(self) -> None:
        """Shut it down in order, and wait until it is."""
        assert self._outer is not None
        self.must("systemctl", "--no-block", "poweroff")
        self._outer.wait(WITHIN_S)

    def _troubles(self) -> str:
        said = (self._work / "console").read_text(errors="replace")
        failed = self.run("systemctl", "list-units", "--failed").stdout if self._first else ""
        return f"it did not boot: {said[-2000:]}\n{failed}"

    def _end(self) -> None:
        if self._outer is not None:
            process.stop(self._outer)
        for group in self._groups:
            _remove(group)
        self._groups.clear()

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end, as a login of root does: none of the units' settings apply."""
        ways_in = ["--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--root", "--wd"]
        return package_roots.run(["nsenter", f"--target={self._first}", *ways_in, "--", *argv])

    def must(self, *argv: str) -> str:
        """The same, where anything but success is a failure; what it printed on standard output."""
        done = self.run(*argv)
        assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    def show(self, unit: str, key: str) -> str:
        """A property of a unit."""
        return self.must("systemctl", "show", "--value", f"--property={key}", unit).strip()

    def journal(self, unit: str) -> str:
        """All that a unit has said since it was booted, and what systemd said of it."""
        return self.must("journalctl", "--no-pager", "--output=short-monotonic", "--boot", f"--unit={unit}")

    def write(self, path: str, text: str) -> None:
        """A file inside, with its directories."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def drop_in(self, unit: str, name: str, text: str) -> None:
        """Settings that an administrator puts beside a unit's own."""
        self.write(f"etc/systemd/system/{unit}.d/{name}.conf", text)
        self.must("systemctl", "daemon-reload")

    def without_drop_in(self, unit: str, name: str) -> None:
        """Take them away again."""
        (self.root / f"etc/systemd/system/{unit}.d/{name}.conf").unlink()
        self.must("systemctl", "daemon-reload")

    @staticmethod
    def until(condition: Callable[[], bool], otherwise: str | Callable[[], str]) -> None:
        """Wait until a condition holds, and fail where it does not within WITHIN_S seconds."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(otherwise if isinstance(otherwise, str) else otherwise())
            time.sleep(0.05)


def _own_control_groups() -> list[Path]:
    """Those of this process that nspawn makes others in: of version 2, and systemd's of version 1. Source: cgroups(7)."""
    mounted = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options):
            mounted["" if kind == "cgroup2" else "name=systemd"] = left.split(" ")[3:5]
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, hierarchy, path = line.split(":", 2)
        if hierarchy in mounted:
            root, place = mounted[hierarchy]
            found.append(Path(place, os.path.relpath(path, root)))
    return found


def _remove(group: Path) -> None:
    """A control group and those in it, once the last of its processes has been reaped."""
    deadline = time.monotonic() + WITHIN_S
    for directory, _, _ in os.walk(group, topdown=False):
        while True:
            try:
                os.rmdir(directory)
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                break


def _innermost(pid: int) -> int:
    """Its number in the innermost PID namespace: proc_pid_status(5)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return 0
