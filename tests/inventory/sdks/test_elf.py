from __future__ import annotations

import io
import random
import shutil
import struct
import sysconfig
from pathlib import Path

import pytest
from elves import BASE, made

from imds_probe.inventory.sdks.elf import Elf, NotElf

KINDS = [(True, "<"), (True, ">"), (False, "<"), (False, ">")]


@pytest.mark.parametrize(("wide", "order"), KINDS)
def test_sections_and_segments(wide: bool, order: str) -> None:
    elf = Elf(io.BytesIO(made({".rodata": b"text", ".data": b"more"}, wide=wide, order=order)))
    assert [part.name for part in elf.sections()] == ["", ".rodata", ".data", ".shstrtab"]
    part = elf.section(".none", ".data")
    assert part is not None
    assert elf.read(part.offset, part.size) == b"more"
    assert elf.at_address(part.address, 4) == b"more"
    (segment,) = elf.segments()
    assert (segment.kind, segment.flags, segment.address) == (1, 6, BASE)
    assert elf.soname() is None


def test_a_program_of_this_machine() -> None:
    with Path(shutil.which("ls") or "").open("rb") as file:
        elf = Elf(file)
        assert {".text", ".rodata", ".dynamic"} <= {part.name for part in elf.sections()}
        assert len(elf.segments()) > 3


def test_the_name_of_a_shared_object() -> None:
    found = sorted(Path("/usr/lib").glob("*-linux-gnu/libz.so.1"))
    with found[0].open("rb") as file:
        assert Elf(file).soname() == "libz.so.1"
    assert sysconfig.get_platform()


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, b"\x7fELF\x09\x01" + bytes(100)])
def test_what_is_no_elf_file(content: bytes) -> None:
    with pytest.raises(NotElf):
        Elf(io.BytesIO(content))


def touched(elf: Elf) -> None:
    elf.sections()
    elf.segments()
    elf.soname()


def test_cut_off_anywhere() -> None:
    whole = made({".rodata": b"text", ".data": b"more"})
    for length in range(0, len(whole), 5):
        with pytest.raises(NotElf):
            touched(Elf(io.BytesIO(whole[:length])))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0x28, struct.pack("<Q", 2**63)),
        (0x3C, struct.pack("<H", 0xFFFF)),
        (0x3A, b"\1\0"),
        (0x20, struct.pack("<Q", 2**40)),
    ],
)
def test_headers_that_lie(at: int, value: bytes) -> None:
    damaged = bytearray(made({".rodata": b"text"}))
    damaged[at : at + len(value)] = value
    with pytest.raises(NotElf):
        touched(Elf(io.BytesIO(damaged)))


def test_random_damage_is_one_kind_of_error_or_unnoticed() -> None:
    whole = made({".rodata": b"text" * 50, ".data": b"more" * 50})
    chance = random.Random(5)
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(6):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            touched(Elf(io.BytesIO(damaged)))
        except NotElf as error:
            assert str(error)
