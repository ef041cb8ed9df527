"""Go modules in a binary: from the build information that the linker leaves, else from the SDK's user-agent string.

Source: Go's debug/buildinfo (the layout, both of before and since Go 1.18) and runtime/debug.ParseBuildInfo (its text).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO

from imds_probe.ecosystems.go import ECOSYSTEM
from imds_probe.inventory.sdks.elf import ELF, PF_W, PF_X, PT_LOAD, Elf, NotElf, Part
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Files, Recogniser

MAGIC = b"\xff Go buildinf:"
ALIGNMENT = 16
HEADER_BYTES = 32
FLAG_BIG_ENDIAN, FLAG_INLINE = 1, 2
SEARCH_MAX_BYTES = 1024 * 1024  # debug/buildinfo looks no further into the data segment either
TEXT_MAX_BYTES = 4 * 1024 * 1024
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_~-]{0,254}")
_VERSION = re.compile(r"v?[0-9A-Za-z.+-]{1,128}|\(devel\)")
# What is left of an SDK without build information: its name and version as one text, where the linker kept them so, or
# the names of its functions. Source: aws-sdk-go's aws/ec2metadata, which has a tokenProvider since it speaks IMDSv2.
_TRACE = re.compile(
    rb"aws-sdk-go(-v2)?/v?(\d{1,5}\.\d{1,5}\.\d{1,5})(?![\d.])"
    rb"|aws-sdk-go/aws/ec2metadata\.(\(\*tokenProvider\)|)"
    rb"|aws-sdk-go(-v2)/feature/ec2/imds\."
)
_TRACE_START = b"aws-sdk-go"
V1, V2 = "github.com/aws/aws-sdk-go", "github.com/aws/aws-sdk-go-v2"
V1_TOKENS_SINCE = "1.25.38"


def go_libraries(file: BinaryIO, names: Collection[str]) -> list[Library]:
    """The modules among `names` that are built into an executable; empty for what is no Go program or has none.

    A version is as Go writes it ("v1.44.3", a pseudo-version, "(devel)"). Never raises on the file's content.
    """
    try:
        elf = Elf(file)
        parts = _candidates(elf)
        told = [text for part in parts if (text := _read_info(elf, part)) is not None]
        text = next(filter(None, told), "")
        if "\ndep\t" in text or text.startswith("path\tcmd/"):  # the latter are Go's own tools
            return list(_modules(text, names))
        # Built without modules, as distributions do, or before Go 1.13.
        return _by_traces(elf, names) if told or _is_go(elf) else []
    except (NotElf, struct.error):
        return []


def _candidates(elf: Elf) -> list[Part]:
    """The section made for it, else the writable segments, where it stands at the beginning."""
    section = elf.section(".go.buildinfo")
    if section is not None:
        return [section]
    return [part for part in elf.segments() if part.kind == PT_LOAD and part.flags & (PF_X | PF_W) == PF_W]


def _read_info(elf: Elf, part: Part) -> str | None:
    """The build information, None where there is none. It is empty where it makes no sense, or leads nowhere, as that of programs
    built without modules: what else tells of a program is left.
    """
    try:
        return _build_info(elf, part)
    except (NotElf, struct.error):
        return ""


def _build_info(elf: Elf, part: Part) -> str | None:
    content = elf.read(part.offset, min(part.size, SEARCH_MAX_BYTES))
    at = content.find(MAGIC)
    while at >= 0 and at % ALIGNMENT:
        at = content.find(MAGIC, at + 1)
    if at < 0 or at + HEADER_BYTES > len(content):
        return None
    head = content[at : at + HEADER_BYTES]
    if head[15] & FLAG_INLINE:
        after_version = _skip_inline(content, at + HEADER_BYTES)
        length, start = _uvarint(content, after_version)
        if length > TEXT_MAX_BYTES:
            return None
        # A program of many modules has more of it than what was read at first.
        return _modinfo(elf.read(part.offset + start, length))
    order = ">" if head[15] & FLAG_BIG_ENDIAN else "<"
    return _modinfo(_go_string(elf, order, head[14], head[16 + head[14] : 16 + 2 * head[14]]))


def _go_string(elf: Elf, order: str, pointer_bytes: int, raw: bytes) -> bytes:
    """A string that a pointer in the header leads to: its address and length, as Go keeps strings."""
    if pointer_bytes not in (4, 8):
        raise NotElf("a pointer of an odd size")
    kind = "Q" if pointer_bytes == 8 else "I"
    (place,) = struct.unpack(f"{order}{kind}", raw)
    data, length = struct.unpack(f"{order}{kind}{kind}", elf.at_address(place, 2 * pointer_bytes))
    if length > TEXT_MAX_BYTES:
        raise NotElf("a text that cannot be right")
    return elf.at_address(data, length)


def _skip_inline(content: bytes, at: int) -> int:
    length, start = _uvarint(content, at)
    return start + length


def _uvarint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(content):
            break
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotElf("a length that cannot be right")


def _modinfo(raw: bytes) -> str:
    """Without the 16 bytes before and behind it that the linker puts there to find it by."""
    if len(raw) >= 33 and raw[-17:-16] == b"\n":
        raw = raw[16:-16]
    return raw.decode(errors="replace")


def _modules(text: str, names: Collection[str]) -> Iterator[Library]:
    """Lines of "mod" or "dep", path, version, sum; a line "=>" after one says what was built in its place."""
    pending: tuple[str, str] | None = None
    for line in text.split("\n"):
        fields = line.split("\t")
        if fields[0] == "=>" and pending and len(fields) >= 3:
            pending = (pending[0], fields[2])
            continue
        yield from _library(pending, names)
        pending = (fields[1], fields[2]) if fields[0] in ("mod", "dep") and len(fields) >= 3 else None
    yield from _library(pending, names)


def _library(module: tuple[str, str] | None, names: Collection[str]) -> Iterator[Library]:
    if module is None or module[0] not in names or not _MODULE.fullmatch(module[0]):
        return
    version = module[1] if _VERSION.fullmatch(module[1]) else None
    yield Library("go", module[0], version, "go build information")


def _is_go(elf: Elf) -> bool:
    return any(part.name in (".gopclntab", ".note.go.buildid", ".gosymtab") for part in elf.sections())


def _by_traces(elf: Elf, names: Collection[str]) -> list[Library]:
    versions: set[tuple[str, str]] = set()
    asks_v1 = has_tokens = asks_v2 = False
    for trace in elf.matches((_TRACE_START,), _TRACE):
        flavour, version, provider, imds = trace.groups()
        if version:
            versions.add((V2 if flavour else V1, f"v{version.decode()}"))
        elif imds:
            asks_v2 = True
        else:
            asks_v1 = True
            has_tokens = has_tokens or bool(provider)
    found = [Library("go", package, version, "user-agent string") for package, version in sorted(versions)]
    known = {library.package for library in found}
    if asks_v1 and V1 not in known:
        since, before = (V1_TOKENS_SINCE, None) if has_tokens else (None, V1_TOKENS_SINCE)
        found.append(Library("go", V1, None, "names of functions", at_least=since, below=before))
    if asks_v2 and V2 not in known:
        found.append(Library("go", V2, None, "names of functions"))
    return [library for library in found if library.package in names]


RECOGNISER = Recogniser((ECOSYSTEM,), files=Files("program", go_libraries, magic=ELF))
