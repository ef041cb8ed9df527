"""The lines of texts for a shell, taken apart, which are kept for a while: many scripts hold the same texts."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.recent import Recent
from imds_probe.inventory.schedules.commands.shell_text import TOKENS_MAX, Line, lines


class RecentLines:
    """Those of the last texts, together with no more tokens than one text may have."""

    def __init__(self) -> None:
        self._recent: Recent[tuple[Line, ...]] = Recent(TOKENS_MAX)

    def of(self, text: str) -> Sequence[Line]:
        """See shell_text.lines."""
        known = self._recent.get(text)
        if known is None:
            known = tuple(lines(text))
            self._recent.keep(text, known, sum(map(len, known)))
        return known


RECENT = RecentLines()
