"""A virtual machine: Debian with its own kernel, booted by qemu and KVM, for what needs a boot, another kernel or power loss.

    image       made once, outside of the tree: a file system of Debian 11 (kernel 5.10) or 12 (6.1), its kernel and initrd
    disk        a qcow2 overlay on the image: it stays from boot to boot, and goes with its directory
    the port    virtio-serial: a program in the guest takes command lines from there and sends back exit code and output
    /dev/vdb    a tar of what is handed in, if anything

There is no network device: 169.254.169.254 can be made in the guest, and nothing that is sent there gets out.
Where /dev/kvm does not open, `not_to_be_had` says so. Where it opens and is no processor's (a machine that is a guest itself
may have one for kernels of a certain build only), qemu emulates the processor: the same kernels, some ten times slower.

    .venv/bin/python tests/virtual_machine.py bullseye                  makes the image, which needs Debian's archive
    .venv/bin/python tests/virtual_machine.py bullseye 'uname -r'       and boots it, to run a script
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from package_roots import CACHE

MACHINES = CACHE / "machines-1"
# Which kernel a suite brings along: its release begins so.
KERNELS = {"bullseye": "5.10.", "bookworm": "6.1."}
KVM = "/dev/kvm"
HARDWARE = (Path("/sys/module/kvm_amd"), Path("/sys/module/kvm_intel"))
BOOTED_WITHIN_S = 300.0
ENDED_WITHIN_S = 90.0
MADE_WITHIN_S = 900.0
PORT = "imds-probe"
_SIZE = "3G"  # of the file system, in a sparse file
_INCLUDE = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "linux-image-cloud-amd64"),
    *("curl", "iproute2", "nftables", "python3"),
)
# The output goes to files, so that a service which a command starts in the background does not hold the answer back.
_OBEY = f"""#!/bin/sh
# A line is: how many seconds it may take, and a script in base64. The answer is: exit code, output, errors.
until [ -e /dev/virtio-ports/{PORT} ]; do sleep 0.1; done
exec 3<>/dev/virtio-ports/{PORT}
echo ready >&3
while read -r seconds script <&3; do
    echo "$script" | base64 -d >/run/obey.script
    timeout --kill-after=5 "$seconds" sh /run/obey.script >/run/obey.out 2>/run/obey.err </dev/null 3>&-
    echo "$?:$(base64 -w 0 /run/obey.out):$(base64 -w 0 /run/obey.err)" >&3
done
"""
_UNIT = """[Unit]
Description=Runs what the host of this machine says

[Service]
ExecStart=/usr/local/sbin/obey
Restart=always
KillMode=process

[Install]
WantedBy=multi-user.target
"""


class MachineError(Exception):
    """A machine that was not made, did not boot, or did not answer in time."""


class Said(NamedTuple):
    """What a command in the guest ended with: as `timeout` has it, 124 where it took too long."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Image:
    """What a machine is made of. The files are not changed by it."""

    root: Path
    kernel: Path
    initrd: Path


def not_to_be_had(kvm: str = KVM) -> str:
    """Why there can be no machine here; empty where there can be one."""
    if os.uname().machine != "x86_64":
        return f"the images are made for x86_64, this is {os.uname().machine}"
    try:
        os.close(os.open(kvm, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{kvm} does not open: {error.strerror}"
    missing = [name for name in ("qemu-system-x86_64", "qemu-img") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


def accelerator(hardware: Sequence[Path] = HARDWARE) -> str:
    """What runs the guest's instructions: "kvm", or "tcg" where KVM runs no kernel as Debian builds it."""
    return "kvm" if any(module.exists() for module in hardware) else "tcg"


def image(suite: str) -> Image:
    """The image of a suite, made where it is not there yet. Raises MachineError."""
    place = MACHINES / suite
    if not place.exists():
        MACHINES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=MACHINES, prefix=f"{suite}-") as work:
            made = Path(work, "made")
            made.mkdir()
            _make(suite, Path(work, "root"), made)
            with contextlib.suppress(OSError):  # somebody else was quicker
                made.rename(place)
    return Image(place / "root.ext4", place / "vmlinuz", place / "initrd.img")


def _make(suite: str, root: Path, made: Path) -> None:
    # Its mounts are in a namespace that ends with it: whatever fails, nothing of this machine is below the root then.
    private = ["unshare", "--mount", "--propagation", "private", "--"]
    _must([*private, "debootstrap", "--variant=minbase", f"--include={','.join(_INCLUDE)}", suite, str(root)])
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (root / "etc/hostname").write_text("ip-10-0-0-1\n")
    (root / "etc/machine-id").write_text("")
    obey = root / "usr/local/sbin/obey"
    obey.write_text(_OBEY)
    obey.chmod(0o755)
    (root / "etc/systemd/system/obey.service").write_text(_UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "obey.service").symlink_to("/etc/systemd/system/obey.service")
    for kind in ("vmlinuz", "initrd.img"):
        (found,) = (root / "boot").glob(f"{kind}-*")
        shutil.copy(found, made / kind)
    shutil.rmtree(root / "var/cache/apt")
    shutil.rmtree(root / "var/lib/apt/lists")
    _must(["mkfs.ext4", "-q", "-d", str(root), str(made / "root.ext4"), _SIZE])


def _must(argv: Sequence[str], within_s: float = MADE_WITHIN_S) -> None:
    # Nothing of whoever runs this: a TMPDIR or a PYTHONPATH is not the root's.
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    env |= {name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ}
    try:
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within_s
        )
    except subprocess.TimeoutExpired:
        raise MachineError(f"{argv[0]} did not end within {within_s:g} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise MachineError(f"{argv[0]}: {(said or ['it failed'])[-1]}")


def handed_in(work: Path, files: Mapping[str, Path | str]) -> Path:
    """A tar of files: path in the guest, and the file or directory here, or a text."""
    place = work / "handed-in.tar"
    with tarfile.open(place, "w") as archive:
        for path, content in files.items():
            source = content
            if isinstance(content, str):
                source = work / "text"
                source.write_text(content)
                source.chmod(0o755)
            archive.add(source, path.lstrip("/"), filter=_roots)
    return place


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name.endswith("__pycache__"):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def command_line(
    made: Image, work: Path, *, kernel_arguments: str = "", drive: Path | None = None, by: str = "kvm"
) -> list[str]:
    """What starts qemu. `work` is where disk, sockets and console are. The firmware says that this is EC2."""
    second = ["-drive", f"file={drive},format=raw,if=virtio,readonly=on"] if drive else []
    return [
        *("setpriv", "--pdeathsig", "KILL", "--"),  # it ends with whoever started it, however that ends
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none"),
        *("-machine", f"q35,accel={by}", "-cpu", "host" if by == "kvm" else "max", "-smp", "1", "-m", "1024"),
        *("-smbios", "type=0,vendor=Amazon EC2"),
        *("-smbios", "type=1,manufacturer=Amazon EC2,product=t3.micro,uuid=ec200000-0000-4000-8000-000000000001"),
        *("-smbios", "type=2,manufacturer=Amazon EC2,asset=i-0123456789abcdef0"),
        *("-kernel", str(made.kernel), "-initrd", str(made.initrd)),
        *("-append", f"root=/dev/vda rw console=ttyS0 panic=-1 {kernel_arguments}".strip()),
        *("-drive", f"file={work}/disk.qcow2,format=qcow2,if=virtio"),
        *second,
        *("-chardev", f"file,id=console,path={work}/console,append=on", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=port,path={work}/port,server=on,wait=off", "-device", "virtio-serial"),
        *("-device", f"virtserialport,chardev=port,name={PORT}"),
        *("-qmp", f"unix:{work}/monitor,server=on,wait=off"),
    ]


class Machine:
    """Use it in a `with` statement; it boots there. `work` keeps its disk: a machine of the same one goes on from it."""

    def __init__(self, suite: str, work: Path, *, kernel_arguments: str = "", drive: Path | None = None) -> None:
        if reason := not_to_be_had():
            raise MachineError(reason)
        self.work = work
        self._image = image(suite)
        self._argv = command_line(self._image, work, kernel_arguments=kernel_arguments, drive=drive, by=accelerator())
        self._child: subprocess.Popen[bytes] | None = None
        self._port: socket.socket | None = None
        self._received = b""

    def __enter__(self) -> Self:
        disk = self.work / "disk.qcow2"
        if not disk.exists():
            base = ["-b", str(self._image.root), "-F", "raw"]
            _must(["qemu-img", "create", "-q", "-f", "qcow2", *base, str(disk)], within_s=30)
        try:
            self.boot()
        except BaseException:
            self.lose_power()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lose_power()

    def boot(self) -> None:
        """Switch it on, and wait until it takes commands."""
        for name in ("port", "monitor"):
            (self.work / name).unlink(missing_ok=True)
        with open(self.work / "errors", "wb") as errors:
            self._child = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
            )
        self._port = self._connected("port")
        self._ready()

    def _ready(self) -> None:
        self._received = b""
        deadline = time.monotonic() + BOOTED_WITHIN_S
        while self._line(deadline) != b"ready":
            pass

    def _connected(self, name: str) -> socket.socket:
        """A connection to one of its sockets, which are there a moment after it was started."""
        assert self._child is not None
        opened = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + BOOTED_WITHIN_S
        while True:
            try:
                opened.connect(str(self.work / name))
            except OSError:
                if self._child.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                opened.close()
                raise MachineError(f"it does not take connections; {self._last_words()}") from None
            return opened

    def _line(self, deadline: float) -> bytes:
        assert self._port is not None
        while b"\n" not in self._received:
            self._port.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                received = self._port.recv(65536)
            except TimeoutError:
                raise MachineError(f"it did not answer in time; {self._last_words()}") from None
            except ConnectionResetError:
                received = b""
            if not received:
                raise MachineError(f"it is switched off; {self._last_words()}")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return line.strip()

    def _last_words(self) -> str:
        said = {name: self.work / name for name in ("errors", "console")}
        return "; ".join(
            f"{name}: {file.read_text(errors='replace')[-1500:]}" for name, file in said.items() if file.exists()
        )

    def run(self, script: str, within_s: float = 60) -> Said:
        """Run a shell script in the guest to its end. Raises MachineError where the machine does not answer."""
        self._send(script, within_s)
        line = self._line(time.monotonic() + within_s + 20)
        if line == b"ready":
            raise MachineError(f"it started anew by itself; {self._last_words()}")
        code, output, errors = line.split(b":")
        return Said(int(code), *(base64.b64decode(each).decode(errors="replace") for each in (output, errors)))

    def _send(self, script: str, within_s: float) -> None:
        assert self._port is not None
        self._port.settimeout(10)
        self._port.sendall(f"{within_s:g} ".encode() + base64.b64encode(script.encode()) + b"\n")

    def must(self, script: str, within_s: float = 60) -> str:
        """The same, where anything but success is a failure; what it printed."""
        said = self.run(script, within_s)
        if said.code:
            raise MachineError(f"{script!r} ended with {said.code}: {(said.errors or said.output).strip()[-500:]}")
        return said.output

    def restart(self) -> None:
        """As an orderly `reboot` does; wait until it takes commands again."""
        self._send("systemctl --no-block reboot", 10)  # it may be ended before it answers
        self._ready()

    def reset(self) -> None:
        """As the button does; wait until it takes commands again."""
        self._monitor("system_reset")
        self._ready()

    def switch_off(self) -> None:
        """By the power button of ACPI: the guest shuts down."""
        assert self._child is not None
        self.run("systemctl is-system-running --wait", BOOTED_WITHIN_S)  # before that nobody may look at the button
        self._monitor("system_powerdown")
        try:
            self._child.wait(ENDED_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise MachineError(f"it did not shut down; {self._last_words()}") from None
        self.lose_power()

    def lose_power(self) -> None:
        """At once. What the guest had not written to its disk is gone, as is what qemu had not written of where it lies."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        if self._port is not None:
            self._port.close()
            self._port = None

    def _monitor(self, command: str) -> None:
        """One command by qemu's machine protocol: greeting, capabilities, then the command."""
        with self._connected("monitor") as opened, opened.makefile("rw") as lines:
            opened.settimeout(10)
            lines.readline()
            for each in ("qmp_capabilities", command):
                lines.write(json.dumps({"execute": each}) + "\n")
                lines.flush()
                while "return" not in (answer := json.loads(lines.readline())):
                    if "error" in answer:
                        raise MachineError(f"{each}: {answer['error'].get('desc')}")


@contextlib.contextmanager
def working_directory() -> Iterator[Path]:
    """Where a machine keeps what is its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="imds-probe-vm-") as directory:
        yield Path(directory)


def main(suite: str, script: str = "") -> int:
    """Make the image of a suite; boot it and run a script, if there is one, and print what that says."""
    if reason := not_to_be_had():
        print(f"no machine, so what needs one is not run: {reason}", file=sys.stderr)
        return 1
    image(suite)
    if not script:
        return 0
    with working_directory() as work, Machine(suite, work) as machine:
        said = machine.run(script)
        machine.switch_off()
    print(said.output, end="")
    print(said.errors, end="", file=sys.stderr)
    return said.code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
