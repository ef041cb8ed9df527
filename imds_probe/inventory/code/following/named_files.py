"""Files of settings that code names, by what they are called: where the address that it asks may stand."""

from __future__ import annotations

import re

NAMED_MAX, NAME_MAX = 20, 200
_END_OF_SETTINGS = re.compile(rb"\.(?:json|ya?ml|toml|ini|cfg|conf|properties|env)\b(?![\w.(])")
_IN_NAMES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./~@+-")


def named_settings(text: bytes) -> tuple[str, ...]:
    """Their names as they stand there, each once."""
    found: dict[str, None] = {}
    for match in _END_OF_SETTINGS.finditer(text):
        at = match.start()
        while at > 0 and text[at - 1] in _IN_NAMES and match.end() - at < NAME_MAX:
            at -= 1
        if at < match.start():
            found[text[at : match.end()].decode("ascii")] = None
        if len(found) >= NAMED_MAX:
            break
    return tuple(found)
