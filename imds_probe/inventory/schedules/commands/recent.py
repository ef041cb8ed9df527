"""What texts were last taken apart into, within bounds: what many scripts have in common is the same for all of them."""

from __future__ import annotations

from typing import Generic, TypeVar

CHARACTERS_A_PART = 16  # a text that has fewer parts counts as if it had as many
P = TypeVar("P")


class Recent(Generic[P]):
    """The parts of the last texts, together no more than `parts_max`."""

    def __init__(self, parts_max: int) -> None:
        self._known: dict[str, tuple[P, ...]] = {}
        self._max = self._left = parts_max

    def get(self, text: str) -> tuple[P, ...] | None:
        """Its parts; None where they are not known, or not any more."""
        return self._known.get(text)

    def keep(self, text: str, parts: tuple[P, ...]) -> None:
        """From now on they are known, until there is no room."""
        size = 1 + max(len(parts), len(text) // CHARACTERS_A_PART)
        if size > self._left:
            self._known.clear()
            self._left = self._max
        if size <= self._left:
            self._known[text] = parts
            self._left -= size
