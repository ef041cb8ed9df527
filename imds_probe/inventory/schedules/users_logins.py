"""What shells read in the homes of users without privilege when these log in."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules import logins
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every such file, as if a shell were started with it."""
    for account in logins.of_shells(files):
        if account.owner_uid is not None:
            files.owner_uid = account.owner_uid
            yield from logins.of_home(account, files)
