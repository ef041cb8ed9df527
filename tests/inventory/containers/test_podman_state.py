from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from image_stores import bolt

from imds_probe.inventory.containers import podman_state
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.podman_state import BOLT, SQLITE, checks

STORE = "/var/lib/containers/storage"
ID, OTHER = "0123456789abcdef" * 4, "a" * 64
CONFIG = {"id": ID, "healthcheck": {"Test": ["CMD-SHELL", "curl x"], "Interval": 5_000_000_000}}
STARTUP = {"startupHealthCheck": {"Test": ["CMD", "a"]}}
FOUND = {ID: (Check(("/bin/sh", "-c", "curl x"), 5.0),), OTHER: (Check(("a",)),)}


def in_sqlite(root: Path, *, checkpointed: bool = True) -> sqlite3.Connection:
    """As podman 5 makes it. The connection stays open, as the log is written back when the last one ends."""
    path = root / STORE[1:] / SQLITE
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    database.execute(f"pragma journal_mode = {'delete' if checkpointed else 'wal'}")
    database.execute(
        "create table ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL)"
    )
    rows = [(ID, "web", None, json.dumps(CONFIG)), (OTHER, "db", "p", json.dumps(STARTUP)), ("b" * 64, "x", None, "{")]
    database.executemany("insert into ContainerConfig values (?, ?, ?, ?)", rows)
    database.commit()
    return database


def in_bolt(root: Path) -> None:
    path = root / STORE[1:] / BOLT
    path.parent.mkdir(parents=True)
    containers = {ID: CONFIG, OTHER: STARTUP, "b" * 64: [1]}
    tree = {name.encode(): {b"config": json.dumps(each).encode(), b"state": b"x"} for name, each in containers.items()}
    path.write_bytes(bolt({b"ctr": tree, b"id-registry": {b"x": b"y"}}))


@pytest.mark.parametrize("checkpointed", [True, False])
def test_what_a_newer_podman_keeps(tmp_path: Path, *, checkpointed: bool) -> None:
    database, notes = in_sqlite(tmp_path, checkpointed=checkpointed), list[str]()
    assert (checks(tmp_path, (STORE,), notes), notes) == (FOUND, [])
    database.close()


def test_what_an_older_one_keeps(tmp_path: Path) -> None:
    in_bolt(tmp_path)
    notes: list[str] = []
    assert (checks(tmp_path, (STORE,), notes), notes) == (FOUND, [])


def test_what_belongs_to_somebody_else_is_none(tmp_path: Path) -> None:
    in_bolt(tmp_path)
    owner = (tmp_path / STORE[1:] / BOLT).stat().st_uid
    assert checks(tmp_path, (STORE,), [], {owner}) == FOUND
    assert checks(tmp_path, (STORE,), [], {owner + 1}) == {}


@pytest.mark.parametrize("name", [BOLT, SQLITE])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / STORE[1:] / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 9000)
    notes: list[str] = []
    assert checks(tmp_path, (STORE,), notes) == {}
    assert notes == [f"the health checks in {STORE}/{name} cannot be read"]


def test_so_are_more_containers_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_bolt(tmp_path)
    monkeypatch.setattr(podman_state, "CONTAINERS_MAX", 1)
    notes: list[str] = []
    assert len(checks(tmp_path, (STORE,), notes)) == 1
    assert notes == [f"{STORE}/{BOLT} has more than 1 containers"]
