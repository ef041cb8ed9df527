"""A list of processes below a made-up root, for runs whose verdict is to be better than unknown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imds_probe.system import procfs
from imds_probe.system.filesystem import magic

HOST_NETNS = 4026531840
INIT = "/usr/sbin/init"


def list_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Process 1 runs below this root, a program that calls nobody. The directory is taken for a proc file system."""
    program = root / INIT.lstrip("/")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\nexit 0\n")
    take_for_proc(root, monkeypatch)
    at = process(root, 1, "0::/init.scope\n", HOST_NETNS)
    for name, target in {"exe": INIT, "cwd": "/", "root": str(root)}.items():
        (at / name).symlink_to(target)
    for name, content in {
        "cmdline": f"{INIT}\0",
        "maps": "",
        "comm": "init\n",
        "statm": "1 1",
        "mountinfo": "",
    }.items():
        (at / name).write_text(content)


def take_for_proc(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories of processes, which nothing is mounted at, count as mounted where this root lies."""
    held = os.open(root, os.O_RDONLY)
    monkeypatch.setattr(procfs, "MAGIC", magic(held))
    os.close(held)
    (root / "proc").mkdir(exist_ok=True)


def process(root: Path, pid: int, cgroup: str, netns: int | None = None, environ: bytes = b"") -> Path:
    """A process with as much as discovery reads. Without `netns`, it hides its namespaces."""
    place = root / "proc" / str(pid)
    (place / "ns").mkdir(parents=True)
    (place / "stat").write_text(f"{pid} (app) S 1 " + " ".join(["0"] * 15) + f" {pid} 0 0\n")
    (place / "status").write_text("Name:\tapp\nUid:\t0\t0\t0\t0\n")
    (place / "cgroup").write_text(cgroup)
    (place / "environ").write_bytes(environ)
    for kind in ("net", "pid", "mnt"):
        if netns:
            (place / "ns" / kind).symlink_to(f"{kind}:[{netns}]")
        else:
            (place / "ns" / kind).write_text("not to be read as a link")
    return place
