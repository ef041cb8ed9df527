"""AWS SDKs compiled into programs and shared objects: for Rust and for C++.

Source: cargo-auditable's section .dep-v0 (zlib-compressed JSON of the crates); the paths below Cargo's registry that
panic messages keep ("aws-config-1.1.2/src/..."); the user agent and the soname of the AWS SDK for C++.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterator
from functools import partial
from typing import BinaryIO

from imds_probe.ecosystems import binary, crate
from imds_probe.inventory.sdks.elf import ELF, Elf, NotElf
from imds_probe.inventory.sdks.libraries import Library
from imds_probe.inventory.sdks.recogniser import Files, Recogniser

AUDITABLE = ".dep-v0"
AUDITABLE_MAX_BYTES = 8 * 1024 * 1024  # cargo-auditable's own reader takes no more
CPP = "libaws-cpp-sdk-core.so"
_VERSION = rb"(\d{1,4}\.\d{1,5}\.\d{1,5}(?:-[0-9A-Za-z.]{1,30})?)"
CPP_TOKENS_SINCE = "1.7.229"
# The user agent, where it is one text; else the name of the class that asks for metadata, which its run-time type keeps
# in stripped programs, too, and the path that it asks for a token at since it speaks IMDSv2.
_TRACE = re.compile(
    rb"aws-(?:(?P<crate>config|runtime|smithy-runtime|sdk-sts)-"
    + _VERSION
    + rb"/src/|sdk-cpp/(?P<cpp>"
    + _VERSION
    + rb"))|(?P<asks>N3Aws8Internal17EC2MetadataClientE)|(?P<tokens>/latest/api/token)"
)
_TRACE_STARTS = (b"aws-", b"N3Aws8Internal17EC2", b"/latest/api/token")
_CHECKED = re.compile(r"\d[0-9A-Za-z.+-]{0,60}")


def native_libraries(file: BinaryIO, names: Collection[str], *, searched: bool = True) -> list[Library]:
    """The crates and the C++ library among `names` in an ELF file; empty for any other. Never raises on its content.

    Unless the file is to be `searched` as a whole, only what was written down for the purpose counts.
    """
    try:
        elf = Elf(file)
        audited = _audited(elf, names)
        if audited is not None:
            return audited
        if not searched:
            return []
        found = list(dict.fromkeys(_by_traces(elf, names)))
        if CPP in names and not any(library.package == CPP for library in found):
            soname = elf.soname() or ""
            if soname.startswith(CPP):
                version = soname.removeprefix(CPP).lstrip(".")
                found.append(Library("binary", CPP, version if version.count(".") == 2 else None, "soname"))
    except NotElf:
        return []
    return found


def _audited(elf: Elf, names: Collection[str]) -> list[Library] | None:
    """What cargo-auditable wrote down: then nothing has to be guessed. None where it wrote nothing that can be read."""
    section = elf.section(AUDITABLE)
    if section is None or section.size > AUDITABLE_MAX_BYTES:
        return None
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(elf.read(section.offset, section.size), AUDITABLE_MAX_BYTES)
        packages = json.loads(content)["packages"] if unpacking.eof else None
    except (zlib.error, ValueError, RecursionError, KeyError, TypeError):
        return None
    if not isinstance(packages, list):
        return None
    found = []
    for package in packages:
        if isinstance(package, dict) and package.get("name") in names:
            version = package.get("version")
            checked = version if isinstance(version, str) and _CHECKED.fullmatch(version) else None
            found.append(Library("crate", package["name"], checked, "cargo-auditable"))
    return found


def _by_traces(elf: Elf, names: Collection[str]) -> Iterator[Library]:
    asks = tokens = False
    for trace in elf.matches(_TRACE_STARTS, _TRACE):
        asks = asks or trace["asks"] is not None
        tokens = tokens or trace["tokens"] is not None
        if trace["cpp"] and CPP in names:
            yield Library("binary", CPP, trace["cpp"].decode(), "user-agent string")
            asks = False
        elif trace["crate"] and f"aws-{trace['crate'].decode()}" in names:
            yield Library("crate", f"aws-{trace['crate'].decode()}", trace[2].decode(), "paths in panic messages")
    if asks and CPP in names:
        since, before = (CPP_TOKENS_SINCE, None) if tokens else (None, CPP_TOKENS_SINCE)
        yield Library("binary", CPP, None, "name of a class", at_least=since, below=before)


# One search of a program finds what is left of either.
RECOGNISER = Recogniser(
    (crate.ECOSYSTEM, binary.ECOSYSTEM),
    files=Files("program", native_libraries, magic=ELF, quick=partial(native_libraries, searched=False), parts=(CPP,)),
)
