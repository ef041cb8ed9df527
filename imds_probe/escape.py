"""Making text safe to print: names of packages, containers and servers come from whoever chose them."""

from __future__ import annotations

import unicodedata


def terminal(text: str) -> str:
    """Every character that is not plainly printable as a backslash escape: no control sequences, no line breaks, no
    marks that turn the direction of writing round.
    """
    return "".join(
        character
        if character.isprintable() and unicodedata.bidirectional(character) not in _TURNING
        else _escaped(character)
        for character in text
    )


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
