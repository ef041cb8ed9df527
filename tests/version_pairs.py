"""Generated pairs of versions, half of which differ in one place only: that is where orders go wrong."""

from __future__ import annotations

import random
from collections.abc import Callable

PAIRS = 10_000


def pairs(make: Callable[[random.Random], str], seed: int, count: int = PAIRS) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        a = make(rng)
        b = make(rng)
        if rng.random() < 0.5:
            cut = rng.randrange(len(a) + 1)
            b = a[:cut] + rng.choice(["0", "1", "~", ".", "a", "+", ".0"]) + a[cut:]
        made.append((a, b))
    return made
