"""What texts were last taken apart into, within bounds: what many scripts have in common is the same for all of them."""

from __future__ import annotations

from collections.abc import Sized
from typing import Generic, TypeVar

CHARACTERS_A_PART = 16  # a text that has fewer parts counts as if it had as many
P = TypeVar("P", bound=Sized)


class Recent(Generic[P]):
    """The parts of the last texts, each text's as one value, together no more than `parts_max`."""

    def __init__(self, parts_max: int) -> None:
        self._known: dict[str, P] = {}
        self._max = self._left = parts_max

    def get(self, text: str) -> P | None:
        """Its parts; None where they are not known, or not any more."""
        return self._known.get(text)

    def keep(self, text: str, parts: P, count: int | None = None) -> None:
        """From now on they are known, until there is no room; `count` of them, where that is not how long the value is."""
        size = 1 + max(len(parts) if count is None else count, len(text) // CHARACTERS_A_PART)
        if size > self._left:
            self._known.clear()
            self._left = self._max
        if size <= self._left:
            self._known[text] = parts
            self._left -= size
