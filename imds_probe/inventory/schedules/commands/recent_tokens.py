"""The tokens of texts for a shell, which are kept for a while: what many scripts begin with is the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.inventory.schedules.commands.shell_text import TOKENS_MAX, Token, tokens

CHARACTERS_A_TOKEN = 16  # a text that has fewer tokens counts as if it had as many


class RecentTokens:
    """Those of the last texts, together no more than one text may have."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Token, ...]] = {}
        self._left = TOKENS_MAX

    def of(self, text: str) -> Sequence[Token]:
        """See shell_text.tokens."""
        known = self._known.get(text)
        if known is None:
            known = tuple(tokens(text))
            size = 1 + max(len(known), len(text) // CHARACTERS_A_TOKEN)
            if size > self._left:
                self._known.clear()
                self._left = TOKENS_MAX
            if size <= self._left:
                self._known[text] = known
                self._left -= size
        return known


RECENT = RecentTokens()
