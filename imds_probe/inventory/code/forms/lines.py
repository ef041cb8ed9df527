"""The numbers of lines in a text."""

from __future__ import annotations


class Lines:
    """Of one text. Numbers are told in the order of the places that are asked for, at little cost and without a list of lines."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._number = text, 0, 1

    def number(self, at: int) -> int:
        """Of the line at a place, from 1; the line's end belongs to it."""
        if at < self._at:
            self._at, self._number = 0, 1
        self._number += self._text.count("\n", self._at, at)
        self._at = at
        return self._number
