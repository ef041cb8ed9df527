"""The tokens of texts for a shell, which are kept for a while: many scripts hold the same ones."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.recent import Recent
from imds_probe.inventory.schedules.commands.shell_text import TOKENS_MAX, Token, tokens


class RecentTokens:
    """Those of the last texts, together no more than one text may have."""

    def __init__(self) -> None:
        self._recent: Recent[Token] = Recent(TOKENS_MAX)

    def of(self, text: str) -> Sequence[Token]:
        """See shell_text.tokens."""
        known = self._recent.get(text)
        if known is None:
            known = tuple(tokens(text))
            self._recent.keep(text, known)
        return known


RECENT = RecentTokens()
