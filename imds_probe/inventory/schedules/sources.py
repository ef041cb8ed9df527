"""All kinds of schedules, by hand, and reading them all of one system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import get_args

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import (
    anacron,
    cloud_init,
    codedeploy,
    cron,
    docker_restarts,
    hooks,
    init_scripts,
    jenkins,
    logins,
    named_in_settings,
    not_read,
    pm2,
    quadlets,
    run_parts,
    runit,
    static_pods,
    users_crontabs,
    users_logins,
    users_quadlets,
    users_units,
)
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.starters import Starter
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import services

SCHEDULED_MAX, OF_USER_MAX = 3000, 500  # of one kind: root's, and each user's


@dataclass(frozen=True)
class Source:
    """One kind. `look` yields what it starts; what it cannot read it says to the files. `by` is who starts it. `of_users`: all but
    root's is of users without privilege, each of whom decides for himself how much there is.
    """

    what: str
    look: Callable[[SystemFiles], Iterator[Scheduled]]
    by: Starter
    of_users: bool = False


SETTINGS = Source("programs that settings name", named_in_settings.look, "init")
SOURCES = (
    Source("crontabs", cron.look, "cron"),
    Source("scripts of cron", run_parts.look, "cron"),
    Source("jobs of anacron", anacron.look, "cron"),
    Source("units of systemd", services.look, "init"),
    Source("scripts of init", init_scripts.look, "init"),
    Source("services of runit", runit.look, "init"),
    Source("what cloud-init runs", cloud_init.look, "init"),
    Source("hooks of the network", hooks.look, "init"),
    Source("files that shells read at a login", logins.look, "init"),
    Source("static pods", static_pods.look, "init"),
    Source("stopped containers of Docker", docker_restarts.look, "init"),
    Source("containers of quadlets", quadlets.look, "init"),
    SETTINGS,
    Source("jobs of Jenkins", jenkins.look, "init"),
    Source("hooks of CodeDeploy", codedeploy.look, "init"),
    Source("what is not read", not_read.look, "cron"),
    # Users' come last, so that none of them takes the time or room of root's.
    Source("crontabs of users", users_crontabs.look, "cron", of_users=True),
    Source("units of users' own systemd", users_units.look, "init", of_users=True),
    Source("containers of users' quadlets", users_quadlets.look, "init", of_users=True),
    Source("applications of pm2", pm2.look, "init", of_users=True),
    Source("files that shells read at a login of users", users_logins.look, "init", of_users=True),
)


def schedules(root: Path, by: Collection[Starter] = get_args(Starter)) -> Iterator[Scheduled | str]:
    """Everything that these will start on the system below `root`, and of what could not be read a sentence each."""
    files = SystemFiles(root)
    for source in (each for each in SOURCES if each.by in by):
        said = len(files.troubles)
        yield from of_source(source, files)
        yield from files.troubles[said:]


def of_source(source: Source, files: SystemFiles) -> Iterator[Scheduled]:
    """Everything of one kind. What one user has of it never takes the room of another's."""
    number: Counter[int | None] = Counter()
    files.owner_uid = None
    for each in source.look(files):
        most = SCHEDULED_MAX if each.owner_uid is None else OF_USER_MAX
        number[each.owner_uid] += 1
        if number[each.owner_uid] <= most:
            yield each.encodable()
            continue
        files.leave_out(
            each.place.path, unread.MORE, f"{source.what}: more than {most} were found, and the rest was not read"
        )
        if not source.of_users:
            break
    files.owner_uid = None
