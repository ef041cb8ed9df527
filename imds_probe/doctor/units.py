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
from imds_probe.system.small_file import read_link
from imds_probe.system.state_directory import UNIT as DAEMON
from imds_probe.system.state_directory import WANTS as DAEMON_WANTED

TIMER, ONCE, BOOT = "imds-probe.timer", "imds-probe.service", "imds-probe-boot.service"
UNITS = (ONCE, TIMER, DAEMON, BOOT)
PLACES = ("usr/lib/systemd/system", "lib/systemd/system", "etc/systemd/system", "run/systemd/system")
MASKS = ("etc/systemd/system", "run/systemd/system")  # the first of them counts
WANTS = "etc/systemd/system"  # NAME.wants in there has the links that systemctl enable makes
TIMEOUT_S = 5.0
UNIT_MAX_BYTES = 64 * 1024
RUNS = ("active", "activating", "reloading")
_PROPERTY = re.compile(r"^(Id|ActiveState)=(\S{1,100})$", re.MULTILINE)
TWICE_REMEDY = f"Stop the timer, as the daemon assesses by itself: systemctl disable --now {TIMER}"


@dataclass(frozen=True)
class Units:
    """Names of units; `active` is None where systemd was not asked. `makes_way`: the timer does not start where the daemon is
    enabled; that of earlier versions did. What is `masked` is in none of the others.
    """

    installed: frozenset[str]
    enabled: frozenset[str]
    active: frozenset[str] | None
    makes_way: bool
    masked: frozenset[str] = frozenset()

    @property
    def both(self) -> bool:
        """Whether timer and daemon work side by side."""
        known = self.active if self.active is not None else self.enabled
        return {TIMER, DAEMON} <= known and (self.active is not None or not self.makes_way)


def units(host: Host) -> Iterator[Result]:
    found = seen(host)
    if not found.installed | found.masked:
        yield Result("ok", "no unit of imds-probe is installed: it is run by hand, by SSM or in a container")
        return
    for name in UNITS:
        if name in found.masked:
            yield Result("ok", f"{name}: masked, so that nothing starts it")
        elif name in found.installed:
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
            remedy=f"Enable one of them: {_enable(DAEMON, found)}",
        )
    makes_way = found.makes_way and DAEMON in found.enabled
    if found.active is not None and TIMER in found.enabled - found.active and not makes_way:
        yield Result(
            "limited",
            f"{TIMER} is enabled and does not run",
            costs=() if DAEMON in found.active else ("nothing assesses this host before its next boot",),
            remedy=f"Start it: systemctl start {TIMER}",
        )
    if found.active is not None and DAEMON in found.enabled and DAEMON not in found.active:
        yield Result(
            "limited",
            f"{DAEMON} is enabled and does not run",
            costs=("no daemon watches the calls to the metadata service",),
            remedy=f"See why: systemctl status {DAEMON}",
        )


def seen(host: Host) -> Units:
    """By the files of the system below the root, and on the running one also by systemd."""
    masked = frozenset(name for name in UNITS if _is_masked(host.root, name))
    installed = {name for place in PLACES for name in _names(host.root, place) if name in UNITS}
    enabled = {
        name
        for directory in _names(host.root, WANTS)
        if directory.endswith(".wants")
        for name in _names(host.root, f"{WANTS}/{directory}")
        if name in UNITS
    }
    active = _active(host) if installed else None
    return Units(frozenset(installed) - masked, frozenset(enabled) - masked, active, _makes_way(host.root), masked)


def _is_masked(root: Path, name: str) -> bool:
    """Whether a link to /dev/null stands in the unit's place, as `systemctl mask` makes it. Its text is enough."""
    for place in MASKS:
        if name in _names(root, place) and (directory := rootfs.real_path(root, place)) is not None:
            try:
                return str(read_link(root / directory.lstrip("/") / name)) == "/dev/null"
            except OSError:
                return False  # a unit of its own, which comes before what the other place has
    return False


def _enable(name: str, units: Units) -> str:
    return f"{f'systemctl unmask {name} && ' if name in units.masked else ''}systemctl enable --now {name}"


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
