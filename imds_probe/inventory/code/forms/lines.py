"""The numbers of lines in a text."""

from __future__ import annotations

import re
from bisect import bisect_left


class Lines:
    """Of one text."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in re.finditer(r"\n", text)]

    def number(self, at: int) -> int:
        """Of the line at a place, from 1; the line's end belongs to it."""
        return bisect_left(self._ends, at) + 1
