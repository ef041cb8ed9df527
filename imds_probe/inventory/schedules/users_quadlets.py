"""Containers and pods that users' own systemd starts of Podman's unit files: podman-systemd.unit(5), "Podman rootless unit search
path".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from imds_probe.inventory.schedules import quadlets, users_units
from imds_probe.inventory.schedules.accounts import Account, accounts
from imds_probe.inventory.schedules.scheduled import Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles

AT_HOME = ".config/containers/systemd"
LINGERING = "/var/lib/systemd/linger"  # a file for each user whose systemd the boot starts
_NO_SHELLS = ("/nologin", "/false", "/sync", "/shutdown", "/halt")
STARTED = When("scheduled", users_units.WHEN)


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each container that one of these starts; those for all users, once for each who has a systemd of his own."""
    homes = {account.home: account for account in reversed(list(accounts(files).values()))}
    lingering = frozenset(files.names(LINGERING))
    for account in sorted(homes.values(), key=lambda each: each.owner_uid is not None):
        files.owner_uid = account.owner_uid
        has_systemd = account.name in lingering or not account.shell.endswith(_NO_SHELLS)
        there = quadlets.files_there(_directories(account, has_systemd=has_systemd), files)
        if not there:
            continue
        named = frozenset(users_units.enabled([f"{account.home}/{users_units.OF_USER}", users_units.OF_ALL], files))
        for each in quadlets.started(there, partial(_whens, named), STARTED, files):
            yield replace(each, user=account.name, owner_uid=account.owner_uid, own_network=False)


def _whens(named: frozenset[str], unit: str) -> tuple[When, ...]:
    return (STARTED,) if unit in named else ()


def _directories(account: Account, *, has_systemd: bool) -> list[str]:
    of_users = [
        f"{directory}/{quadlets.USERS}" for directory in ("/etc/containers/systemd", "/usr/share/containers/systemd")
    ]
    own = [f"{account.home}/{AT_HOME}", *(f"{each}/{account.uid}" for each in of_users)]
    return [*own, *of_users] if has_systemd else own
