"""Making text safe to print: names of packages, containers and servers come from whoever chose them."""

from __future__ import annotations

import unicodedata
from typing import Any


def terminal(text: str) -> str:
    """Every character that is not plainly printable as a backslash escape: no control sequences, no line breaks, no
    marks that turn the direction of writing round.
    """
    return "".join(
        character
        if character.isprintable() and unicodedata.bidirectional(character) not in _TURNING
        else escaped(character)
        for character in text
    )


def encodable(text: str) -> str:
    """The same, where UTF-8 can encode it. Half a surrogate pair, which a name of bytes or somebody's JSON may bring along,
    becomes a backslash escape: whoever reads what we write may refuse all of it otherwise.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def encodable_document(value: Any) -> Any:
    """The same for all text in a JSON document."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(name): encodable_document(each) for name, each in value.items()}
    return [encodable_document(each) for each in value] if isinstance(value, list) else value


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def escaped(text: str) -> str:
    """What is not ASCII as backslash escapes, and control characters as well."""
    return text.encode("unicode_escape").decode("ascii")
