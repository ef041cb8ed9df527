"""What ELF files need: interpreter, libraries, run paths, oldest kernel, size of pages. After the System V ABI; both machines
are 64-bit and little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 14, 15, 29
NT_GNU_ABI_TAG = 1


@dataclass(frozen=True)
class Elf:
    """Of one file; `kernel` is the oldest Linux that it says it runs on, None where it says nothing. `page_bytes` is the largest
    page of a kernel that can load it.
    """

    machine: int
    interpreter: str | None
    needed: tuple[str, ...]
    rpath: str | None
    runpath: str | None
    kernel: tuple[int, int, int] | None
    page_bytes: int


def is_elf(path: Path) -> bool:
    """Whether a file is one; links are not followed."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def read(path: Path) -> Elf:
    """Raises struct.error or IndexError where the file is cut short: it is one of ours, so that is a bug."""
    data = path.read_bytes()
    (machine,) = struct.unpack_from("<H", data, 18)
    (headers_at,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", data, headers_at + n * size) for n in range(count)]
    loaded = [(address, at, length) for kind, _, at, address, _, length, _, _ in segments if kind == PT_LOAD]

    def offset(address: int) -> int:
        return next(at + address - start for start, at, length in loaded if start <= address < start + length)

    def text(at: int) -> str:
        return data[at : data.index(b"\0", at)].decode()

    interpreter, entries, kernel = None, [], None
    for kind, _, at, _, _, length, _, _ in segments:
        if kind == PT_INTERP:
            interpreter = text(at)
        elif kind == PT_DYNAMIC:
            entries = [struct.unpack_from("<QQ", data, at + n) for n in range(0, length, 16)]
        elif kind == PT_NOTE:
            kernel = kernel or _abi_tag(data[at : at + length])
    names = offset(dict(entries)[DT_STRTAB]) if entries else 0

    def strings(tag: int) -> Iterator[str]:
        return (text(names + value) for kind, value in entries if kind == tag)

    return Elf(
        machine,
        interpreter,
        tuple(strings(DT_NEEDED)),
        next(strings(DT_RPATH), None),
        next(strings(DT_RUNPATH), None),
        kernel,
        min(_page_bytes(*segment[2:4], segment[7]) for segment in segments if segment[0] == PT_LOAD),
    )


def _page_bytes(at: int, address: int, alignment: int) -> int:
    """The largest page of which a segment is mapped whole: place in the file and address differ by a number of these."""
    apart = address - at
    return min(alignment, apart & -apart) if apart else alignment


def _abi_tag(notes: bytes) -> tuple[int, int, int] | None:
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        content_at = at + 12 + (name_size + 3) // 4 * 4
        if kind == NT_GNU_ABI_TAG and notes[at + 12 : at + 16] == b"GNU\0":
            system, *version = struct.unpack_from("<IIII", notes, content_at)
            return (version[0], version[1], version[2]) if system == 0 else None
        at = content_at + (size + 3) // 4 * 4
    return None
