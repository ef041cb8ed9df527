"""Documentation: it may name whatever it likes, and asks nothing."""

from __future__ import annotations

import re
from bisect import bisect_right

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.speaks import Hit
from imds_probe.inventory.code.words import search_bytes


def judged(text: str) -> Judged:
    """All words of a text, as said."""
    lines = [match.start() for match in re.finditer(r"\n", text)]
    found = search_bytes(text.encode("latin-1"))
    return Judged(tuple(Hit(bisect_right(lines, each.at) + 1, each.word, each.kind, said=True) for each in found))


_MANUAL = tuple(f".{section}" for section in range(1, 9))
_ENDS = (
    ".md",
    ".rst",
    ".txt",
    ".html",
    ".htm",
    ".adoc",
    ".pod",
    ".rdoc",
    ".log",
    ".csv",
    ".css",
    ".svg",
    ".po",
    ".map",
    ".pyi",
)
FORM = Form("text", (*_ENDS, ".ipynb", *_MANUAL), text=judged)
