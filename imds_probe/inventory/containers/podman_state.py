"""What podman keeps of its containers in a database: of which it is bbolt up to its version 4, and SQLite since.

Source: github.com/containers/podman, libpod/boltdb_state.go, sqlite_state_internal.go and container_config.go.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from imds_probe.inventory.containers.checks import Check, check_of
from imds_probe.inventory.images.bolt import Bolt, Bucket, NoBolt
from imds_probe.inventory.packages.rpmdb import sqlite
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.system import rootfs

BOLT, SQLITE = "libpod/bolt_state.db", "db.sql"
_TABLE, _ID, _CONFIG = "ContainerConfig", 0, 3  # and its columns
_KEYS = ("healthcheck", "startupHealthCheck")
CONTAINERS_MAX = 5000


def checks(
    root: Path, stores: Collection[str], notes: list[str], owners: Collection[int] | None = None
) -> Mapping[str, tuple[Check, ...]]:
    """The checks of each container of these stores that has any, by its id. What cannot be read is said in `notes`, and what is not
    one of `owners`', where any are given.
    """
    found: dict[str, tuple[Check, ...]] = {}
    for path, read in ((f"{store}/{name}", each) for store in stores for name, each in _READERS.items()):
        try:
            for number, (container, config) in enumerate(read(root, path, owners)):
                if number >= CONTAINERS_MAX:
                    notes.append(f"{path} has more than {CONTAINERS_MAX} containers")
                    break
                if there := tuple(_of_config(config)):
                    found.setdefault(container.decode("utf-8", "replace"), there)
        except rootfs.FileUnreadable as trouble:
            notes.append(trouble.problem)
        except (NoBolt, DatabaseError):
            notes.append(f"the health checks in {path} cannot be read")
    return found


def _of_config(config: bytes) -> Iterator[Check]:
    try:
        document = json.loads(config)
    except (ValueError, RecursionError):
        return
    for key in _KEYS if isinstance(document, dict) else ():
        if (check := check_of(document.get(key))) is not None:
            yield check


def _of_bolt(root: Path, path: str, owners: Collection[int] | None) -> Iterator[tuple[bytes, bytes]]:
    with rootfs.opened(root, path) as file:
        if file is None or (owners is not None and file.status().st_uid not in owners):
            return
        known = Bolt(file).top.bucket(b"ctr")
        for container, each in known.items() if known is not None else ():
            if isinstance(each, Bucket):
                yield container, each.value(b"config")


def _of_sqlite(root: Path, path: str, owners: Collection[int] | None) -> Iterator[tuple[bytes, bytes]]:
    with rootfs.opened(root, path) as file, rootfs.opened(root, f"{path}-wal") as log:
        if file is None or (owners is not None and file.status().st_uid not in owners):
            return
        with rootfs.buffered(file) as database:
            if log is None:
                yield from sqlite.pairs(database, None, _TABLE, (_ID, _CONFIG))
                return
            with rootfs.buffered(log) as written:
                yield from sqlite.pairs(database, written, _TABLE, (_ID, _CONFIG))


_READERS = {SQLITE: _of_sqlite, BOLT: _of_bolt}
