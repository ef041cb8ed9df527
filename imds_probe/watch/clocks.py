"""The two clocks: traced connects have the monotonic one, packets that of the wall."""

from __future__ import annotations

import time

LOOKS = 3


def epoch_s() -> float:
    """When the monotonic clock began, in seconds since the epoch: by that of several looks at both clocks that took least, as
    we may have to wait for a CPU in between.
    """
    looks = []
    for _ in range(LOOKS):
        before, now, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append(
            (after - before, now - after)
        )  # rather too early: a packet follows its connect, and late ones do too
    return min(looks)[1] / 1e9
