"""Names and versions as Python's packages write them down."""

from __future__ import annotations

import re

ASSIGNED = re.compile(rb"^__version__\s*=\s*['\"]([^'\"\n]{1,100})['\"]", re.MULTILINE)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.!+_-]{0,99}")


def normalised(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def checked(version: str) -> str | None:
    """A text from a file as a version, None where none can be so."""
    return version if _VERSION.fullmatch(version) else None
