"""Small records in files that begin with a checksum of the rest: what is cut off or was changed by accident is told.

It is no signature: the directory is what keeps others out.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def sealed(payload: bytes) -> bytes:
    """As `whole` takes it apart."""
    return hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def whole(content: bytes, limit: int) -> bytes | None:
    """The payload; None where it is not what was written, or all of it is longer than `limit` bytes."""
    seal, _, payload = content.partition(b"\n")
    if len(content) > limit or seal.decode("ascii", "replace") != hashlib.sha256(payload).hexdigest():
        return None
    return payload


def replace(path: Path, content: bytes) -> None:
    """All of the file or nothing, also at a power cut. Raises OSError; nothing is left of the new one then."""
    made = path.with_name(f".{path.name}.new")
    made.unlink(missing_ok=True)  # of one that was killed here
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except OSError:
        made.unlink(missing_ok=True)  # a full disk has room again
        raise
