"""What the kernel has: its version, tracing, control groups, and the clock."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from imds_probe.collect.needs import Need
from imds_probe.doctor.check import Host, Result
from imds_probe.duration import in_words
from imds_probe.errors import ProbeError
from imds_probe.system import mounts
from imds_probe.watch.boots import this_boot
from imds_probe.watch.tracepoint import EVENT
from imds_probe.watch.tracing import NotToBeHad, mounted, tracefs

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
# From when on the kernel has something, and what there is without it. What decides a verdict is asked for by itself.
SINCE = (
    ((3, 2), "no version of imds-probe is built for it"),
    ((4, 11), "it does not say which user made a network namespace, so the distances of containers in it do not count"),
    ((4, 16), "it names no short-lived callers, as the tracepoint sock:inet_sock_set_state is missing"),
    ((4, 18), "a host cannot be rehearsed, and commands, units and containers only by iptables"),
)
NEWEST_NEEDED = (5, 13)  # the readers of untrusted files are confined by Landlock from here on, and by less before
CLOCK_MIN = 1_700_000_000.0  # 2023-11-14: a clock from before is that of a machine without one
AHEAD_S = 300.0  # AWS refuses what is signed by a clock that is off by more
TIME_ERROR, _UNSYNCHRONISED = 5, 0x40  # <linux/timex.h>: STA_UNSYNC
_STATUS_AT = 5  # modes, offset, freq, maxerror, esterror, status: as longs, of which modes and status are padded ints


def version(host: Host) -> Result:
    if not host.runs:
        return Result("ok", "the kernel of another system is not looked at")
    release = os.uname().release
    found = _VERSION.match(release)
    if found is None:
        return Result("ok", f"Linux {release}")
    numbers = int(found[1]), int(found[2])
    lacking = tuple(what for since, what in SINCE if numbers < since)
    if lacking:
        return Result("limited", f"Linux {release}", costs=lacking, remedy="Upgrade the kernel with the distribution.")
    older = "; the processes that read untrusted files are confined without Landlock" if numbers < NEWEST_NEEDED else ""
    return Result("ok", f"Linux {release}{older}")


def tracing(host: Host) -> Result:
    """Whether an instance may be made. None is: that would be a change to the host, if for a moment."""
    if not host.runs:
        return Result("ok", "the tracing of another system is not looked at")
    costs = ("callers that live for a moment are seen without a name",)
    with contextlib.ExitStack() as files:
        try:
            where = tracefs() or mounted(files)
        except NotToBeHad as error:
            return Result("limited", error.problem, Need.TRACING, costs, error.remedy)
        problem, remedy = _trouble(where)
        said = "a mount of its own" if str(where).startswith("/proc/") else str(where)
    if problem:
        return Result("limited", problem, Need.TRACING, costs, remedy)
    return Result("ok", f"the kernel's tracing can be used ({said})")


def _trouble(where: Path) -> tuple[str, str]:
    """What keeps this process from tracing and what to do, both empty where nothing does."""
    if not os.access(where / "instances", os.W_OK):
        remedy = "Run as root, and leave /sys/kernel/tracing writable in units and containers."
        return f"{where}/instances cannot be written", remedy
    if not (where / EVENT).is_dir():
        remedy = "Upgrade the kernel to Linux 4.16 or later, built with tracing of events."
        return f"the kernel has no {EVENT.removeprefix('events/')}", remedy
    return "", ""


def groups(host: Host) -> Result:
    """By the mounts of process 1, or of this one where that is another's."""
    kinds = {each.kind for pid in (1, "self") for each in mounts.mounts(host.proc, pid)}
    if "cgroup2" in kinds and "cgroup" not in kinds:
        return Result("ok", "control groups of version 2")
    if "cgroup" in kinds:
        both = " beside version 2" if "cgroup2" in kinds else ""
        return Result("ok", f"control groups of version 1{both}; rehearsals match by classes or network namespaces")
    if not kinds:
        return Result("limited", "the mounts of control groups cannot be read", Need.GROUPS, remedy="Run as root.")
    return Result(
        "limited",
        "no control groups are mounted",
        Need.GROUPS,
        remedy="Mount them below /sys/fs/cgroup, as systemd does.",
    )


def clock(host: Host) -> Iterator[Result]:
    """Reports and histories are dated by it, and AWS holds signatures to its own."""
    set_it = "Set the clock, and keep it: systemctl enable --now chronyd"
    costs = ("reports are dated wrongly, and AWS refuses requests that are signed by a clock that is off by 5 minutes",)
    if host.now < CLOCK_MIN:
        yield Result("limited", "the clock is years behind", costs=costs, remedy=f"{set_it}.")
        return
    synchronised = _synchronised() if host.runs else None
    if synchronised is False:
        yield Result("limited", "the kernel says that its clock is not synchronised", costs=costs, remedy=f"{set_it}.")
        return
    booted = this_boot(host.proc)
    up = f"; up for {in_words(booted.up_s)}" if booted is not None and host.runs else ""
    said = "the clock is synchronised" if synchronised else "the clock is plausible"
    yield Result("ok", f"{said}{up}")


def _synchronised() -> bool | None:
    """None where the kernel does not say, as to a unit that may not use the calls for clocks."""
    if Path("/run/systemd/timesync/synchronized").exists():
        return True
    libc = ctypes.CDLL(None, use_errno=True)
    said = (ctypes.c_long * 64)()  # struct timex: 208 bytes on 64-bit Linux; modes of 0 only read
    state = libc.adjtimex(ctypes.byref(said))
    if state < 0:
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.ENOSYS):
            return None
        raise ProbeError(f"the kernel does not say whether its clock is right: {os.strerror(number)}")
    status = said[_STATUS_AT] & 0xFFFFFFFF
    return state != TIME_ERROR and not status & _UNSYNCHRONISED
