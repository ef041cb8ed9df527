"""Class files made byte for byte, as far as a constant pool goes. Source: the JVM specification, 4.1 and 4.4."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def made(texts: Sequence[str], names: Sequence[str] = (), classes: Sequence[str] = ()) -> bytes:
    """A class whose code has these texts, and uses what is called by these names, and these classes."""
    pool, count = b"", 1
    for text in texts:
        encoded = text.encode()
        pool += struct.pack(">BH", 1, len(encoded)) + encoded + struct.pack(">BH", 8, count)
        count += 2
    for name in classes:
        pool += struct.pack(">BH", 1, len(name)) + name.encode() + struct.pack(">BH", 7, count)
        count += 2
    pool += struct.pack(">Bq", 5, 1)  # a long takes two numbers
    count += 2
    for name in names:
        pool += struct.pack(">BH", 1, len(name)) + name.encode()
        count += 1
    return b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 61, count) + pool + bytes(16)
