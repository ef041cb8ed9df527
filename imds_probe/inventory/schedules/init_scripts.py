"""Scripts of System V's init, OpenRC and rc.local, which run at boot."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH
from imds_probe.inventory.schedules.systemd.unit_files import DIRECTORIES as UNITS

RC_LOCAL = ("/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/boot.local", "/etc/init.d/after.local")
STARTED_AT = "2345S"
RUN_LEVELS = ("/etc", "/etc/rc.d")
OPENRC = "/etc/runlevels"
OPENRC_LOCAL = "/etc/local.d"


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each script once, as it is started."""
    done: set[str | None] = set()
    for path, *arguments in (*_locals(files), *_of_run_levels(files), *_of_openrc(files)):
        real = files.real_path(path)
        if real not in done:
            done.add(real)
            yield Scheduled((path, *arguments), Place(path), "boot", AT_BOOT, environment={"PATH": PATH})


def _locals(files: SystemFiles) -> Iterator[tuple[str, ...]]:
    for path in files.files(RC_LOCAL, executable=True):
        yield path, "start"
    for path in files.files([f"{OPENRC_LOCAL}/{name}" for name in files.names(OPENRC_LOCAL)], executable=True):
        if path.endswith(".start"):
            yield (path,)


def _of_run_levels(files: SystemFiles) -> Iterator[tuple[str, ...]]:
    """By the links S20name. A unit of systemd of the same name stands in a script's place, also one that is masked."""
    units = {name for directory in UNITS if "/generator" not in directory for name in files.names(directory)}
    for top in RUN_LEVELS:
        for level in STARTED_AT:
            directory = f"{top}/rc{level}.d"
            named = [f"{directory}/{name}" for name in files.names(directory) if name.startswith("S")]
            for path in files.files(named, executable=True):
                name = posixpath.basename(path)[1:].lstrip("0123456789")
                if f"{name.removesuffix('.sh')}.service" not in units:
                    # By the name that it has of its own, where it has one: the same link stands in several levels.
                    own = f"/etc/init.d/{name}"
                    yield own if files.has_file(own) else path, "start"


def _of_openrc(files: SystemFiles) -> Iterator[tuple[str, ...]]:
    for level in files.names(OPENRC):
        if level != "shutdown":
            named = [f"{OPENRC}/{level}/{name}" for name in files.names(f"{OPENRC}/{level}")]
            for path in files.files(named, executable=True):
                yield f"/etc/init.d/{posixpath.basename(path)}", "start"
