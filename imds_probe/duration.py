"""Lengths of time as people write them: 90, 90s, 5m, 2h, 14d."""

from __future__ import annotations

import re

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([smhd]?)")


def parse_duration(text: str) -> float:
    """Seconds, more than 0. Raises ValueError with a sentence that says how to write it."""
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ValueError(f"{text!r} is no length of time: write 90s, 5m, 2h or 14d")
    return seconds


def in_words(seconds: float) -> str:
    """A length of time for a sentence, in its two largest units: 13 d 4 h, 2 h, 45 s."""
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(round(seconds), SECONDS[unit])
        if count:
            parts.append(f"{count} {unit if unit != 'm' else 'min'}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
