"""Archives made after the layouts of Maven, the AWS SDKs, Spring Boot and servlet containers; and hostile ones."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from collections.abc import Mapping

import pytest
from soon import cpu_s

from imds_probe.inventory.sdks.jar import NESTED_DEPTH_MAX, SDK1, SDK2, java_libraries
from imds_probe.inventory.sdks.libraries import Library

NAMES = [SDK1, SDK2, "software.amazon.awssdk:auth", "org.apache.hadoop:hadoop-aws"]
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def archive(entries: Mapping[str, bytes], how: int = DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return out.getvalue()


def pom(artefact: str, version: str) -> dict[str, bytes]:
    group, _, name = artefact.partition(":")
    text = f"#Created by Apache Maven 3.6.3\nversion={version}\ngroupId={group}\nartifactId={name}\n"
    return {
        "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n",
        f"META-INF/maven/{group}/{name}/pom.properties": text.encode(),
    }


def version_class(version: str) -> bytes:
    """The beginning of a class file: its magic, its version, and texts of the constant pool, the SDK's among them."""
    texts = [b"SDK_VERSION", b"Ljava/lang/String;", version.encode(), b"com/x/1.2.3"]
    return b"\xca\xfe\xba\xbe\0\0\0\x34\0\x10" + b"".join(b"\1" + struct.pack(">H", len(text)) + text for text in texts)


class Counted(io.BytesIO):
    """Counts what is read of it."""

    bytes = 0

    def readinto(self, buffer):
        got = super().readinto(buffer)
        self.bytes += got
        return got

    def read(self, size=-1):
        content = super().read(size)
        self.bytes += len(content)
        return content


def look(content: bytes) -> list[Library]:
    return java_libraries(io.BytesIO(content), NAMES)


CORE = archive(pom(SDK1, "1.11.600"))
CORE_FOUND = Library("maven", SDK1, "1.11.600", "pom.properties")


def test_a_librarys_own_record() -> None:
    assert look(CORE) == [CORE_FOUND]


def test_several_in_one_fat_jar() -> None:
    fat = {**pom(SDK1, "1.12.1"), **pom("software.amazon.awssdk:auth", "2.20.0"), **pom("com.other:x", "1")}
    assert look(archive(fat)) == [
        Library("maven", SDK1, "1.12.1", "pom.properties"),
        Library("maven", "software.amazon.awssdk:auth", "2.20.0", "pom.properties"),
    ]


@pytest.mark.parametrize("prefix", ["", "com/databricks/shaded/"])
def test_bundles_that_keep_only_the_sdks_own_files(prefix: str) -> None:
    first = archive({f"{prefix}com/amazonaws/sdk/versionInfo.properties": b"platform=java\nversion=1.11.655\n"})
    second = archive({f"{prefix}software/amazon/awssdk/core/util/VersionInfo.class": version_class("2.17.290")})
    assert look(first) == [Library("maven", SDK1, "1.11.655", "versionInfo.properties")]
    assert look(second) == [Library("maven", SDK2, "2.17.290", "VersionInfo.class")]


@pytest.mark.parametrize("how", [STORED, DEFLATED])
@pytest.mark.parametrize("folder", ["BOOT-INF/lib", "WEB-INF/lib", "lib"])
def test_jars_in_jars(how: int, folder: str) -> None:
    inner = f"{folder}/aws-java-sdk-core-1.11.600.jar"
    assert look(archive({inner: CORE, f"{folder}/other.jar": archive({"x": b"y"})}, how)) == [
        Library("maven", SDK1, "1.11.600", "pom.properties", inside=(inner,))
    ]


def test_a_war_in_an_ear() -> None:
    war = archive({"WEB-INF/lib/aws-java-sdk-core-1.11.600.jar": CORE}, STORED)
    (library,) = look(archive({"app.war": war}, STORED))
    assert library.inside == ("app.war", "WEB-INF/lib/aws-java-sdk-core-1.11.600.jar")


def test_an_inner_jar_without_records_is_known_by_its_name() -> None:
    inner = "lib/hadoop-aws-3.2.1.jar"
    assert look(archive({inner: archive({"x.class": b"y"})})) == [
        Library("maven", "org.apache.hadoop:hadoop-aws", "3.2.1", "file name", inside=(inner,))
    ]
    assert look(archive({"lib/auth-2.20.0.jar": archive({"x.class": b"y"})})) == []


def test_depth_is_bounded() -> None:
    content = CORE
    for _ in range(NESTED_DEPTH_MAX):
        content = archive({"aws.jar": content})
    assert len(look(content)) == 1
    assert look(archive({"aws.jar": content})) == []


def test_a_bomb_is_not_unpacked() -> None:
    bomb = archive({"aws-bomb.jar": bytes(300 * 1024 * 1024), **pom(SDK1, "1.11.600")})
    huge_property = pom(SDK1, "1.0")
    huge_property[next(name for name in huge_property if "pom" in name)] = b"version=1\n" * 10**6
    started = cpu_s()
    assert look(bomb) == [CORE_FOUND]
    assert [library.version for library in look(archive(huge_property))] == [None]
    assert cpu_s() - started < 20


@pytest.mark.parametrize("how", [STORED, DEFLATED])
def test_a_directory_that_names_one_entry_often_has_it_read_once(how: int) -> None:
    """As its directory is the archive's own, that costs whoever made it nothing."""
    inner = archive({**pom(SDK1, "1.11.600"), "padding": os.urandom(1024 * 1024)})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        file.writestr("aws.jar", inner)
        (entry,) = file.filelist
        file.filelist += [entry] * 2000
    reads = Counted(out.getvalue())
    assert [library.version for library in java_libraries(reads, NAMES)] == ["1.11.600"]
    assert reads.bytes < 5 * len(inner)


def test_stored_archives_that_overlap_are_read_no_further_than_the_file_is_long() -> None:
    inner = archive(pom(SDK1, "1.11.600"), STORED)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", STORED) as file:
        for number in range(50):
            file.writestr(f"{number}.jar", inner)
    content = bytearray(out.getvalue())
    at = content.rfind(b"PK\1\2", 0, content.rfind(b"PK\5\6"))
    struct.pack_into(
        "<II", content, at + 20, len(content), len(content)
    )  # the last of them says that it is all of the file
    assert len(look(bytes(content))) == 49


@pytest.mark.parametrize("version", ["", "1\x1b[31m", "x" * 200])
def test_a_version_that_none_can_be(version: str) -> None:
    assert [library.version for library in look(archive(pom(SDK1, version)))] == [None]


def test_names_that_climb_are_only_names() -> None:
    (library,) = look(archive({"../../../etc/aws-java-sdk-core-1.11.600.jar": CORE}))
    assert library.inside == ("../../../etc/aws-java-sdk-core-1.11.600.jar",)


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"PK\5\6" + b"\xff" * 18, b"#!/bin/sh\n", bytes(100_000)])
def test_what_is_no_archive(content: bytes) -> None:
    assert look(content) == []


def test_damage_anywhere_is_never_more_than_something_missed() -> None:
    whole = archive({"BOOT-INF/lib/aws-java-sdk-core-1.11.600.jar": CORE, **pom(SDK1, "1.11.600")})
    chance = random.Random(7)
    for length in range(0, len(whole), 11):
        assert isinstance(look(whole[:length]), list)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(5):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert isinstance(look(bytes(damaged)), list)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Implementation-Title: aws-java-sdk-core", "com.amazonaws:aws-java-sdk-core"),
        ("Bundle-SymbolicName: com.amazonaws.aws-java-sdk-core;singleton:=true", "com.amazonaws:aws-java-sdk-core"),
        ("Automatic-Module-Name: software.amazon.awssdk.auth", "software.amazon.awssdk:auth"),
        ("Implementation-Title: auth", None),  # anybody's
    ],
)
def test_a_manifest_that_names_artefact_and_version(title: str, expected: str | None) -> None:
    manifest = f"Manifest-Version: 1.0\r\n{title}\r\nImplementation-Version: 1.11.5\r\n"
    found = look(archive({"META-INF/MANIFEST.MF": manifest.encode()}))
    assert found == ([Library("maven", expected, "1.11.5", "manifest")] if expected else [])
    assert look(archive({"META-INF/MANIFEST.MF": f"Manifest-Version: 1.0\n{title}\n".encode()})) == []


@pytest.mark.parametrize("prefix", ["", "org/shaded/"])
def test_by_the_names_of_its_classes(prefix: str) -> None:
    asks = {f"{prefix}com/amazonaws/util/EC2MetadataUtils.class": b"x"}
    tokens = {f"{prefix}com/amazonaws/internal/InstanceMetadataServiceResourceFetcher.class": b"x"}
    assert look(archive(asks)) == [Library("maven", SDK1, None, "names of classes", below="1.11.678")]
    assert look(archive(asks | tokens)) == [Library("maven", SDK1, None, "names of classes", at_least="1.11.678")]
    assert look(archive(tokens)) == []
