"""What whoever may write a file below a root can prepare for those who read package databases, records and settings there.

Each of these writes it below a root; those of a container are its owner's, those of the host need a careless program of root's.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path

from imds_probe.catalog.catalog import Catalog

MIB = 1024 * 1024
LONG_BYTES = 100 * MIB
PAGE_BYTES = 4096
ENTRIES = 0xFFFF  # of a header of rpm: no more are taken


def filled(path: Path, piece: bytes, size_bytes: int = LONG_BYTES, head: bytes = b"") -> None:
    """A file of this size, of one piece again and again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = piece * max(1, MIB // len(piece))
    with path.open("wb") as file:
        file.write(head)
        while file.tell() < size_bytes:
            file.write(block)
        file.truncate(size_bytes)


def dpkg_without_end(root: Path) -> None:
    filled(root / "var/lib/dpkg/status", b"Package: a\nStatus: install ok installed\nVersion: 1\n\n")


def dpkg_of_empty_lines(root: Path) -> None:
    filled(root / "var/lib/dpkg/status", b"\n")


def dpkg_of_one_record(root: Path) -> None:
    filled(root / "var/lib/dpkg/status", b"x: y\n", head=b"Package: a\n")


def apk_of_records(root: Path) -> None:
    filled(root / "lib/apk/db/installed", b"P:a\nV:1\n\n", 60 * MIB)


def apk_of_one_record(root: Path) -> None:
    filled(root / "lib/apk/db/installed", b"V:1\n", 60 * MIB, b"P:cloud-init\n")


def apk_of_one_line(root: Path) -> None:
    filled(root / "lib/apk/db/installed", b"x", 60 * MIB, b"P:")


def rpm_in_sqlite(root: Path) -> None:
    """As long as a record may be, and another one."""
    path = root / "var/lib/rpm/rpmdb.sqlite"
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for size in (63 * MIB, 36 * MIB):
            database.execute("INSERT INTO Packages (blob) VALUES (?)", (_header(size),))
    database.close()


def rpm_in_ndb(root: Path) -> None:
    path = root / "var/lib/rpm/Packages.db"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(struct.pack("<4sIII16x", b"RpmP", 0, 0, 1))
        at, sizes = PAGE_BYTES, (63 * MIB, 36 * MIB)
        for number, size in enumerate(sizes):
            file.write(struct.pack("<4sIII", b"Slot", number, at // 16, size // 16 + 1))
            at += size + 16
        file.write(struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((PAGE_BYTES - file.tell()) // 16))
        for number, size in enumerate(sizes):
            file.write(struct.pack("<4sIII", b"BlbS", number, 0, size) + _header(size))


def rpm_in_berkeley_db(root: Path) -> None:
    """One chain of pages that is as long as the file."""
    path = root / "var/lib/rpm/Packages"
    path.parent.mkdir(parents=True)
    last = LONG_BYTES // PAGE_BYTES - 1
    used = PAGE_BYTES - 26
    content = _header(63 * MIB)
    with path.open("wb") as file:
        file.write(struct.pack("<12xI4xI8xI", 0x061561, PAGE_BYTES, last).ljust(PAGE_BYTES, b"\0"))
        entry = struct.pack("<B3xII", 3, 2, len(content))
        offsets = struct.pack("<HH", PAGE_BYTES - 1, PAGE_BYTES - 1 - len(entry))
        page = struct.pack("<20xHHxB", 2, 0, 13) + offsets
        file.write(page.ljust(PAGE_BYTES - 1 - len(entry), b"\0") + entry + b"\1")
        for number in range(2, last + 1):
            piece = content[(number - 2) * used : (number - 1) * used]
            file.write(struct.pack("<16xI2xHxB", number + 1, used, 7) + piece.ljust(used, b"\0"))


def _header(size: int) -> bytes:
    """A package's, with as many entries as there may be, and nothing but zeros after its name and version."""
    texts = b"a\x001\x001\0"
    entries = struct.pack(">12I", 1000, 6, 0, 1, 1001, 6, 2, 1, 1002, 6, 4, 1).ljust(16 * ENTRIES, b"\0")
    data_bytes = size - 8 - len(entries)
    return struct.pack(">II", ENTRIES, data_bytes) + entries + texts.ljust(data_bytes, b"\0")


def records_of_containers(root: Path, container_id: str) -> None:
    """What root's runtimes keep of one, and those of their files that name no container."""
    places = (
        f"var/lib/docker/containers/{container_id}/config.v2.json",
        f"run/containerd/io.containerd.runtime.v2.task/moby/{container_id}/config.json",
        f"run/containerd/io.containerd.runtime.v2.task/moby/{container_id}/init.pid",
        f"var/lib/containers/storage/overlay-containers/{container_id}/userdata/config.json",
        "var/lib/containers/storage/overlay-containers/containers.json",
        "etc/docker/daemon.json",
    )
    _everywhere(root, places, b'{"a": [[], []]},', head=b"[")


def stores_of_a_user(home: Path) -> None:
    """Lists of podman: one that takes twenty times the memory of its file, and longer ones."""
    store = home / ".local/share/containers/storage"
    filled(store / "overlay-containers/containers.json", b"[],", 8 * MIB - 2, b"[")
    with (store / "overlay-containers/containers.json").open("ab") as file:
        file.write(b"]")
    filled(store / "vfs-containers/containers.json", b"[],", 64 * MIB, b"[")
    filled(store / "btrfs-containers/containers.json", b"[],", LONG_BYTES, b"[")


def settings(root: Path) -> None:
    """All files that settings are looked up in, and what else is read below /etc."""
    rows = [row for row in Catalog.load().rows if next(row.switches(), None) is not None]
    places = {place.path for row in rows for _, switch in row.switches() for place in switch.places if place.path}
    others = ("etc/os-release", "etc/cloud/cloud.cfg", "etc/ecs/ecs.config")
    paths = sorted(path.replace("~", "/root").replace("*", "x").lstrip("/") for path in places)
    _everywhere(root, (*others, *paths), b"a: {b: [c, d]}\n")


def accounts(root: Path) -> None:
    filled(root / "etc/passwd", b"ann:x:4242:4242::/home/ann:/bin/sh\n")


def _everywhere(root: Path, paths: Iterable[str], piece: bytes, head: bytes = b"") -> None:
    """The same long file under many names, which take the disk of one."""
    first, *others = [root / path for path in paths]
    filled(first, piece, head=head)
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.unlink(missing_ok=True)
        os.link(first, other)


DATABASES = (
    *(dpkg_without_end, dpkg_of_empty_lines, dpkg_of_one_record, apk_of_records, apk_of_one_record, apk_of_one_line),
    *(rpm_in_sqlite, rpm_in_ndb, rpm_in_berkeley_db),
)
