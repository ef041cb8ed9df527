"""The commands of all units that are started: systemd.service(5), systemd.socket(5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.accounts import ROOT, Account, accounts
from imds_probe.inventory.schedules.commands.conditions import passes_over
from imds_probe.inventory.schedules.scheduled import AT_BOOT, RELOADED, STOPPED, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.activation import Activations
from imds_probe.inventory.schedules.systemd.environment import surroundings
from imds_probe.inventory.schedules.systemd.exec_words import END, PREFIXES, exec_lines
from imds_probe.inventory.schedules.systemd.networks import TRUE, Networks
from imds_probe.inventory.schedules.systemd.specifiers import replaced
from imds_probe.inventory.schedules.systemd.syntax import Assignment
from imds_probe.inventory.schedules.systemd.unit import Unit
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

KEYS = (
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPre",
    "ExecStopPost",
)
# What runs by an event of its own, which a boot that was watched need not have had in it.
BY_EVENT = {"ExecReload": RELOADED, "ExecStop": STOPPED, "ExecStopPre": STOPPED, "ExecStopPost": STOPPED}
PATH_CONDITIONS = (
    "ConditionPathExists",
    "ConditionFileNotEmpty",
    "ConditionPathIsDirectory",
    "ConditionDirectoryNotEmpty",
)
SECTIONS = ("Service", "Socket", "Mount", "Swap")
INIT_SCRIPTS = ("/etc/init.d/", "/etc/rc.d/init.d/")  # of which a generator made a unit


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every command, once for each way in which its unit is started."""
    units = UnitFiles(files)
    if not units.there():
        return
    known = accounts(files)
    activated = Activations(units).found
    networks = Networks.of(units, activated)
    for name, whens in activated.items():
        unit = units.unit(name)
        if unit is None or unit.last("Unit", "SourcePath").startswith(INIT_SCRIPTS):
            continue
        conditional = _is_conditional(unit)
        for each in commands(unit, files, known, networks=networks):
            if each.kind != "boot":
                yield each
                continue
            for when in whens:
                every_s = None if conditional else when.every_s
                yield replace(each, kind=when.kind, how_often=when.how_often, every_s=every_s)


def _is_conditional(unit: Unit) -> bool:
    """Whether some of its starts come to nothing, by a command that has to succeed or a file that has to be there."""
    tests = [each.value.lstrip(PREFIXES) for each in unit.all("Service", "ExecCondition")]
    before = [each.value.lstrip(PREFIXES) for each in unit.all("Service", "ExecStartPre") if each.value[:1] != "-"]
    paths = [each.value.lstrip("|!") for each in unit.all("Unit", *PATH_CONDITIONS)]
    return (
        any(passes_over(f"{each} && true") for each in (*tests, *before))
        or any(passes_over(f"test -e {each} && true") for each in paths)
    )  # fmt: skip


def commands(
    unit: Unit,
    files: SystemFiles,
    known: Mapping[str, Account],
    keys: Sequence[str] = KEYS,
    networks: Networks | None = None,
) -> Iterator[Scheduled]:
    """The commands of one unit by these keys, as if a boot started them; those of another event by that. Where the networks of
    others are not known, that of the host counts.
    """
    for section in SECTIONS:
        given = unit.all(section, *keys)
        if not given:
            continue
        if unit.last(section, "RootImage"):
            said = f"{unit.path} runs in a root of its own, which was not followed"
            files.leave_out(unit.path, unread.NO_SCRIPT, said)
            continue
        around = surroundings(unit, section, files, known)
        remains = unit.last(section, "RemainAfterExit").lower() in TRUE
        ends_itself = unit.last(section, "Type") == "oneshot" and not remains
        root = replaced(unit.last(section, "RootDirectory").removeprefix("-"), around.specifiers).rstrip("/")
        for each in given:
            event = BY_EVENT.get(each.key, "")
            if ends_itself and each.key != "ExecReload":
                event = ""  # it stops whenever it was started
            privileged = _keeps_privileges(each, unit, section)
            for argv in exec_lines(each.value, around.specifiers, around.environment):
                yield Scheduled(
                    argv,
                    Place(each.path, each.line),
                    "scheduled" if event else "boot",
                    event or AT_BOOT,
                    None,
                    around.environment,
                    around.directory,
                    ROOT.name if privileged else around.user,
                    root=root if root.startswith("/") else "",
                    network=networks.of_command(unit, section, privileged=privileged) if networks else "host",
                )


def _keeps_privileges(given: Assignment, unit: Unit, section: str) -> bool:
    """Whether one of these commands is root's, whoever the unit's user is."""
    starts = (part.lstrip() for part in given.value.split(END))
    prefixes = {mark for each in starts for mark in each[: len(each) - len(each.lstrip(PREFIXES))]}
    only_start = unit.last(section, "PermissionsStartOnly").lower() in TRUE
    return not prefixes.isdisjoint("+!") or (only_start and given.key != "ExecStart")
