"""What a target of the fuzzer is, and what holds for all that a parser gives back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Parse = Callable[[bytes], None]
TEXT_MAX = 70_000  # characters; no input of the fuzzer is longer


@dataclass(frozen=True)
class Target:
    """`make` makes the parser, which has an empty directory of its own and raises for nothing that it is given. `seeds` are
    inputs as they are met, each by a name.
    """

    make: Callable[[Path], Parse]
    seeds: Callable[[], Mapping[str, bytes]]


def check(value: object) -> None:
    """That a result can be written, as a report is: bounded, and without halves of characters."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        for key, inner in value.items():
            check(key)
            check(inner)
    elif isinstance(value, tuple | list | set | frozenset):
        for inner in value:
            check(inner)
    elif isinstance(value, str):
        assert len(value) <= TEXT_MAX
        json.dumps(value, ensure_ascii=False).encode()


def printable(text: str | None, limit: int) -> None:
    """The same of what is shown as it is."""
    if text is not None:
        assert text.isprintable(), text
        assert len(text) <= limit, len(text)


def choose(data: bytes, number: int) -> tuple[int, bytes]:
    """Which of so many parsers the first byte asks for, and what is for that."""
    return (data[0] % number, data[1:]) if data else (0, b"")


def chosen(at: int, data: bytes | str) -> bytes:
    """A seed for the parser of this number."""
    return bytes([at]) + (data.encode() if isinstance(data, str) else data)
