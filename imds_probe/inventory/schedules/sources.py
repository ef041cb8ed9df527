"""All kinds of schedules, by hand, and reading them all of one system."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import get_args

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import (
    anacron,
    cloud_init,
    cron,
    hooks,
    init_scripts,
    logins,
    named_in_settings,
    not_read,
    run_parts,
    static_pods,
    users_units,
)
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.starters import Starter
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services

SCHEDULED_MAX = 3000  # of one kind


@dataclass(frozen=True)
class Source:
    """One kind. `look` yields what it starts; what it cannot read it says to the files. `by` is who starts it."""

    what: str
    look: Callable[[SystemFiles], Iterator[Scheduled]]
    by: Starter


SOURCES = (
    Source("crontabs", cron.look, "cron"),
    Source("scripts of cron", run_parts.look, "cron"),
    Source("jobs of anacron", anacron.look, "cron"),
    Source("units of systemd", services.look, "init"),
    Source("scripts of init", init_scripts.look, "init"),
    Source("what cloud-init runs", cloud_init.look, "init"),
    Source("hooks of the network", hooks.look, "init"),
    Source("files that shells read at a login", logins.look, "init"),
    Source("static pods", static_pods.look, "init"),
    Source("programs that settings name", named_in_settings.look, "init"),
    Source("units of users' own systemd", users_units.look, "init"),
    Source("what is not read", not_read.look, "init"),
)


def schedules(root: Path, by: Collection[Starter] = get_args(Starter)) -> Iterator[Scheduled | str]:
    """Everything that these will start on the system below `root`, and of what could not be read a sentence each."""
    files = SystemFiles(root)
    for source in (each for each in SOURCES if each.by in by):
        said = len(files.troubles)
        yield from of_source(source, files)
        yield from files.troubles[said:]


def of_source(source: Source, files: SystemFiles) -> Iterator[Scheduled]:
    """Everything of one kind."""
    left = SCHEDULED_MAX
    for each in source.look(files):
        left -= 1
        if left < 0:
            files.say(f"{source.what}: more than {SCHEDULED_MAX} were found, and the rest was not read")
            break
        yield each.encodable()
