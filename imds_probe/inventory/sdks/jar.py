"""Libraries in Java archives: jars, wars, jars in jars, and bundles that have swallowed others.

Source: Maven's META-INF/maven/GROUP/ARTIFACT/pom.properties; com/amazonaws/sdk/versionInfo.properties of the AWS SDK
for Java 1.x; software.amazon.awssdk.core.util.VersionInfo of 2.x, whose version is a constant of the class file.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from imds_probe.inventory.sdks.found import Library

DIRECTORY_MAX_BYTES = 32 * 1024 * 1024  # of one archive; 200,000 classes take about 20
ENTRY_MAX_BYTES = 256 * 1024
NESTED_DEPTH_MAX = 3
NESTED_MAX = 2000  # archives within one file, all levels together
UNPACKED_MAX_BYTES = 128 * 1024 * 1024  # of packed inner archives, all together; they are kept in memory one at a time
ARCHIVES = (".jar", ".war", ".ear")
_END = b"PK\5\6"
_END_BYTES, _COMMENT_MAX_BYTES = 22, 65535
_POM = re.compile(r"META-INF/maven/([^/]{1,200})/([^/]{1,200})/pom\.properties")
_SDK1_VERSION = "com/amazonaws/sdk/versionInfo.properties"
_SDK2_VERSION = "software/amazon/awssdk/core/util/VersionInfo.class"
SDK1, SDK2 = "com.amazonaws:aws-java-sdk-core", "software.amazon.awssdk:bundle"
_PROPERTY = re.compile(rb"^version\s*=\s*(\S{1,100})\s*$", re.MULTILINE)
# A text in a class file's constant pool: its tag, two bytes of length, the text. JVM specification, 4.4.7.
_CONSTANT = re.compile(rb"\x01\x00[\x05-\x20](2\.\d{1,4}\.\d{1,5}(?:-[A-Za-z0-9.-]{1,20})?)")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}")


@dataclass
class _Budget:
    """What is left for archives within archives."""

    nested: int = NESTED_MAX
    unpacked_bytes: int = UNPACKED_MAX_BYTES


def java_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The artefacts among `names` ("group:artifact") in an archive, each with its way in through inner archives.

    Empty for what is no archive, or a damaged one. Never raises on the file's content.
    """
    found = list(_in_archive(file, frozenset(names), _Budget(), 0))
    return list(dict.fromkeys(found))


def _in_archive(file: BinaryIO, names: frozenset[str], budget: _Budget, depth: int) -> Iterator[Library]:
    if not _directory_is_bounded(file):
        return
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
        return
    entries = archive.infolist()
    yield from _recorded(archive, entries, names)
    if depth < NESTED_DEPTH_MAX:
        for entry in entries:
            if entry.filename.endswith(ARCHIVES) and budget.nested > 0:
                budget.nested -= 1
                for library in _nested(archive, entry, names, budget, depth):
                    yield replace(library, inside=(entry.filename[:200], *library.inside))


def _recorded(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], names: frozenset[str]) -> Iterator[Library]:
    found: set[str] = set()
    for entry in entries:
        match = _POM.fullmatch(entry.filename)
        if match and f"{match[1]}:{match[2]}" in names:
            artefact = f"{match[1]}:{match[2]}"
            found.add(artefact)
            yield Library("maven", artefact, _first(archive, entry, _PROPERTY), "pom.properties")
    # Bundles drop or keep Maven's records; the SDKs' own stay, below a prefix where packages were moved.
    own = (
        (_SDK1_VERSION, SDK1, _PROPERTY, "versionInfo.properties"),
        (_SDK2_VERSION, SDK2, _CONSTANT, "VersionInfo.class"),
    )
    for end, artefact, pattern, how in own:
        if artefact not in names or any(name.startswith(artefact.partition(":")[0] + ":") for name in found):
            continue
        for entry in entries:
            if entry.filename == end or entry.filename.endswith(f"/{end}"):
                yield Library("maven", artefact, _first(archive, entry, pattern), how)


def _first(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, pattern: re.Pattern[bytes]) -> str | None:
    content = _read(archive, entry, ENTRY_MAX_BYTES)
    match = pattern.search(content) if content is not None else None
    version = match[1].decode("ascii", "replace") if match else ""
    return version if _VERSION.fullmatch(version) else None


def _nested(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, names: frozenset[str], budget: _Budget, depth: int
) -> Iterator[Library]:
    named = _by_name(entry.filename, names)
    # Stored ones are read in place as well, by way of memory: they are bounded by the file itself.
    if entry.file_size <= budget.unpacked_bytes and (
        named or entry.compress_type == zipfile.ZIP_STORED or _promising(entry)
    ):
        content = _read(archive, entry, budget.unpacked_bytes)
        if content is not None:
            if entry.compress_type != zipfile.ZIP_STORED:
                budget.unpacked_bytes -= len(content)
            inner = list(_in_archive(io.BytesIO(content), names, budget, depth + 1))
            if inner:
                yield from inner
                return
    yield from named


def _promising(entry: zipfile.ZipInfo) -> bool:
    """Whether a packed inner archive is worth unpacking: one of Amazon's, or one that may have swallowed it."""
    name = entry.filename.rpartition("/")[2].lower()
    return any(word in name for word in ("aws", "amazon", "sdk", "bundle", "shaded", "hadoop", "-all", "uber"))


def _by_name(path: str, names: frozenset[str]) -> list[Library]:
    """What the name of an inner archive says, for one whose own records say nothing."""
    file_name = path.rpartition("/")[2]
    for artefact in names:
        match = re.fullmatch(rf"{re.escape(artefact.partition(':')[2])}-(\d[0-9A-Za-z.+_-]{{0,60}})\.jar", file_name)
        # "auth-2.1.jar" can be anybody's: only names that say whose they are count.
        if match and "aws" in artefact.partition(":")[2]:
            return [Library("maven", artefact, match[1], "file name")]
    return []


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes | None:
    """An entry's content, None where it is longer than `limit`, damaged or encrypted."""
    try:
        with archive.open(entry) as file:
            content = file.read(limit + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        NotImplementedError,
        ValueError,
        EOFError,
        OSError,
        struct.error,
    ):
        return None
    return content if len(content) <= limit else None


def _directory_is_bounded(file: BinaryIO) -> bool:
    """Whether this ends as an archive does, with a directory of a size that may be read into memory, as zipfile does."""
    size = file.seek(0, 2)
    start = max(0, size - _END_BYTES - _COMMENT_MAX_BYTES)
    file.seek(start)
    tail = bytearray()
    while chunk := file.read(65536):
        tail += chunk
        if len(tail) > _END_BYTES + _COMMENT_MAX_BYTES:
            return False  # it grows while it is read
    at = tail.rfind(_END)
    if at < 0 or at + _END_BYTES > len(tail):
        return False
    entries, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    if entries == 0xFFFF or directory_bytes == 0xFFFFFFFF:
        return False  # ZIP64: no Java library is that large
    return int(directory_bytes) <= DIRECTORY_MAX_BYTES
