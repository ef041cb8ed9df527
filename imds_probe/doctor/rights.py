"""What the kernel lets this process do: capabilities, packet sockets, namespaces, other processes, confinement."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from shlex import quote

from imds_probe.collect.needs import Need
from imds_probe.doctor.check import Host, Result
from imds_probe.net.namespaces import CURRENT, NamespaceError, enter
from imds_probe.system import mounts
from imds_probe.system.privilege import (
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_NET_ADMIN,
    CAP_SYS_PTRACE,
    has,
    knows_all_users,
    rules_host,
)
from imds_probe.system.small_file import read_head
from imds_probe.watch.tracing import has_pids_of_its_own

AS_ROOT = "Run as root (sudo). A container needs hostPID and the capabilities of the DaemonSet."
OUTSIDE = "Run as the host's root, outside of this user namespace (a container: hostUsers: true, --userns=host)."
_HERE = "this user namespace"
STATUS_BYTES = 16 * 1024
_SECCOMP_MODE = re.compile(rb"^Seccomp:\t([0-2])$", re.MULTILINE)
_HIDEPID_SET = re.compile(r"(?:^|,)hidepid=(1|2|4|noaccess|invisible|ptraceable)(?:,|$)")
_UNCONFINED_DOMAIN = re.compile(r":(?:unconfined_\w+|initrc_t|init_t|spc_t|kernel_t|sysadm_t)(?::|$)")


def files(host: Host) -> Result:
    if has(CAP_DAC_READ_SEARCH) or has(CAP_DAC_OVERRIDE):
        if not rules_host(host.proc) and not knows_all_users():
            return Result("missing", f"files of users outside of {_HERE} cannot be read", Need.FILES, (), OUTSIDE)
        return Result("ok", "files of other users can be read")
    return Result("missing", "files that only root may read cannot be read", Need.FILES, remedy=AS_ROOT)


def packets(host: Host) -> Result:
    """A socket of protocol 0 receives nothing, and nothing is sent by it."""
    del host
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as error:
        return Result(
            "missing",
            f"no packet socket can be opened: {error.strerror}",
            Need.PACKETS,
            ("the hop limit takes a few more requests, and the distance of containers is not measured",),
            f"{AS_ROOT} CAP_NET_RAW and the address family AF_PACKET are needed.",
        )
    return Result("ok", "packet sockets can be opened")


def namespaces(host: Host) -> Result:
    """Whether one may be entered, tried with the one that this thread is in already."""
    try:
        with enter(CURRENT):
            pass
    except NamespaceError as error:
        return Result(
            "missing", f"{error.problem}", Need.NAMESPACES, remedy=f"{AS_ROOT} CAP_SYS_ADMIN and setns are needed."
        )
    if not rules_host(host.proc):
        found = f"network namespaces that were made outside of {_HERE} cannot be entered"
        return Result("missing", found, Need.NAMESPACES, remedy=OUTSIDE)
    return Result("ok", "network namespaces can be entered")


def processes(host: Host) -> Iterator[Result]:
    """Those of others: by right, by the options of /proc, and by the PID namespace."""
    if not host.proc.is_dir():
        yield Result(
            "missing",
            f"no proc file system is mounted below {host.root}",
            Need.PROCESSES,
            remedy="Mount /proc there, or judge the directory as an image: "
            f"`imds-probe run --root {quote(str(host.root))} --image`.",
        )
        return
    may_look = has(CAP_SYS_PTRACE)
    if not may_look:
        yield Result("missing", "other users' processes cannot be inspected", Need.PROCESSES, remedy=AS_ROOT)
    elif not rules_host(host.proc):
        may_look = False
        found = f"processes outside of {_HERE} cannot be inspected"
        yield Result("missing", found, Need.PROCESSES, remedy=OUTSIDE)
    if host.is_here and has_pids_of_its_own():
        yield Result(
            "missing",
            "this process is in a PID namespace of its own and sees only the processes there",
            Need.PROCESSES,
            remedy="Start the container with the host's PID namespace (hostPID: true, --pid=host), and name the host's root.",
        )
        return
    if hidden := _hidepid(host):
        # Who may trace processes sees all of them, whatever the mount says: proc(5).
        yield Result(
            "ok" if may_look else "missing",
            f"/proc is mounted with {hidden}"
            + (", which hides nothing from CAP_SYS_PTRACE" if may_look else ", which hides other users' processes"),
            None if may_look else Need.PROCESSES,
            remedy="" if may_look else AS_ROOT,
        )
    elif may_look:
        yield Result("ok", "all processes can be inspected")


def rules(host: Host) -> Result:
    """A right that no run needs, and a rehearsal and the list of packet rules do."""
    if has(CAP_NET_ADMIN) and not rules_host(host.proc):
        return Result(
            "missing",
            f"packet rules of networks that were made outside of {_HERE} can be neither listed nor set",
            Need.RULES,
            ("the switch cannot be rehearsed",),
            OUTSIDE,
        )
    if has(CAP_NET_ADMIN):
        return Result("ok", "packet rules can be listed and set")
    return Result(
        "missing",
        "packet rules can be neither listed nor set",
        Need.RULES,
        ("the switch cannot be rehearsed",),
        f"{AS_ROOT} CAP_NET_ADMIN is needed.",
    )


def confinement(host: Host) -> Iterator[Result]:
    """What confines this process besides. None of it is a fault: what it takes away, the other checks say."""
    content = read_head("/proc/self/status", STATUS_BYTES)
    if (mode := _SECCOMP_MODE.search(content)) is not None and mode[1] == b"2":
        yield Result("ok", "a seccomp filter confines this process")
    label, enforcing = _label(), _enforcing(host)
    if enforcing == "1" or (":" in label and enforcing != "0"):
        if label and not _UNCONFINED_DOMAIN.search(label):
            said = "SELinux is enforcing, and confines" if enforcing else "SELinux may confine"
            yield Result(
                "limited",
                f"{said} this process ({label})",
                costs=("a file that the domain's policy forbids looks unreadable",),
                remedy="Look for denials with `ausearch -m avc -c imds-probe`, and run in an unconfined domain.",
            )
        else:
            said = "SELinux is enforcing, and does" if enforcing else "SELinux does"
            yield Result("ok", f"{said} not confine this process{f' ({label})' if label else ''}")
    elif label and label != "unconfined" and ":" not in label:
        yield Result(
            "limited",
            f"AppArmor confines this process ({label})",
            costs=("a file that the profile forbids looks unreadable",),
            remedy="Run without the profile: in a container, with the AppArmor profile Unconfined.",
        )
    else:
        yield Result("ok", "no security module confines this process")
    lockdown = re.search(r"\[(\w+)\]", _read("/sys/kernel/security/lockdown"))
    if host.runs and lockdown and lockdown[1] == "confidentiality":
        yield Result(
            "limited",
            "the kernel is locked down for confidentiality, which closes tracing",
            Need.TRACING,
            remedy="Expect short-lived callers without a name, or boot without lockdown=confidentiality.",
        )


def _hidepid(host: Host) -> str:
    for each in mounts.options_of(host.proc, "self" if host.is_here else 1, "proc"):
        if found := _HIDEPID_SET.search(each):
            return f"hidepid={found[1]}"
    return ""


def _enforcing(host: Host) -> str:
    """ "1" or "0", empty where it is not to be seen: containers have it below the host's root at most."""
    return next(filter(None, map(_read, ("/sys/fs/selinux/enforce", str(host.root / "sys/fs/selinux/enforce")))), "")


def _label() -> str:
    """What the security module calls this process, without the mode in brackets."""
    return _read("/proc/self/attr/current").partition(" (")[0]


def _read(path: str) -> str:
    try:
        return read_head(path, 4096).decode(errors="replace").strip(" \n\0")
    except OSError:
        return ""
