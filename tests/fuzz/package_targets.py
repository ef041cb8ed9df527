"""Targets: databases of package managers, and what their tools print."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from unittest import mock

import package_contents
from fuzz.target import Parse, Target, check, choose, chosen, printable

from imds_probe.catalog.upstream import compare_upstream
from imds_probe.collect import available, firmware, os_release
from imds_probe.ecosystems.ecosystem import Outdated
from imds_probe.ecosystems.listed import ECOSYSTEMS
from imds_probe.ecosystems.version_error import VersionError
from imds_probe.errors import ProbeError
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.inventory.packages.package import Package, PackageError
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.inventory.packages.rpmdb import bdb, ndb, sqlite
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.header import HeaderError, parse
from imds_probe.inventory.packages.snap import Snap, _get
from imds_probe.system import process
from imds_probe.system.rootfs import FileUnreadable

NAMES = ("awscli", "cloud-init", "amazon-ssm-agent")
ALL = dict.fromkeys(("dpkg", "apk", "rpm"), NAMES)
_FILES = ("var/lib/dpkg/status", "lib/apk/db/installed", "var/lib/dpkg/status.d/awscli", "etc/os-release")


def _packages(found: list[Package] | tuple[Package, ...]) -> None:
    for each in found:
        check(each)
        for text in (each.name, each.version, each.arch):
            printable(text, 2100)


def _text(root: Path) -> Parse:
    """What is read of a container's root as text: one of these files at a time."""
    for file in _FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(_FILES))
        file = root / _FILES[at]
        file.write_bytes(content)
        found = package_contents.read(root, ALL, time.monotonic() + 60)
        _packages(found.packages)
        for trouble in found.troubles:
            printable(str(trouble), 1000)
        with contextlib.suppress(FileUnreadable):
            check(os_release.os_release(root))
        file.unlink()

    return parse


def _text_seeds() -> Mapping[str, bytes]:
    dpkg = "Package: awscli\nStatus: install ok installed\nVersion: 1:2.9-1\nArchitecture: all\nDescription: x\n y\n\n"
    apk = "C:Q1abc=\nP:awscli\nV:2.13.25-r0\nA:aarch64\nF:usr/bin\nR:aws\n\n"
    release = 'ID="amzn"\nVERSION_ID="2"\nID_LIKE="centos rhel fedora"\nPRETTY_NAME="Amazon Linux 2 (Karoo), x"\nVERSION="2 (x)"\n'
    found = {"dpkg": chosen(0, dpkg), "apk": chosen(1, apk), "part": chosen(2, "Package: awscli\nVersion: 1\n")}
    own = Path("/etc/os-release")
    return {**found, "release": chosen(3, release), "own-release": chosen(3, own.read_bytes() if own.exists() else b"")}


def _rpm(data: bytes) -> None:
    """A database in each of rpm's formats; SQLite's with a log, whose length stands before it."""
    at, content = choose(data, 4)
    try:
        if at == 3:
            found: Iterator[bytes] = iter([content])
        elif at == 2:
            length = int.from_bytes(content[:3])
            log = io.BytesIO(content[3 : 3 + length]) if length else None
            found = sqlite.headers(io.BytesIO(content[3 + length :]), log)
        else:
            found = (bdb, ndb)[at].headers(io.BytesIO(content))
        for blob in found:
            with contextlib.suppress(HeaderError):
                parse(blob)
    except DatabaseError as error:
        printable(str(error), 300)


def _header() -> bytes:
    tags = [
        (1000, 6, b"awscli\0"),
        (1001, 6, b"1.18\0"),
        (1002, 6, b"1\0"),
        (1003, 4, b"\0\0\0\1"),
        (1022, 6, b"noarch\0"),
    ]
    entries, store = b"", b""
    for tag, kind, value in tags:
        entries += struct.pack(">IIII", tag, kind, len(store), 1)
        store += value
    return struct.pack(">II", len(tags), len(store)) + entries + store


def _rpm_seeds() -> Mapping[str, bytes]:
    header = _header()
    room = -(-(16 + len(header) + 12) // 16) * 16
    slots = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, 2, 0, 0, 0) + struct.pack("<4sIII", b"Slot", 1, 256, room // 16)
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    blob = struct.pack("<4sIII", b"BlbS", 1, 1, len(header)) + header
    packages = slots + free * ((4096 - len(slots)) // 16) + blob.ljust(room, b"\0")
    meta = struct.pack("<12xIIIIII", 0x061561, 9, 512, 0, 0, 0).ljust(512, b"\0")
    meta = meta[:32] + struct.pack("<I", 2) + meta[36:]
    page = struct.pack("<12xIIHHBB", 0, 0, 2, 500, 0, 13) + struct.pack("<HH", 490, 478)
    page = page.ljust(478, b"\0") + struct.pack("<B3xII", 3, 2, len(header)) + b"\1\1\0\0\0"
    chain = struct.pack("<12xIIHHBB", 0, 0, 1, len(header), 0, 7) + header
    berkeley = meta + page.ljust(512, b"\0") + chain.ljust(512, b"\0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rpmdb.sqlite")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in ("pragma page_size=512", "pragma journal_mode=wal", "pragma wal_autocheckpoint=0"):
                connection.execute(statement)
            connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
            connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,), (header * 9,)] * 4)
            connection.execute("pragma wal_checkpoint(truncate)")
            connection.execute("INSERT INTO Packages (blob) VALUES (?)", (header,))
            file, log = path.read_bytes(), path.with_name("rpmdb.sqlite-wal").read_bytes()
    return {
        "header": chosen(3, header),
        "ndb": chosen(1, packages),
        "bdb": chosen(0, berkeley),
        "sqlite": chosen(2, bytes(3) + file),
        "sqlite-log": chosen(2, len(log).to_bytes(3) + log + file),
    }


def _printed(look: Callable[[], object]) -> Callable[[bytes], None]:
    """What a tool printed: exit code, standard output, and standard error behind a NUL."""

    def parse(data: bytes) -> None:
        code, rest = choose(data, 3)
        out, _, err = rest.partition(b"\0")
        done = process.Completed(("tool",), code, out, err)
        with mock.patch.object(process, "run", lambda *_, **__: done), contextlib.suppress(ProbeError):
            check(look())

    return parse


def _tools(root: Path) -> Parse:
    """The tools that know all of a running system's packages."""
    for file in ("var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "var/lib/apt/lists/x_Packages"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"")
    (root / "var/lib/dpkg/info").mkdir()
    looks = [
        _printed(lambda: _packages(Dpkg().query(root, NAMES, 5))),
        _printed(lambda: _packages(Rpm().query(root, NAMES, 5))),
        _printed(lambda: _packages(Snap()._by_command(Path("/"), 5))),
        _printed(lambda: available._apt(root, NAMES)),
        _printed(lambda: available._dnf(Path("/"), NAMES)),
    ]

    def parse(data: bytes) -> None:
        at, content = choose(data, len(looks))
        looks[at](content)

    return parse


def _tool_seeds() -> Mapping[str, bytes]:
    dpkg = "".join(f"\x1e{name}\x1f1:2.0-1\x1fall\x1fii \x1f" for name in NAMES)
    rpm = "".join(f"\x1e{name}\x1f(none)\x1f1\x1f1.amzn2\x1fnoarch\x1f" for name in NAMES[:2])
    rpm += f"package {NAMES[2]} is not installed\n"
    snap = "Name Version Rev Tracking Publisher Notes\namazon-ssm-agent 3.3 1 latest aws** disabled,classic\n"
    policy = "awscli:\n  Installed: 1.0\n  Candidate: 2.0\n  Version table:\n"
    query = "\x1eawscli\x1f1:1.22.1-1.amzn2\x1f\x1e\n"
    printed = (dpkg, rpm, snap, policy, query)
    found = {f"tool-{at}": chosen(at, chosen(0, text)) for at, text in enumerate(printed)}
    missing = "\0dpkg-query: no packages found matching awscli\n"
    return {
        **found,
        "missing": chosen(0, chosen(1, missing)),
        "error": chosen(1, chosen(1, "\0error: rpmdb: damaged\n")),
    }


def _snapd(root: Path) -> Parse:
    """What snapd answers on its socket, and what it keeps."""
    (root / "var/lib/snapd").mkdir(parents=True)
    yaml = root / "snap/amazon-ssm-agent/x1/meta/snap.yaml"
    yaml.parent.mkdir(parents=True)
    yaml.write_text("name: amazon-ssm-agent\nversion: '3.3'\n")
    snap = Snap()

    def parse(data: bytes) -> None:
        at, content = choose(data, 4)
        with contextlib.suppress(PackageError):
            if at == 0:
                _packages(_answered(snap, content))
            elif at == 1:
                (root / "var/lib/snapd/state.json").write_bytes(content)
                _packages(snap._by_state(root, 1))
            elif at == 2:
                yaml.write_bytes(content)
                (root / "var/lib/snapd/state.json").write_bytes(_STATE)
                _packages(snap._by_state(root, 1))
            else:
                _received(content)

    return parse


def _answered(snap: Snap, body: bytes) -> list[Package]:
    with (
        mock.patch("imds_probe.inventory.packages.snap.pin", lambda *_: 99),
        mock.patch("imds_probe.inventory.packages.snap.os.close", lambda _: None),
        mock.patch("imds_probe.inventory.packages.snap._get", lambda *_: body),
    ):
        return snap._by_socket(Path("/"), 1)


class _Socket(io.BytesIO):
    """Stands in for one that is connected: what comes is there already."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    received = b""

    def settimeout(self, _: float) -> None: ...

    def connect(self, _: str) -> None: ...

    def sendall(self, _: bytes) -> None: ...

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self.received)


def _received(content: bytes) -> None:
    with mock.patch("imds_probe.inventory.packages.snap.socket.socket", _Socket):
        _Socket.received = content
        _get("/x", "/v2/snaps", time.monotonic() + 5)


_STATE = b'{"data": {"snaps": {"amazon-ssm-agent": {"type": "app", "current": "x1", "active": true}}}}'


def _snapd_seeds() -> Mapping[str, bytes]:
    listed = '{"type": "sync", "result": [{"name": "core", "status": "active", "version": "16-2.61.4"}]}'
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(listed)}\r\n\r\n{listed}"
    chunked = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{len(listed):x}\r\n{listed}\r\n0\r\n\r\n"
    return {
        "listed": chosen(0, listed),
        "state": chosen(1, _STATE),
        "yaml": chosen(2, "name: x\nversion: '3.3' # y\n"),
        "answer": chosen(3, answer),
        "chunked": chosen(3, chunked),
    }


_ORDERED = [each for each in ECOSYSTEMS if each.versions.order is not None]


def _orders(data: bytes) -> None:
    """Two versions, a line each: the order is one, or neither is a version. And all that is made of them for people."""
    at, content = choose(data, len(ECOSYSTEMS))
    ecosystem = ECOSYSTEMS[at]
    first, _, second = content.decode("utf-8", "replace").partition("\n")
    order = ecosystem.versions.order
    if order is not None:
        try:
            forth, back = order(first, second), order(second, first)
            assert forth == -back
            assert order(first, first) == 0
        except VersionError as error:
            check(str(error))
    check(compare_upstream(ecosystem.id, first, "1.2.3"))
    for command in ecosystem.upgrade(
        Outdated("x", first[:1000] or None, "/p", second[:100], first[:100], (second[:100],))
    ):
        check(command)


def _order_seeds() -> Mapping[str, bytes]:
    pairs = (
        "1.2.3\n1:1.2~rc1-1+deb11u1",
        "v1.0.0-rc.1+b\n1.0.0",
        "1.0a1.dev2+x.1\n2!1.0.post1",
        "1.2-alpha-3.x\n1.ga-1",
        "1.05_rc1-r2\n1.4",
    )
    return {
        f"{each.id}-{at}": chosen(number, pair)
        for number, each in enumerate(ECOSYSTEMS)
        for at, pair in enumerate(pairs)
    }


def _firmware(root: Path) -> Parse:
    """Files of the firmware, a line each."""
    names = ("sys_vendor", "bios_version", "product_uuid", "board_asset_tag")
    place = root / firmware.DMI
    place.mkdir(parents=True)

    def parse(data: bytes) -> None:
        for name, content in zip(names, data.split(b"\0"), strict=False):
            (place / name).write_bytes(content)
        found = firmware.look(root)
        printable(found.method, 300)
        check(found)

    return parse


TARGETS = {
    "package-text": Target(_text, _text_seeds),
    "rpm-database": Target(lambda _: _rpm, _rpm_seeds),
    "package-tools": Target(_tools, _tool_seeds),
    "snapd": Target(_snapd, _snapd_seeds),
    "versions": Target(lambda _: _orders, _order_seeds),
    "firmware": Target(_firmware, lambda: {"nitro": b"Amazon EC2\n\x001.0\n\0ec2e1916-9099\n\0i-0123456789abcdef0\n"}),
}
