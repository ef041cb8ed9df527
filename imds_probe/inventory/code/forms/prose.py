"""Documentation: it may name whatever it likes, and asks nothing."""

from __future__ import annotations

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lines import Lines
from imds_probe.inventory.code.speaks import Hit
from imds_probe.inventory.code.words import search_bytes


def judged(text: str) -> Judged:
    """All words of a text, as said."""
    lines = Lines(text)
    found = search_bytes(text.encode("latin-1"))
    return Judged(tuple(Hit(lines.number(each.at), each.word, each.kind, said=True) for each in found))


NAMES = ("README", "CHANGE", "NEWS", "LICEN", "COPYING", "HISTORY", "INSTALL", "TODO", "AUTHORS")
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
