"""All kinds of schedules, by hand, and reading them all of one system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules import (
    anacron,
    cloud_init,
    cron,
    hooks,
    init_scripts,
    logins,
    not_read,
    run_parts,
    static_pods,
)
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services

SCHEDULED_MAX = 3000  # of one kind


@dataclass(frozen=True)
class Source:
    """One kind. `look` yields what it starts; what it cannot read it says to the files."""

    what: str
    look: Callable[[SystemFiles], Iterator[Scheduled]]


SOURCES = (
    Source("crontabs", cron.look),
    Source("scripts of cron", run_parts.look),
    Source("jobs of anacron", anacron.look),
    Source("units of systemd", services.look),
    Source("scripts of init", init_scripts.look),
    Source("what cloud-init runs", cloud_init.look),
    Source("hooks of the network", hooks.look),
    Source("files that shells read at a login", logins.look),
    Source("static pods", static_pods.look),
    Source("what is not read", not_read.look),
)


def schedules(root: Path) -> Iterator[Scheduled | str]:
    """Everything that will run on the system below `root`, and of what could not be read a sentence each."""
    said = 0
    files = SystemFiles(root)
    for source in SOURCES:
        left = SCHEDULED_MAX
        for each in source.look(files):
            left -= 1
            if left < 0:
                files.say(f"{source.what}: more than {SCHEDULED_MAX} were found, and the rest was not read")
                break
            yield each.encodable()
        yield from files.troubles[said:]
        said = len(files.troubles)
