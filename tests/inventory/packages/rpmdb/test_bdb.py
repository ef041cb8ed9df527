"""Berkeley DB files made by Berkeley DB itself."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pytest

from imds_probe.inventory.packages.package import PackageError
from imds_probe.inventory.packages.rpm import Rpm
from imds_probe.inventory.packages.rpmdb.bdb import headers
from imds_probe.inventory.packages.rpmdb.database_error import DatabaseError
from imds_probe.inventory.packages.rpmdb.header import parse

PAGE_BYTES = 512  # of the fixture


def test_every_header(bdb_file: Path, blobs: list[bytes]) -> None:
    with bdb_file.open("rb") as file:
        found = list(headers(file))
    assert sorted(found) == sorted(blobs)
    assert all(len(blob) > 2 * PAGE_BYTES for blob in blobs)  # each in a chain of pages


def test_rpm_reads_the_same_out_of_it(bdb_file: Path, tmp_path: Path) -> None:
    """That the file is what rpm takes for its own, and that the inventory of hosts reads this format through rpm."""
    database = tmp_path / "var/lib/rpm/Packages"
    database.parent.mkdir(parents=True)
    database.write_bytes(bdb_file.read_bytes())
    database.with_name("Name").write_bytes(bdb_file.with_name("Name").read_bytes())
    by_rpm = Rpm().query(tmp_path, ["cloud-init", "awscli", "amazon-ssm-agent"], timeout_s=20)
    with bdb_file.open("rb") as file:
        ours = [parse(blob) for blob in headers(file)]
    assert {package.name for package in by_rpm} == {header.name.decode() for header in ours}
    assert {package.version for package in by_rpm} == {
        f"{f'{header.epoch}:' if header.epoch is not None else ''}{header.version.decode()}-{header.release.decode()}"
        for header in ours
    }


def test_without_its_index_rpm_would_find_nothing(bdb_file: Path, tmp_path: Path) -> None:
    database = tmp_path / "var/lib/rpm/Packages"
    database.parent.mkdir(parents=True)
    database.write_bytes(bdb_file.read_bytes())
    with pytest.raises(PackageError, match="has no index of names beside it"):
        Rpm().query(tmp_path, ["cloud-init"], timeout_s=20)


@pytest.mark.parametrize(
    ("offset", "content", "said"),
    [
        (12, b"\0\0\0\0", "is no Berkeley DB hash"),
        (20, struct.pack("=I", 1000), "page size"),
        (32, struct.pack("=I", 2**31), "is cut off"),
    ],
)
def test_a_meta_page_that_lies(bdb_file: Path, offset: int, content: bytes, said: str) -> None:
    damaged = bytearray(bdb_file.read_bytes())
    damaged[offset : offset + len(content)] = content
    with pytest.raises(DatabaseError, match=said):
        list(headers(io.BytesIO(damaged)))


def test_cut_off_anywhere(bdb_file: Path) -> None:
    content = bdb_file.read_bytes()
    for length in (0, 50, 100, 4096, 5000, len(content) - 1):
        with pytest.raises(DatabaseError):
            list(headers(io.BytesIO(content[:length])))


def test_chains_that_run_in_circles_end(bdb_file: Path) -> None:
    content = bytearray(bdb_file.read_bytes())
    for page in range(PAGE_BYTES, len(content), PAGE_BYTES):
        if content[page + 25] == 7:
            struct.pack_into("=I", content, page + 16, page // PAGE_BYTES)  # its own follower
            struct.pack_into("=H", content, page + 22, 1)  # a byte at a time
    with pytest.raises(DatabaseError, match="without an end"):
        list(headers(io.BytesIO(content)))


def test_random_damage_is_an_error_or_unnoticed_but_never_anything_else(bdb_file: Path) -> None:
    content = bdb_file.read_bytes()
    chance = random.Random(4)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(8):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            assert all(isinstance(blob, bytes) for blob in headers(io.BytesIO(damaged)))
        except DatabaseError as error:
            assert str(error)
