"""What a process can do under the settings of a unit, as JSON in the file that is named first. The second argument is a
process in a network namespace of its own. The package's interpreter runs this, in place of the unit's program.

Each answer is "done" or the name of an errno. Nothing that is tried changes anything where it is not refused.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from imds_probe.collect.collectors import READING
from imds_probe.collect.host import OS_RELEASE
from imds_probe.errors import ProbeError
from imds_probe.net import namespaces
from imds_probe.reading.reader import Reader
from imds_probe.system import privilege
from imds_probe.system.give_way import give_way
from imds_probe.watch.tracepoint import Tracepoint

CLONE_NEWUTS, PTRACE_ATTACH, NOBODY = 0x04000000, 16, 0x3FFFFFFF  # <linux/sched.h>, <linux/ptrace.h>; above all pid_max
PLACES = ("/usr/lib/imds-probe", "/etc", "/etc/imds-probe", "/var/lib", "/var/log", "/root", "/home", "/opt", "/run")
OWN_PLACES = (
    "/var/lib/imds-probe",
    "/var/log/imds-probe",
    "/var/lib/amazon/ssm",
    "/var/lib/prometheus/node-exporter",
    "/tmp",
)


def tried(function: Callable[[], object]) -> str:
    try:
        function()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except ProbeError as error:
        return str(error)
    return "done"


def write_in(directory: str) -> None:
    path = Path(directory, f"written-{os.getpid()}")
    path.write_text("")
    path.unlink()


def call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def in_a_child(function: Callable[[], None]) -> None:
    """What would change this process."""
    pid = os.fork()
    if not pid:
        try:
            function()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number:
        raise OSError(number, os.strerror(number))


def set_user_id_bit(directory: str) -> None:
    path = Path(directory, f"suid-{os.getpid()}")
    path.touch()
    try:
        path.chmod(0o4700)
    finally:
        path.unlink()


def enter(pid: int) -> None:
    inside = namespaces.call_in(Path(f"/proc/{pid}/ns/net"), namespaces.current_inode)
    assert inside != namespaces.current_inode()


def packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()


def writable_code() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def gives_way() -> list[int]:
    """The nice value and the class of I/O of a thread that has given way."""
    said = []

    def work() -> None:
        give_way()
        number = {"x86_64": 252, "aarch64": 31}[os.uname().machine]  # ioprio_get in <asm/unistd.h>
        io_class = ctypes.CDLL(None).syscall(number, 1, 0) >> 13
        said.extend((os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), io_class))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return said


def status_of(process: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":\t", 1) for line in lines if ":\t" in line)}


def readers(neighbour: int) -> dict[str, object]:
    """What they read of another's root, and what each of them has left: capabilities, and filters of system calls of its own."""
    root = f"/proc/{neighbour}/root"
    with Reader(READING) as reader:
        answer = reader.ask(OS_RELEASE, root, [Path(root)], time.monotonic() + 60)
        left = {}
        for name, worker in (("parser", reader._parser), ("opener", reader._opener)):
            of_it = status_of(worker.pid) if worker else {}
            filters = int(of_it.get("Seccomp_filters", 0)) - int(status_of("self")["Seccomp_filters"])
            left[name] = [of_it.get("CapEff"), of_it.get("NoNewPrivs"), filters]
    return {"read": [each.id for each in answer.found], **left}


def main(out: Path, neighbour: int) -> None:
    status = status_of("self")
    answers = {
        "writes": {place: tried(lambda place=place: write_in(place)) for place in PLACES},
        "own writes": {place: tried(lambda place=place: write_in(place)) for place in OWN_PLACES},
        "calls": {
            "mount": tried(lambda: call("mount", None, b"/nonexistent", b"tmpfs", 0, None)),
            "chroot": tried(lambda: call("chroot", b"/nonexistent")),
            "chown": tried(lambda: os.chown("/nonexistent", 0, 0)),
            "ptrace": tried(lambda: call("ptrace", PTRACE_ATTACH, NOBODY, None, None)),
            "setreuid": tried(lambda: os.setreuid(0, 0)),
            "scheduler": tried(lambda: os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))),
            "unshare": tried(lambda: in_a_child(lambda: call("unshare", CLONE_NEWUTS))),
            "writable code": tried(writable_code),
            "set-user-id": tried(lambda: set_user_id_bit("/tmp")),
            "vsock": tried(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()),
        },
        "capabilities": {key: status[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapAmb")},
        "no new privileges": status["NoNewPrivs"],
        "readers": readers(neighbour),
        "needs": {
            "privileged": privilege.privileged(),
            "packet socket": tried(packet_socket),
            "another network namespace": tried(lambda: enter(neighbour)),
            "another's environment": tried(lambda: Path(f"/proc/{neighbour}/environ").read_bytes()),
            "homes": tried(lambda: os.listdir("/root")),
        },
        "gives way": gives_way(),
        "tracepoint": tried(lambda: Tracepoint(80).close()),
    }
    out.write_text(json.dumps(answers))


main(Path(sys.argv[1]), int(sys.argv[2]))
