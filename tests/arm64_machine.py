"""A virtual machine of the other architecture: Debian's arm64 kernel, and the package's root in memory, emulated by qemu.

    the kernel and busybox      fetched once, outside of the tree
    the initial file system     busybox, the kernel's modules for networks, the root of the container image, and what is to be run

It has no network device and no disk. What it says comes by its serial line.

    .venv/bin/python tests/arm64_machine.py         fetches what is needed, from Debian's archive
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from package_roots import CACHE

PLACE = CACHE / "machines-1/arm64"
PACKAGING = Path(__file__).parents[1] / "packaging"
PYTHON = "/usr/lib/imds-probe/runtime/bin/python3.13"
PROGRAM = "/usr/lib/imds-probe/arm64_guest.py"
QEMU = "qemu-system-aarch64"
APPLETS = ("sh", "mount", "ip", "modprobe", "poweroff", "cat", "sleep")
LINK_LOCAL = "169.254.169.254"
INIT = f"""#!/bin/sh
export PATH=/bin:/sbin:/usr/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
ip addr add {LINK_LOCAL}/32 dev lo
{PYTHON} -IB {PROGRAM}
poweroff -f
"""


def fetch() -> None:
    """Have kernel and busybox in the cache. Needs the network."""
    sys.path.insert(0, str(PACKAGING))
    import debian_archive
    from architectures import ARCHITECTURES

    (arm64,) = (each for each in ARCHITECTURES if each.debian == "arm64")
    if (PLACE / "made").exists():
        return
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PLACE) as work:
        debian_archive.download(arm64, ["linux-image-cloud-arm64"], Path(work))
        (named,) = Path(work, "debs").iterdir()
        depends = subprocess.run(["dpkg-deb", "--field", named, "Depends"], capture_output=True, text=True, check=True)
        debian_archive.download(arm64, [depends.stdout.split()[0], "busybox-static"], Path(work))
        debian_archive.unpack(sorted(Path(work, "debs").iterdir()), Path(work, "unpacked"))
        shutil.rmtree(PLACE / "unpacked", ignore_errors=True)
        Path(work, "unpacked").rename(PLACE / "unpacked")
    (PLACE / "made").touch()


def said(rootfs: Path, files: list[Path], work: Path, within_s: float) -> Any:
    """What the program says that is among `files`, once it was run in a machine with the package of `rootfs`."""
    assert (PLACE / "made").exists(), "tests/arm64_machine.py fetches this machine's kernel"
    (kernel,) = (PLACE / "unpacked/boot").glob("vmlinuz-*")
    root = work / "root"
    _lay_out(root, rootfs, files, kernel.name.partition("-")[2])
    with open(work / "initrd", "wb") as initrd:
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=initrd, check=True)
    console = work / "console"
    argv = [*("setpriv", "--pdeathsig", "KILL", "--"), QEMU, "-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-nic", "none", "-machine", "virt", "-cpu", "max", "-smp", "1", "-m", "1536", "-no-reboot"]
    argv += ["-kernel", str(kernel), "-initrd", str(work / "initrd"), "-serial", f"file:{console}"]
    argv += ["-append", "console=ttyAMA0 rdinit=/init panic=-1 quiet"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as machine:
        deadline = time.monotonic() + within_s
        while machine.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        machine.kill()
    text = console.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.startswith("FOUND ")]
    assert len(lines) == 1, text[-4000:]
    return json.loads(lines[0].removeprefix("FOUND "))


def _lay_out(root: Path, rootfs: Path, files: list[Path], release: str) -> None:
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", rootfs], check=True)
    for name in ("bin", "sbin", "proc", "sys", "dev", "run", "root", "lib/modules"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (busybox,) = (path for path in (PLACE / "unpacked").glob("**/bin/busybox") if path.is_file())
    shutil.copy(busybox, root / "bin/busybox")
    for name in APPLETS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "sbin/modprobe").symlink_to("/bin/busybox")  # where the kernel looks for it
    (modules,) = (PLACE / "unpacked").glob(f"**/lib/modules/{release}")
    place = root / "lib/modules" / release
    for part in ("kernel/net", "kernel/lib"):
        shutil.copytree(modules / part, place / part)
    for path in modules.glob("modules.*"):
        shutil.copy(path, place)
    packed = [str(path) for path in place.rglob("*.xz")]
    subprocess.run(["unxz", *packed], check=True)
    subprocess.run(["busybox", "depmod", "-b", str(root), release], check=True, capture_output=True)
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    for path in files:
        shutil.copy(path, root / PROGRAM[1:].rpartition("/")[0])


if __name__ == "__main__":
    fetch()
