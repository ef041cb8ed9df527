"""A container's root in which every file that is read there is something else: a link out of it, a FIFO, a device, a giant."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import package_contents
import pytest
from fuzz import package_targets, process_targets
from soon import cpu_s

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect import firmware, os_release
from imds_probe.errors import ProbeError
from imds_probe.inventory.containers import accounts, containerd, docker, storage
from imds_probe.inventory.packages import contained
from imds_probe.inventory.packages.snap import STATE, Snap
from imds_probe.inventory.settings.looking import Looking
from imds_probe.net.obstacles import settings
from imds_probe.system.confined import DEPTH_MAX

SIZE = 2**40
ID = process_targets.ID
ROWS = [row for row in Catalog.load().rows if next(row.switches(), None) is not None]
YAML = "ec2_prefer_imdsv2: true\nimdsv1only\n"


def contents() -> Mapping[str, bytes]:
    """What each file could have in it, so that whoever is led there finds something."""
    texts = package_targets._text_seeds()
    places = {place.path for row in ROWS for _, switch in row.switches() for place in switch.places if place.path}
    rpm = package_targets._rpm_seeds()
    return {
        **{path.replace("~", "/root").replace("*", "x").lstrip("/"): YAML.encode() for path in places},
        **process_targets.RECORDS,
        **{
            path: texts[name][1:]
            for path, name in zip(package_targets._FILES, ("dpkg", "apk", "part", "release"), strict=True)
        },
        "var/lib/rpm/rpmdb.sqlite": rpm["sqlite"][4:],
        "usr/lib/sysimage/rpm/Packages.db": rpm["ndb"][1:],
        "usr/lib/os-release": b"ID=outside\n",
        f"{firmware.DMI}/sys_vendor": b"Amazon EC2\n",
        f"{firmware.DMI}/board_asset_tag": b"i-0123456789abcdef0\n",
        settings.ECS_CONFIG: b"ECS_AWSVPC_BLOCK_IMDS=true\n",
        settings.CLOUD_CONFIG: b"disable_ec2_metadata: true\n",
        STATE: package_targets._STATE,
    }


def look(root: Path) -> list[object]:
    """All that is made of a root, errors among it."""
    notes: list[str] = []
    snap = Snap()
    readers: list[Callable[[], object]] = [
        lambda: package_contents.read(root, package_targets.ALL, time.monotonic() + 30),
        lambda: contained.identity(root),
        lambda: os_release.os_release(root),
        lambda: firmware.look(root),
        lambda: settings.look(root),
        lambda: docker.data_roots(root, (), notes),
        lambda: docker.describe(root, docker.DEFAULT_ROOTS, ID),
        lambda: storage.listed(root, storage.SYSTEM_STORES, notes),
        lambda: storage.describe_crio(root, ID),
        lambda: [containerd.describe(root, bundle) for bundle in containerd.bundles(root, notes).values()],
        lambda: accounts.homes(root, notes),
        lambda: [Looking(root).look(row, ()) for row in ROWS],
        lambda: snap.present(root) and snap.query(root, package_targets.NAMES, 5),
    ]
    found: list[object] = []
    for reader in readers:
        try:
            found.append(reader())
        except ProbeError as error:
            found.append(type(error))
    return found


def at(root: Path, path: str) -> Path:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    for path, content in contents().items():
        at(made, path).write_bytes(content)
    assert look(made) != look(tmp_path)
    return made


@pytest.mark.parametrize("way", ["absolute", "relative", "by a link", "directories", "by the process"])
def test_links_out_of_it_lead_nowhere(tmp_path: Path, outside: Path, way: str) -> None:
    root, empty = tmp_path / "root", tmp_path / "empty"
    root.mkdir()
    if way == "directories":
        for name in {path.partition("/")[0] for path in contents()}:
            (root / name).symlink_to(outside / name)
            at(empty, name)
    else:
        if way == "by a link":
            (root / "up").symlink_to(".." + "/.." * 20)
        for path in contents():
            up = "../" * (path.count("/") + 1)
            target = {
                "absolute": str(outside / path),
                "relative": f"{up}outside/{path}",
                "by a link": f"/up{outside}/{path}",
                "by the process": f"/proc/self/root{outside}/{path}",
            }[way]
            at(root, path).symlink_to(target)
            at(empty, path).symlink_to("/nowhere")
    assert look(root) == look(empty)


def fifo(place: Path) -> None:
    os.mkfifo(place)


def device(place: Path) -> None:
    """/dev/zero, which never ends."""
    os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def listening(place: Path) -> None:
    with contextlib.chdir(place.parent), socket.socket(socket.AF_UNIX) as sock:
        sock.bind(place.name)


def giant(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(SIZE)


def loop(place: Path) -> None:
    place.symlink_to(place.name)


def endless_way(place: Path) -> None:
    place.symlink_to("/".join(["."] * (DEPTH_MAX + 2)))


def directory(place: Path) -> None:
    place.mkdir()


@pytest.mark.parametrize("make", [fifo, device, listening, giant, loop, endless_way, directory])
def test_what_is_no_file_is_an_error_or_nothing_and_soon_over(tmp_path: Path, make: Callable[[Path], None]) -> None:
    for path in contents():
        make(at(tmp_path, path))
    started = cpu_s()
    assert len(look(tmp_path)) == 13
    assert cpu_s() - started < 30
