"""Services of runit and daemontools: runsv(8), supervise. Each is a directory with a script `run`."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH

DIRECTORIES = ("/etc/service", "/var/service", "/service", "/etc/runit/runsvdir/current")
SERVICES_MAX = 500
DOWN = "down"  # a service with this file is not started
RUN = ("run", "log/run", "finish")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """The scripts of each service once: one of these directories is mostly a link to another."""
    done: set[str | None] = set()
    for top in DIRECTORIES:
        names = [name for name in files.names(top) if not name.startswith(".")]
        if len(names) > SERVICES_MAX:
            files.leave_out(top, unread.MORE, f"{top} has more than {SERVICES_MAX} services, and the rest was not read")
        for name in names[:SERVICES_MAX]:
            service = f"{top}/{name}"
            real = files.real_path(service)
            if real in done or files.has_file(f"{service}/{DOWN}"):
                continue
            done.add(real)
            for path in files.files([f"{service}/{script}" for script in RUN], executable=True):
                directory = path.rpartition("/")[0]
                yield Scheduled((path,), Place(path), "boot", AT_BOOT, environment={"PATH": PATH}, directory=directory)
