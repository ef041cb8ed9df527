"""Archives as zipfile writes them, looked at without it; and damaged ones."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile

import pytest

from imds_probe.inventory.sdks import archive as module
from imds_probe.inventory.sdks.archive import Archive, NotAnArchive

ANY = re.compile(rb".*", re.DOTALL)


def made(entries: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        file.comment = comment
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


def names(content: bytes, part: bytes, pattern: re.Pattern[bytes] = ANY) -> list[str]:
    return [entry.name for entry in Archive(io.BytesIO(content)).entries(part, pattern)]


def read(content: bytes, name: str, limit: int = 1000) -> bytes | None:
    archive = Archive(io.BytesIO(content))
    (entry,) = archive.entries(name.encode(), re.compile(re.escape(name.encode())))
    return archive.content(entry, limit)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", b"#!/usr/bin/java -jar\n" * 7])
@pytest.mark.parametrize("comment", [b"", b"PK\5\6 is no end", b"x" * 65535])
def test_what_is_asked_for_is_found_and_read(how: int, before: bytes, comment: bytes) -> None:
    content = before + made({"a/b.txt": b"one" * 50, "a/c.txt": b"two", "d/b.txt": b""}, how, comment)
    assert names(content, b"b.txt") == ["a/b.txt", "d/b.txt"]
    assert names(content, b"a/", re.compile(rb"a/[^/]+\.txt")) == ["a/b.txt", "a/c.txt"]
    assert names(content, b"none") == []
    assert (read(content, "a/b.txt"), read(content, "d/b.txt")) == (b"one" * 50, b"")


def test_a_name_that_holds_the_mark_of_an_entry() -> None:
    content = made({"x/PK\1\2/b.txt": b"1", "PK\1\2": b"2", "b.txt": b"3"})
    assert "b.txt" in names(content, b"b.txt", re.compile(rb"b\.txt"))


def test_more_entries_than_fit_without_zip64() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(66_000):
            file.writestr(zipfile.ZipInfo(f"com/{number}.class"), b"")
        file.writestr("META-INF/maven/g/a/pom.properties", b"version=1\n")
    content = out.getvalue()
    assert struct.unpack_from("<H", content, content.rfind(b"PK\5\6") + 10) == (0xFFFF,)
    assert read(content, "META-INF/maven/g/a/pom.properties") == b"version=1\n"
    assert len(names(content, b".class")) == 66_000


def test_what_is_too_long_damaged_or_locked_is_not_read() -> None:
    content = bytearray(made({"a.txt": b"one" * 50}))
    assert read(bytes(content), "a.txt", 100) is None
    locked, other, damaged, moved = (bytearray(content) for _ in range(4))
    at = content.rfind(b"PK\1\2")
    locked[at + 8] |= 1
    other[at + 10] = 99  # a method that nobody knows
    damaged[content.find(b"a.txt") + 5] ^= 0xFF
    struct.pack_into("<I", moved, at + 42, 5)  # to where no header is
    assert [read(bytes(each), "a.txt") for each in (locked, other, damaged, moved)] == [None] * 4


def test_a_size_that_is_a_lie_is_not_believed() -> None:
    content = bytearray(made({"a.txt": bytes(10_000)}))
    struct.pack_into("<I", content, content.rfind(b"PK\1\2") + 24, 10)
    assert read(bytes(content), "a.txt", 1000) is None


def test_a_directory_longer_than_may_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIRECTORY_MAX_BYTES", 50)
    with pytest.raises(NotAnArchive, match="cannot be right"):
        Archive(io.BytesIO(made({"a" * 50: b""})))


def test_names_without_end_take_no_time_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIED_MAX", 100)
    assert len(names(made({f"{number}.jar": b"" for number in range(1000)}), b".jar")) == 100


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6", b"PK\5\6" + b"\xff" * 18, bytes(70_000), b"\x7fELF" * 100])
def test_what_is_none_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NotAnArchive):
        Archive(io.BytesIO(content))


def test_damage_is_never_more_than_not_an_archive() -> None:
    whole = made({f"{number}/b.txt": b"x" * number for number in range(40)})
    chance = random.Random(3)
    for _ in range(2000):
        damaged = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.2 else whole)
        for _ in range(chance.randrange(8)):
            if damaged:
                damaged[chance.randrange(max(0, len(damaged) - 600), len(damaged))] = chance.randrange(256)
        try:
            archive = Archive(io.BytesIO(bytes(damaged)))
        except NotAnArchive:
            continue
        for entry in archive.entries(b"b.txt", ANY):
            content = archive.content(entry, 1000)
            assert content is None or len(content) <= 1000
