"""Reading TOML whose author may want it to take long."""

from __future__ import annotations

from typing import Any

DOTS_MAX = 1000  # on a line: the parser takes the square of the parts of a key, and 20,000 of them take 6 s


def loads(text: str) -> dict[str, Any]:
    """The document. Raises ValueError, whose text says line and column, and RecursionError."""
    import tomllib  # noqa: PLC0415 - most hosts have no document to be read

    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > DOTS_MAX:
            raise ValueError(f"more than {DOTS_MAX} dots (at line {number}, column 1)")
    return tomllib.loads(text)
