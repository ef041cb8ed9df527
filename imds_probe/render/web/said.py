"""Text of others as HTML: it cannot become markup, cannot steer what stands beside it, and cannot fill the page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

from imds_probe.escape import escaped, terminal

SHOWN_MAX = 2000  # characters of one text: what is longer was made to be in the way
MARKS_MAX = 4  # accents on one letter, which otherwise grow over the lines above
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_LEFT_TO_RIGHT = "L"


def said(text: str, limit: int = SHOWN_MAX) -> Markup:
    """One line of text. Control characters and those that turn the direction of writing are backslash escapes. Words that are
    written from right to left are isolated, so that they leave the order of their neighbours alone. A text that is longer than
    `limit` is cut, and says so.
    """
    shown = terminal(text[:limit])
    made = escape(shown) if shown.isascii() else Markup("").join(_isolated(_without_towers(shown)))
    if is_cut(text, limit):
        made += Markup('<span class="cut">… (the first {} of {} characters)</span>').format(
            f"{limit:,}", f"{len(text):,}"
        )
    return made


def plain(text: str, limit: int) -> str:
    """The same for where no markup can stand, as in attributes and drawings. The template escapes it."""
    return terminal(text[:limit]) + ("…" if is_cut(text, limit) else "")


def is_cut(text: str, limit: int) -> bool:
    """Whether a page shows only the beginning."""
    return len(text) > limit


def _without_towers(text: str) -> str:
    pieces = []
    for is_mark, group in groupby(text, lambda character: unicodedata.category(character)[0] == "M"):
        run = "".join(group)
        if is_mark and len(run) > MARKS_MAX:
            run = run[:MARKS_MAX] + escaped(run[MARKS_MAX:])
        pieces.append(run)
    return "".join(pieces)


def _isolated(text: str) -> Iterator[Markup]:
    """Each run from one right-to-left character to the last one before any that is written from left to right."""
    start, end = None, 0
    done = 0
    for at, character in enumerate(text):
        direction = unicodedata.bidirectional(character)
        if direction in _RIGHT_TO_LEFT:
            start = at if start is None else start
            end = at + 1
        elif direction == _LEFT_TO_RIGHT and start is not None:
            yield escape(text[done:start])
            yield Markup("<bdi>{}</bdi>").format(text[start:end])
            start, done = None, end
    if start is not None:
        yield escape(text[done:start])
        yield Markup("<bdi>{}</bdi>").format(text[start:end])
        done = end
    yield escape(text[done:])
