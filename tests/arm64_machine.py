"""A virtual machine of the other architecture: Debian's arm64 kernel, and the package's root in memory, emulated by qemu.

    the kernels and busybox     fetched once, outside of the tree
    the initial file system     busybox, the kernel's modules for networks, the root of the container image, and what is to be run

It has no network device and no disk. Its firmware says that it is an EC2 instance of Graviton. What it says comes by its serial
line, with a line for each step. Its clock counts instructions, not seconds: no time limit inside passes sooner on a busy machine,
and where it waits it does not take the time.

    .venv/bin/python tests/arm64_machine.py         fetches what is needed, from Debian's archive
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from package_roots import CACHE, INSTANCE

PLACE = CACHE / "arm64-machines-1"
PACKAGING = Path(__file__).parents[1] / "packaging"
# Debian's kernels, by the size of their pages in kB. That of EC2's images has 4, or 64.
KERNELS = {4: "cloud-arm64", 16: "arm64-16k"}
PYTHON = "/usr/lib/imds-probe/runtime/bin/python3.13"
PROGRAM = "/usr/lib/imds-probe/arm64_guest.py"
QEMU = "qemu-system-aarch64"
FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
# That of Graviton 2. It has no signed pointers, which `max` has, and which take most of the time where they are emulated.
CPU = "neoverse-n1"
APPLETS = ("sh", "mount", "ip", "modprobe", "nsenter", "poweroff")
# Where one of them is not, it is a part of the kernel itself.
MODULES = ("kernel/net", "kernel/lib", "kernel/crypto/crc32c_generic.ko.xz", "kernel/drivers/net/veth.ko.xz")
INIT = f"""#!/bin/sh
export PATH=/bin:/sbin:/usr/bin HOME=/root NO_COLOR=1
mount -t proc proc /proc
step() {{ read -r up rest </proc/uptime; echo "STEP $up $*"; }}
echo
step "mounting file systems"
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
step "starting the interpreter for the first time"
{PYTHON} -IB -c pass
step "starting the program"
{PYTHON} -IB {PROGRAM}
step "the program has ended with exit code $?"
poweroff -f
"""
_STEP = re.compile(r"^STEP ([0-9.]{1,20} [^\n]{1,200})$", re.MULTILINE)


class MachineError(Exception):
    """The machine did not say what it found; with the last step that it began, and its last lines."""


def fetch() -> None:
    """Have kernels and busybox in the cache. Needs the network."""
    sys.path.insert(0, str(PACKAGING))
    import debian_archive
    from architectures import ARCHITECTURES

    (arm64,) = (each for each in ARCHITECTURES if each.debian == "arm64")
    if (PLACE / "made").exists():
        return
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PLACE) as work:
        debian_archive.download(arm64, [f"linux-image-{kernel}" for kernel in KERNELS.values()], Path(work))
        named = [
            subprocess.run(["dpkg-deb", "--field", deb, "Depends"], capture_output=True, text=True, check=True)
            for deb in Path(work, "debs").iterdir()
        ]
        names = [depends.stdout.split()[0] for depends in named]
        debian_archive.download(arm64, [*names, "busybox-static"], Path(work))
        debian_archive.unpack(sorted(Path(work, "debs").iterdir()), Path(work, "unpacked"))
        shutil.rmtree(PLACE / "unpacked", ignore_errors=True)
        Path(work, "unpacked").rename(PLACE / "unpacked")
    (PLACE / "made").touch()


def said(rootfs: Path, files: list[Path], work: Path, *, page_kb: int, within_s: float) -> Any:
    """What the program says that is among `files`, once it was run in a machine with the package of `rootfs`."""
    assert (PLACE / "made").exists(), "tests/arm64_machine.py fetches this machine's kernels"
    (kernel,) = (PLACE / "unpacked/boot").glob(f"vmlinuz-*-{KERNELS[page_kb]}")
    root = work / "root"
    _lay_out(root, rootfs, files, kernel.name.partition("-")[2])
    with open(work / "initrd", "wb") as initrd:
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=initrd, check=True)
    with subprocess.Popen(command_line(kernel, work), stdin=subprocess.DEVNULL) as machine:
        deadline = time.monotonic() + within_s
        while machine.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        ended = machine.poll() is not None
        machine.kill()
    return found((work / "console").read_text(errors="replace"), ended=ended)


def command_line(kernel: Path, work: Path) -> list[str]:
    """What starts qemu. `work` is where console and initial file system are."""
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),  # it ends with whoever started it, however that ends
        *(QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot"),
        *("-machine", "virt", "-cpu", CPU, "-smp", "2", "-m", "1536", "-icount", "shift=1,sleep=off"),
        *("-bios", FIRMWARE, "-smbios", "type=0,vendor=Amazon EC2"),
        *("-smbios", "type=1,manufacturer=Amazon EC2,product=t4g.small,uuid=ec200000-0000-4000-8000-000000000001"),
        *("-smbios", f"type=2,manufacturer=Amazon EC2,asset={INSTANCE}"),
        *("-device", "virtio-rng-pci"),  # by which the firmware gives the kernel what is random
        *("-kernel", str(kernel), "-initrd", str(work / "initrd"), "-serial", f"file:{work / 'console'}"),
        *("-append", "console=ttyAMA0 rdinit=/init panic=-1 quiet"),
    ]


def found(console: str, *, ended: bool) -> Any:
    """What the program found, as the serial line has it. Raises MachineError."""
    lines = [line for line in console.splitlines() if line.startswith("FOUND ")]
    if len(lines) == 1:
        return json.loads(lines[0].removeprefix("FOUND "))
    steps = _STEP.findall(console)
    last = f"its last step began {steps[-1].replace(' ', ' s after it was started: ', 1)}" if steps else "no step began"
    how = "ended by itself" if ended else "was ended after its time"
    raise MachineError(f"the machine {how}; {last}\n{console[-4000:]}")


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
    for part in (each for each in MODULES if (modules / each).exists()):
        (place / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (modules / part).is_dir() else shutil.copy)(modules / part, place / part)
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
