"""ELF files made byte for byte, after the System V ABI: sections of given content, one writable segment over them all."""

from __future__ import annotations

import struct
from collections.abc import Mapping

BASE = 0x400000


def made(sections: Mapping[str, bytes], *, wide: bool = True, order: str = "<", flags: int = 6) -> bytes:
    """A file with these sections, their addresses their offsets from BASE on."""
    pointer = "Q" if wide else "I"
    head_bytes, segment_bytes, section_bytes = (64, 56, 64) if wide else (52, 32, 40)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [*sections, ".shstrtab"])
    content, placed = b"", []
    start = head_bytes + segment_bytes
    for name, data in {**sections, ".shstrtab": names}.items():
        content += bytes(-(start + len(content)) % 16)
        placed.append((names.index(b"\0" + name.encode() + b"\0") + 1, start + len(content), len(data)))
        content += data
    sections_at = start + len(content)
    headers = bytes(section_bytes)
    for name_at, offset, size in placed:
        headers += struct.pack(
            f"{order}II{pointer * 4}II{pointer * 2}", name_at, 1, 2, BASE + offset, offset, size, 0, 0, 1, 0
        )
    size = sections_at
    if wide:
        segment = struct.pack(f"{order}IIQQQQQQ", 1, flags, 0, BASE, BASE, size, size, 4096)
    else:
        segment = struct.pack(f"{order}IIIIIIII", 1, 0, BASE, BASE, size, size, flags, 4096)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    head = struct.pack(f"{order}HHI{pointer * 3}I", 2, 62, 1, BASE, head_bytes, sections_at, 0)
    head += struct.pack(f"{order}6H", head_bytes, segment_bytes, 1, section_bytes, len(placed) + 1, len(placed))
    return ident + head + segment + content + headers


def address_of(file: bytes, content: bytes) -> int:
    """Where content of a made file lies in memory."""
    return BASE + file.index(content)
