"""Headers of rpm's database that say which files a package has."""

from __future__ import annotations

import struct


def with_files(
    indexes: bytes = struct.pack(">II", 0, 1), names: int = 2, kind: int = 8, first: bytes = b"/usr/bin/"
) -> bytes:
    """A package with a tool in the `first` directory, and /opt/own."""
    data = b"tool\0own\0" + first + b"\0/opt/\0"
    entries = [(1117, kind, 0, names), (1118, 8, 9, 2), (1116, 4, len(data), 2)]
    data += indexes
    listed = b"".join(struct.pack(">IIII", *entry) for entry in entries)
    return struct.pack(">II", len(entries), len(data)) + listed + data
