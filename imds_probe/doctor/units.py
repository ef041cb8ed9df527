"""The units of systemd: which are there, which start at boot, which run, and whether two of them report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.doctor.check import Host, Result
from imds_probe.errors import CommandError
from imds_probe.system import process, rootfs
from imds_probe.system.confined import FileUnreadable
from imds_probe.system.state_directory import UNIT as DAEMON
from imds_probe.system.state_directory import WANTS as DAEMON_WANTED

TIMER, ONCE, BOOT = "imds-probe.timer", "imds-probe.service", "imds-probe-boot.service"
UNITS = (ONCE, TIMER, DAEMON, BOOT)
PLACES = ("usr/lib/systemd/system", "lib/systemd/system", "etc/systemd/system", "run/systemd/system")
WANTS = "etc/systemd/system"  # NAME.wants in there has the links that systemctl enable makes
TIMEOUT_S = 5.0
UNIT_MAX_BYTES = 64 * 1024
RUNS = ("active", "activating", "reloading")
_PROPERTY = re.compile(r"^(Id|ActiveState)=(\S{1,100})$", re.MULTILINE)
TWICE_REMEDY = f"Stop the timer, as the daemon assesses by itself: systemctl disable --now {TIMER}"


@dataclass(frozen=True)
class Units:
    """Names of units; `active` is None where systemd was not asked. `makes_way`: the timer does not start where the daemon is
    enabled; that of earlier versions did.
    """

    installed: frozenset[str]
    enabled: frozenset[str]
    active: frozenset[str] | None
    makes_way: bool

    @property
    def both(self) -> bool:
        """Whether timer and daemon work side by side."""
        known = self.active if self.active is not None else self.enabled
        return {TIMER, DAEMON} <= known and (self.active is not None or not self.makes_way)


def units(host: Host) -> Iterator[Result]:
    found = seen(host)
    if not found.installed:
        yield Result("ok", "no unit of imds-probe is installed: it is run by hand, by SSM or in a container")
        return
    for name in UNITS:
        if name in found.installed:
            yield Result("ok", f"{name}: {_said(name, found)}")
    running = found.enabled if found.active is None else found.active | found.enabled
    if found.both:
        yield Result(
            "limited",
            f"{TIMER} and {DAEMON} are both {'enabled' if found.active is None else 'active'}",
            costs=("this host is assessed and reported twice",),
            remedy=f"{TWICE_REMEDY}.",
        )
    elif not running & {TIMER, DAEMON}:
        yield Result(
            "limited",
            "neither the timer nor the daemon is enabled",
            costs=("nothing assesses this host by itself",),
            remedy=f"Enable one of them: systemctl enable --now {DAEMON}",
        )
    if found.active is not None and DAEMON in found.enabled and DAEMON not in found.active:
        yield Result(
            "limited",
            f"{DAEMON} is enabled and does not run",
            costs=("nobody watches who calls the metadata service",),
            remedy=f"See why: systemctl status {DAEMON}",
        )


def seen(host: Host) -> Units:
    """By the files of the system below the root, and on the running one also by systemd."""
    installed = {name for place in PLACES for name in _names(host.root, place) if name in UNITS}
    enabled = {
        name
        for directory in _names(host.root, WANTS)
        if directory.endswith(".wants")
        for name in _names(host.root, f"{WANTS}/{directory}")
        if name in UNITS
    }
    return Units(frozenset(installed), frozenset(enabled), _active(host) if installed else None, _makes_way(host.root))


def _makes_way(root: Path) -> bool:
    for place in PLACES:
        try:
            content = rootfs.read(root, f"{place}/{TIMER}", UNIT_MAX_BYTES)
        except FileUnreadable:
            continue
        if content is not None and f"ConditionPathExists=!{DAEMON_WANTED}/{DAEMON}".encode() in content:
            return True
    return False


def _said(name: str, units: Units) -> str:
    words = ["installed"]
    if name != ONCE:  # which the timer starts
        words.append("enabled" if name in units.enabled else "not enabled")
    if units.active is not None:
        words.append("active" if name in units.active else "not active")
    return ", ".join(words)


def _active(host: Host) -> frozenset[str] | None:
    """Asked of systemd by its own socket."""
    if not host.is_here or not Path("/run/systemd/system").is_dir():
        return None
    try:
        said = process.run(["systemctl", "show", "--property=Id,ActiveState", *UNITS], timeout_s=TIMEOUT_S)
    except CommandError:
        return None
    if said.returncode:
        return None
    blocks = said.stdout.decode(errors="replace").split("\n\n")
    properties = [dict(_PROPERTY.findall(block)) for block in blocks]
    return frozenset(each["Id"] for each in properties if each.get("ActiveState") in RUNS and "Id" in each)


def _names(root: Path, path: str) -> tuple[str, ...]:
    try:
        return rootfs.names(root, path)
    except FileUnreadable:
        return ()
