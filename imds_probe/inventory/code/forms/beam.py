"""Modules of Erlang and Elixir as they are compiled: the texts in a chunk of literals, which is packed.

Source: Erlang's documentation, "The BEAM file format" (an IFF file of chunks; LitT is a size, and literals packed by zlib, or as
they are where that size is 0).
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.machine import judged_words
from imds_probe.inventory.code.unread import DAMAGED, TOO_LONG, UNPACKS_TOO_MUCH
from imds_probe.inventory.code.words import Search, search_bytes

MAGIC, LITERALS = b"FOR1", b"LitT"
READ_MAX_BYTES, UNPACKED_MAX_BYTES, CHUNKS_MAX = 8 * 1024 * 1024, 32 * 1024 * 1024, 200


def _judged(file: BinaryIO, search: Search) -> Judged:
    """By the words that stand there, and by those of its literals."""
    file.seek(0)
    content = file.read(READ_MAX_BYTES + 1)
    literals, unread = (b"", TOO_LONG) if len(content) > READ_MAX_BYTES else _literals(content)
    judged = judged_words((*search.found, *search_bytes(literals)))
    return Judged(judged.hits, judged.evidence, unread)


def _literals(content: bytes) -> tuple[bytes, str]:
    """The literals, unpacked, and why they are not all."""
    at = 12
    for _ in range(CHUNKS_MAX):
        name = content[at : at + 4]
        if len(content) < at + 8:
            break
        (size,) = struct.unpack_from(">I", content, at + 4)
        if name == LITERALS:
            return _unpacked(content[at + 8 : at + 8 + size])
        at += 8 + (size + 3) // 4 * 4
    return b"", ""


def _unpacked(chunk: bytes) -> tuple[bytes, str]:
    if chunk[:4] == bytes(4):
        return chunk[4:], ""
    unpacking = zlib.decompressobj()
    try:
        literals = unpacking.decompress(chunk[4:], UNPACKED_MAX_BYTES)
    except zlib.error:
        return b"", DAMAGED
    if unpacking.unconsumed_tail:
        return literals, UNPACKS_TOO_MUCH
    return literals, "" if unpacking.eof else DAMAGED


FORM = Form("beam", (".beam",), begins=(MAGIC,), file=_judged, always=True)
