from __future__ import annotations

import io
import json
import random
import shutil
import zlib
from pathlib import Path

import pytest
from elves import made
from soon import cpu_s

from imds_probe.inventory.sdks.elf import PIECE_BYTES
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.native import AUDITABLE, CPP, native_libraries

NAMES = ["aws-config", CPP]
CRATE = "/home/x/.cargo/registry/src/index.crates.io-6f17d22bba15001f/aws-config-1.1.2/src/imds/client.rs"


def look(content: bytes) -> list[Library]:
    return native_libraries(io.BytesIO(content), NAMES)


def audited(document: object) -> bytes:
    return made({AUDITABLE: zlib.compress(json.dumps(document).encode()), ".rodata": CRATE.encode()})


def test_what_cargo_auditable_wrote_down() -> None:
    packages = [
        {"name": "aws-config", "version": "0.55.3", "source": "crates.io"},
        {"name": "tokio", "version": "1.0.0"},
    ]
    assert look(audited({"packages": packages})) == [Library("crate", "aws-config", "0.55.3", "cargo-auditable")]
    assert look(audited({"packages": [{"name": "tokio", "version": "1.0.0"}]})) == []


@pytest.mark.parametrize(
    "section", [b"", b"not zlib", zlib.compress(b"{"), zlib.compress(b"[]"), zlib.compress(b"[" * 10**5)]
)
def test_a_record_that_cannot_be_read_leaves_the_traces(section: bytes) -> None:
    content = made({AUDITABLE: section, ".rodata": CRATE.encode()})
    assert look(content) == [Library("crate", "aws-config", "1.1.2", "paths in panic messages")]


def test_a_bomb_in_the_record_is_not_unpacked() -> None:
    content = made({AUDITABLE: zlib.compress(bytes(200 * 1024 * 1024)), ".rodata": CRATE.encode()})
    started = cpu_s()
    assert [library.version for library in look(content)] == ["1.1.2"]
    assert cpu_s() - started < 10


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CRATE.encode(), [Library("crate", "aws-config", "1.1.2", "paths in panic messages")]),
        (CRATE.encode() * 3, [Library("crate", "aws-config", "1.1.2", "paths in panic messages")]),
        (
            b"aws-config-0.0.22-alpha/src/lib.rs",
            [Library("crate", "aws-config", "0.0.22-alpha", "paths in panic messages")],
        ),
        (b"aws-sdk-cpp/1.9.217 Linux", [Library("binary", CPP, "1.9.217", "user-agent string")]),
        (b"aws-config-1.1/src/ aws-sdk-cpp/x", []),
        (b"aws-smithy-runtime-1.0.0/src/x", []),
    ],
)
def test_traces(text: bytes, found: list[Library]) -> None:
    assert look(made({".rodata": text})) == found


def test_a_trace_across_the_border_of_two_pieces() -> None:
    blank = made({".rodata": bytes(PIECE_BYTES * 2)})
    text = b"aws-config-1.1.2/src/imds"
    for shift in range(-30, 8, 3):
        at = PIECE_BYTES + shift
        assert [each.version for each in look(blank[:at] + text + blank[at + len(text) :])] == ["1.1.2"], shift


def test_programs_without_an_sdk() -> None:
    for name in ("ls", "sh"):
        with Path(shutil.which(name) or "").open("rb") as file:
            assert native_libraries(file, NAMES) == []
    assert look(b"#!/bin/sh\n# aws-sdk-cpp/1.9.217\n") == []


def test_damage_is_never_more_than_something_missed() -> None:
    whole = audited({"packages": [{"name": "aws-config", "version": "0.55.3"}]})
    chance = random.Random(8)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(5):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert isinstance(look(bytes(damaged)), list)
