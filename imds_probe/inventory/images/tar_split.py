"""Which directories of a layer hide what lies below them, by the list of files that Docker and podman keep of each layer.

The mark of the kernel's own, an attribute of the directory, can be read by those alone who may administer the system.
Source: github.com/vbatts/tar-split, tar/storage; OCI Image Format Specification, layer.md, "Opaque Whiteout".
"""

from __future__ import annotations

import gzip
import json
import posixpath
import zlib
from collections.abc import Iterator
from pathlib import Path

from imds_probe.escape import encodable
from imds_probe.system import rootfs

UNPACKED_MAX_BYTES = 64 * 1024 * 1024
LINE_MAX_BYTES = 64 * 1024
OPAQUE_MAX = 5000
MARK = ".wh..wh..opq"


def opaque(root: Path, path: str) -> Iterator[str]:
    """The directories, as the layer itself calls them, without a slash at either end. None where there is no such list."""
    try:
        with rootfs.opened(root, path) as file:
            if file is None:
                return
            with rootfs.buffered(file) as packed, gzip.GzipFile(fileobj=packed) as unpacked:
                yield from _in_lines(unpacked)
    except (OSError, EOFError, zlib.error, rootfs.FileUnreadable):
        return


def _in_lines(unpacked: gzip.GzipFile) -> Iterator[str]:
    left, found = UNPACKED_MAX_BYTES, 0
    while left > 0 and found < OPAQUE_MAX and (line := unpacked.readline(LINE_MAX_BYTES)):
        left -= len(line)
        if MARK.encode() in line and (name := _name(line)) and posixpath.basename(name) == MARK:
            found += 1
            yield posixpath.normpath(posixpath.dirname(name)).lstrip("/")


def _name(line: bytes) -> str:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and encodable(name) == name else ""
