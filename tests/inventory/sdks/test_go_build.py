"""Real Go programs as Debian builds them (without module information), and build information after debug/buildinfo."""

from __future__ import annotations

import io
import random
import struct
import tempfile
from pathlib import Path

import pytest
from elves import BASE, address_of, made
from soon import cpu_s

from imds_probe.inventory.sdks.elf import PIECE_BYTES
from imds_probe.inventory.sdks.go_build import MAGIC, V1, V2, go_libraries
from imds_probe.inventory.sdks.libraries import Library

NAMES = [V1, V2, f"{V2}/feature/ec2/imds", "github.com/hashicorp/go-discover", "example.com/own"]
INFO = (
    "path\texample.com/own/cmd\nmod\texample.com/own\t(devel)\t\n"
    f"dep\t{V1}\tv1.44.3\th1:x=\n"
    f"dep\t{V2}/feature/ec2/imds\tv1.12.0\th1:x=\n"
    "dep\tgithub.com/hashicorp/go-discover\tv0.0.0-20200812215701-c4b85f6ed31f\th1:x=\n"
    "=>\tgithub.com/other/go-discover\tv9.9.9\th1:x=\n"
    "dep\tgithub.com/some/other\tv1.0.0\th1:x=\n"
    "build\t-compiler=gc\n"
)
MARKED = b"0" * 16 + INFO.encode() + b"1" * 16  # what the linker puts around it
FOUND = [
    Library("go", "example.com/own", "(devel)", "go build information"),
    Library("go", V1, "v1.44.3", "go build information"),
    Library("go", f"{V2}/feature/ec2/imds", "v1.12.0", "go build information"),
    Library("go", "github.com/hashicorp/go-discover", "v9.9.9", "go build information"),
]


def uvarint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def inline(version: bytes = b"go1.22.1", info: bytes = MARKED) -> bytes:
    head = MAGIC + bytes([8, 2]) + bytes(16)
    return head + uvarint(len(version)) + version + uvarint(len(info)) + info


def libraries(content: bytes) -> list[Library]:
    return go_libraries(io.BytesIO(content), NAMES)


@pytest.mark.parametrize(("wide", "order"), [(True, "<"), (False, ">")])
def test_build_information_since_go_1_18(wide: bool, order: str) -> None:
    assert libraries(made({".go.buildinfo": inline()}, wide=wide, order=order)) == FOUND


def test_without_the_section_it_stands_in_the_data_segment() -> None:
    assert libraries(made({".data": bytes(64) + inline()})) == FOUND


@pytest.mark.parametrize(("wide", "order"), [(True, "<"), (True, ">"), (False, "<"), (False, ">")])
def test_build_information_before_go_1_18(wide: bool, order: str) -> None:
    """Two pointers to strings, each an address and a length."""
    kind = "Q" if wide else "I"
    size = 8 if wide else 4

    def build(version_string: int, info_string: int, version: int, info: int) -> bytes:
        head = (
            MAGIC
            + bytes([size, 0 if order == "<" else 1])
            + struct.pack(f"{order}{kind}{kind}", version_string, info_string)
        )
        strings = struct.pack(f"{order}{kind}{kind}", version, 8) + struct.pack(
            f"{order}{kind}{kind}", info, len(MARKED)
        )
        sections = {".go.buildinfo": head.ljust(32, b"\0"), ".strings": strings, ".rodata": b"go1.16.3" + MARKED}
        return made(sections, wide=wide, order=order)

    probe = build(1, 1, 1, 1)
    strings_at = address_of(probe, struct.pack(f"{order}{kind}{kind}", 1, 8))
    text_at = address_of(probe, b"go1.16.3")
    assert libraries(build(strings_at, strings_at + 2 * size, text_at, text_at + 8)) == FOUND


@pytest.mark.parametrize("section", [".go.buildinfo", ".data"])
@pytest.mark.parametrize("leads_to", ["nowhere", "nothing"])
def test_before_go_1_18_without_modules_the_second_pointer_leads_nowhere(section: str, leads_to: str) -> None:
    """As Debian 11 built its programs: their traces tell."""

    def build(pointer: int) -> bytes:
        head = (MAGIC + bytes([8, 0]) + struct.pack("<QQ", BASE, pointer)).ljust(32, b"\0")
        none = struct.pack("<QQ", 0, 0)
        return made({section: head + none, ".rodata": b"\0aws-sdk-go/1.34.0 (x)\0"})

    pointer = 0
    if leads_to == "nothing":
        probe = build(0)
        pointer = address_of(probe, MAGIC) + 32
    assert libraries(build(pointer)) == [Library("go", V1, "v1.34.0", "user-agent string")]


def test_dockers_daemon_as_debian_builds_it() -> None:
    with Path("/usr/sbin/dockerd").open("rb", buffering=0) as file:
        started = cpu_s()
        found = go_libraries(file, NAMES)
        assert cpu_s() - started < 20
    assert found == [Library("go", V1, None, "names of functions", at_least="1.25.38")]
    with Path("/usr/sbin/runc").open("rb", buffering=0) as file:
        assert go_libraries(file, NAMES) == []


def stripped(*texts: bytes) -> bytes:
    return made({".note.go.buildid": b"x", ".rodata": b"\0".join(texts)})


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"aws-sdk-go/1.25.1 (x)"], [Library("go", V1, "v1.25.1", "user-agent string")]),
        ([b"aws-sdk-go-v2/1.16.0"], [Library("go", V2, "v1.16.0", "user-agent string")]),
        (
            [b"x/aws-sdk-go/aws/ec2metadata.(*EC2Metadata).Region"],
            [Library("go", V1, None, "names of functions", below="1.25.38")],
        ),
        (
            [b"x/aws-sdk-go/aws/ec2metadata.New", b"x/aws-sdk-go/aws/ec2metadata.(*tokenProvider).fetch"],
            [Library("go", V1, None, "names of functions", at_least="1.25.38")],
        ),
        ([b"x/aws-sdk-go-v2/feature/ec2/imds.New"], [Library("go", V2, None, "names of functions")]),
        ([b"x/aws-sdk-go/service/s3.New"], []),
        ([b"aws-sdk-go/1.25"], []),
    ],
)
def test_what_is_left_without_build_information(texts: list[bytes], found: list[Library]) -> None:
    assert libraries(stripped(*texts)) == found


def test_a_trace_across_the_border_of_two_pieces() -> None:
    for shift in range(-40, 8, 4):
        content = made({".note.go.buildid": b"x", ".rodata": bytes(PIECE_BYTES * 2)})
        at = PIECE_BYTES + shift
        damaged = content[:at] + b"aws-sdk-go/1.25.1 \0" + content[at + 19 :]
        assert [library.version for library in libraries(damaged)] == ["v1.25.1"], shift


def test_what_is_no_go_program_is_not_searched() -> None:
    assert libraries(made({".rodata": b"aws-sdk-go/1.25.1 "})) == []
    assert libraries(b"#!/bin/sh\necho aws-sdk-go/1.25.1\n") == []


def test_a_sparse_giant_takes_bounded_time() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(stripped(b"x"))
        file.truncate(2**40)
        started = cpu_s()
        assert go_libraries(file, NAMES) == []
        assert cpu_s() - started < 30


@pytest.mark.parametrize(
    "info",
    [
        inline(info=b""),
        MAGIC,
        MAGIC + bytes([8, 2]) + bytes(16) + b"\xff" * 20,
        MAGIC + bytes([8, 2]) + bytes(16) + uvarint(2**30),
        MAGIC + bytes([8, 0]) + struct.pack("<QQ", BASE, BASE),
        MAGIC + bytes([5, 0]) + bytes(16),
        inline(info=b"0" * 16 + f"dep\t{V1}\tv1\x1b[31m\nnothing\n".encode() + b"1" * 16),
    ],
)
def test_information_that_makes_no_sense(info: bytes) -> None:
    assert [library.version for library in libraries(made({".go.buildinfo": info}))] in ([], [None])


def test_random_damage_is_never_more_than_nothing_found() -> None:
    whole = made({".go.buildinfo": inline()})
    chance = random.Random(6)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(6):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert isinstance(libraries(bytes(damaged)), list)
