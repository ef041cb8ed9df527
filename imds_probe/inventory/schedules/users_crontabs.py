"""Crontabs of users without privilege."""

from __future__ import annotations

from collections.abc import Iterator

from imds_probe.inventory.schedules import cron
from imds_probe.inventory.schedules.scheduled import Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Every command of each."""
    around = cron.Around.of(files)
    for path, user, owner_uid in list(cron.of_accounts(files)):
        if owner_uid is not None:
            files.owner_uid = owner_uid
            yield from cron.entries(files.lines(path), path, user, around, owner_uid)
