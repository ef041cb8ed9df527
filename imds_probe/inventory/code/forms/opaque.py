"""What cannot be read although all its bytes can: packed or encrypted programs, and byte code that is not known here.

Source: UPX's l_info ("UPX!", within the first 1 KiB); PyInstaller's cookie at the end of a program; the first lines of what
PyArmor, SOURCEdefender and ionCube write; LLVM's bit code, whose texts are compressed.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from imds_probe.inventory.code.unread import ENCRYPTED, ODD_BYTE_CODE, PACKED

HEAD_BYTES, TAIL_BYTES = 1024, 8192
_COOKIE = b"MEI\x0c\x0b\x0a\x0b\x0e"
# Backwards, so that this module is none of them itself.
_ENCRYPTED = tuple(
    mark[::-1]
    for mark in (b"(__romrayp__", b"emitnur_romrayp", b"redaoL ebuCnoi", b"0// php?<", b"---ELIF EYP NIGEB---")
)
_ODD = b"BC\xc0\xde"


def why_not_read(file: BinaryIO) -> str:
    """One of unread.py's reasons, empty where nothing of the kind is seen."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(b"\x7fELF"):
        if b"UPX!" in head:
            return PACKED
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        return PACKED if _COOKIE in file.read(TAIL_BYTES) else ""
    if any(mark in head for mark in _ENCRYPTED):
        return ENCRYPTED
    return ODD_BYTE_CODE if head.startswith(_ODD) else ""
