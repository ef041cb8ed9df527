"""The commands of all units that are started: systemd.service(5), systemd.socket(5)."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules.accounts import accounts
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.activation import Activations
from imds_probe.inventory.schedules.systemd.environment import surroundings
from imds_probe.inventory.schedules.systemd.exec_words import exec_lines
from imds_probe.inventory.schedules.systemd.specifiers import replaced
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
SECTIONS = ("Service", "Socket", "Mount", "Swap")
INIT_SCRIPTS = ("/etc/init.d/", "/etc/rc.d/init.d/")  # of which a generator made a unit


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every command, once for each way in which its unit is started."""
    units = UnitFiles(files)
    if not units.there():
        return
    known = accounts(files)
    for name, whens in Activations(units).found.items():
        unit = units.unit(name)
        if unit is None or unit.last("Unit", "SourcePath").startswith(INIT_SCRIPTS):
            continue
        for section in SECTIONS:
            commands = unit.all(section, *KEYS)
            if not commands:
                continue
            if unit.last(section, "RootImage"):
                files.say(f"{unit.path} runs in a root of its own, which was not followed")
                continue
            around = surroundings(unit, section, files, known)
            root = replaced(unit.last(section, "RootDirectory").removeprefix("-"), around.specifiers).rstrip("/")
            for each in commands:
                for argv in exec_lines(each.value, around.specifiers, around.environment):
                    for when in whens:
                        yield Scheduled(
                            argv,
                            Place(each.path, each.line),
                            when.kind,
                            when.how_often,
                            when.every_s,
                            around.environment,
                            around.directory,
                            around.user,
                            root=root if root.startswith("/") else "",
                        )
