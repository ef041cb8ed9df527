"""How many columns a text takes on a terminal, and as nearly in a drawing: letters of East Asia take two, accents none."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many the text takes. It has no control characters."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def padded(text: str, width: int) -> str:
    """The text with spaces after it, so that it takes so many columns; as it is where it takes more."""
    return text + " " * (width - columns(text))


def within(text: str, most: int) -> str:
    """The beginning of the text that takes at most so many columns."""
    if text.isascii():
        return text[:most]
    taken = 0
    for at, character in enumerate(text):
        taken += _columns(character)
        if taken > most:
            return text[:at]
    return text


def within_end(text: str, most: int) -> str:
    """The end of the text that takes at most so many columns. Accents without their letter go with it."""
    taken = columns(text)
    for at, character in enumerate(text):
        if taken <= most and _columns(character):
            return text[at:]
        taken -= _columns(character)
    return ""


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
