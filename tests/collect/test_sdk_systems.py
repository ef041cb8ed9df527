"""In which system a process is, by its root directory: real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from contexts import reader
from soon import SOON_S, wait_for

from imds_probe.collect.sdk_systems import systems

ENTERING = () if os.geteuid() == 0 else ("unshare", "--map-root-user")


def test_what_was_chrooted_is_in_a_system_of_its_own_although_the_host_has_its_program(tmp_path):
    """Its root is a directory of the host, so the host has a file by the path that the kernel has of the program."""
    program = tmp_path / "jail/bin/busybox"
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/busybox", program)
    argv = (*ENTERING, "chroot", str(tmp_path / "jail"), "/bin/busybox", "sleep", "600")
    with subprocess.Popen(argv) as child:
        try:
            proc = Path("/proc")
            wait_for(lambda: os.readlink(proc / str(child.pid) / "exe") == str(program))
            unseen = list[str]()
            host, jail = systems(
                Path("/"),
                proc,
                [child.pid],
                (),
                installed=(),
                images={},
                reader=reader(),
                deadline=time.monotonic() + SOON_S,
                unseen=unseen,
            )
        finally:
            child.kill()
    assert (host.root, host.pids) == (Path("/"), [])
    assert (jail.root, jail.pids, unseen) == (proc / str(child.pid) / "root", [child.pid], [])
