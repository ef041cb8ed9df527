"""Libraries in Java archives: jars, wars, jars in jars, and bundles that have swallowed others.

Source: Maven's META-INF/maven/GROUP/ARTIFACT/pom.properties; the JAR file specification (manifest);
com/amazonaws/sdk/versionInfo.properties of the AWS SDK for Java 1.x; software.amazon.awssdk.core.util.VersionInfo of
2.x, whose version is a constant of the class file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.inventory.sdks.archive import STORED, Archive, Member, NotAnArchive
from imds_probe.inventory.sdks.libraries import Library

ENTRY_MAX_BYTES = 256 * 1024
NESTED_DEPTH_MAX = 3
NESTED_MAX = 2000  # archives within one file, all levels together
UNPACKED_MAX_BYTES = 128 * 1024 * 1024  # of packed inner archives, all together
HELD_MAX_BYTES = 16 * 1024 * 1024  # of them at a time: one, and those that it lies in
FOUND_MAX = 1000  # in one file
ARCHIVES = (".jar", ".war", ".ear")
SDK1, SDK2 = "com.amazonaws:aws-java-sdk-core", "software.amazon.awssdk:bundle"
SDK1_TOKENS_SINCE = "1.11.678"
_POM = re.compile(rb"META-INF/maven/([^/]{1,200})/([^/]{1,200})/pom\.properties")
_INNER = re.compile(rb".{1,1000}\.[jwe]ar", re.DOTALL)
_MANIFEST = re.compile(rb"META-INF/MANIFEST\.MF")
# Below a prefix where a bundle has moved packages.
_SDK1_VERSION = re.compile(rb"(?:.{0,300}/)?com/amazonaws/sdk/versionInfo\.properties", re.DOTALL)
_SDK2_VERSION = re.compile(rb"(?:.{0,300}/)?software/amazon/awssdk/core/util/VersionInfo\.class", re.DOTALL)
# The class that asks for tokens came with them; the other has asked for metadata since long before.
_SDK1_TOKENS = re.compile(
    rb"(?:.{0,300}/)?com/amazonaws/internal/InstanceMetadataServiceResourceFetcher\.class", re.DOTALL
)
_SDK1_METADATA = re.compile(rb"(?:.{0,300}/)?com/amazonaws/util/EC2MetadataUtils\.class", re.DOTALL)
_PROPERTY = re.compile(rb"^version\s*=\s*(\S{1,100})\s*$", re.MULTILINE)
# A text in a class file's constant pool: its tag, two bytes of length, the text. JVM specification, 4.4.7.
_CONSTANT = re.compile(rb"\x01\x00[\x05-\x20](2\.\d{1,4}\.\d{1,5}(?:-[A-Za-z0-9.-]{1,20})?)")
_HEADER = re.compile(
    rb"^(Bundle-SymbolicName|Automatic-Module-Name|Implementation-Title|Implementation-Version|Bundle-Version):"
    rb"[ \t]*([^\s;]{1,200})",
    re.MULTILINE,
)
_TITLES = (b"Bundle-SymbolicName", b"Automatic-Module-Name", b"Implementation-Title")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}")


@dataclass
class _Budget:
    """What is left for archives within archives."""

    nested: int = NESTED_MAX
    unpacked_bytes: int = UNPACKED_MAX_BYTES
    held_bytes: int = HELD_MAX_BYTES


def java_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The artefacts among `names` ("group:artifact") in an archive, each with its way in through inner archives.

    Empty for what is no archive, or a damaged one. Never raises on the file's content.
    """
    # Counted as they come: what is found again and again takes its time, too.
    found = itertools.islice(_in_archive(file, frozenset(names), _Budget(), 0), FOUND_MAX)
    return list(dict.fromkeys(found))


def _in_archive(file: BinaryIO, names: frozenset[str], budget: _Budget, depth: int) -> Iterator[Library]:
    try:
        archive = Archive(file)
    except NotAnArchive:
        return
    yield from _recorded(archive, names)
    if depth < NESTED_DEPTH_MAX:
        for end in ARCHIVES:
            for entry in archive.entries(end.encode(), _INNER):
                if not entry.name.endswith(end) or budget.nested <= 0:
                    continue
                budget.nested -= 1
                for library in _nested(archive, entry, names, budget, depth):
                    yield replace(library, inside=(entry.name[:200], *library.inside))


def _recorded(archive: Archive, names: frozenset[str]) -> Iterator[Library]:
    found: set[str] = set()
    for entry in archive.entries(b"META-INF/maven/", _POM):
        _, _, group, artefact, _ = entry.name.split("/")
        name = f"{group}:{artefact}"
        if name in names:
            found.add(group)
            yield Library("maven", name, _first(archive, entry, _PROPERTY), "pom.properties")
    for library in (*_by_manifest(archive, names, found), *_by_own_records(archive, found)):
        if library.package in names:
            yield library


def _by_manifest(archive: Archive, names: frozenset[str], known: Collection[str]) -> Iterator[Library]:
    """For jars whose Maven record was left out: a manifest that names an artefact and a version."""
    entry = next(archive.entries(b"META-INF/MANIFEST.MF", _MANIFEST), None)
    content = archive.content(entry, ENTRY_MAX_BYTES) if entry else None
    headers: dict[bytes, bytes] = dict(_HEADER.findall(content or b""))
    version = _checked(headers.get(b"Implementation-Version") or headers.get(b"Bundle-Version") or b"")
    titles = {headers[title].decode(errors="replace") for title in _TITLES if title in headers}
    for name in sorted(names) if titles and version else ():
        group, _, artefact = name.partition(":")
        if group not in known and titles & {f"{group}.{artefact}", name, *([artefact] if "aws" in artefact else [])}:
            yield Library("maven", name, version, "manifest")
            return


def _by_own_records(archive: Archive, known: Collection[str]) -> Iterator[Library]:
    """Bundles drop or keep Maven's records; the SDKs' own stay, and else the names of their classes."""
    if "com.amazonaws" not in known:
        entry = next(archive.entries(b"versionInfo.properties", _SDK1_VERSION), None)
        if entry:
            yield Library("maven", SDK1, _first(archive, entry, _PROPERTY), "versionInfo.properties")
        elif next(archive.entries(b"/EC2MetadataUtils.class", _SDK1_METADATA), None):
            speaks = next(archive.entries(b"/InstanceMetadataServiceResourceFetcher.class", _SDK1_TOKENS), None)
            since, before = (SDK1_TOKENS_SINCE, None) if speaks else (None, SDK1_TOKENS_SINCE)
            yield Library("maven", SDK1, None, "names of classes", at_least=since, below=before)
    if "software.amazon.awssdk" not in known:
        for entry in archive.entries(b"/core/util/VersionInfo.class", _SDK2_VERSION):
            yield Library("maven", SDK2, _first(archive, entry, _CONSTANT), "VersionInfo.class")


def _first(archive: Archive, entry: Member, pattern: re.Pattern[bytes]) -> str | None:
    match = pattern.search(archive.content(entry, ENTRY_MAX_BYTES) or b"")
    return _checked(match[1]) if match else None


def _checked(version: bytes) -> str | None:
    text = version.decode("ascii", "replace")
    return text if _VERSION.fullmatch(text) else None


def _nested(archive: Archive, entry: Member, names: frozenset[str], budget: _Budget, depth: int) -> Iterator[Library]:
    named = _by_name(entry.name, names)
    found: list[Library] = []
    if named or entry.method == STORED or _promising(entry.name):
        file = archive.inner(entry, min(budget.unpacked_bytes, budget.held_bytes))
        if file is not None:
            held = 0 if entry.method == STORED else file.seek(0, 2)
            budget.unpacked_bytes -= held
            budget.held_bytes -= held
            found = list(itertools.islice(_in_archive(file, names, budget, depth + 1), FOUND_MAX))
            budget.held_bytes += held
    yield from found or named


def _promising(path: str) -> bool:
    """Whether a packed inner archive is worth unpacking: one of Amazon's, or one that may have swallowed it."""
    name = path.rpartition("/")[2].lower()
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
