from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.recurrence import DAY, HOUR, MINUTE, Gaps, Recurrence, words

MIDNIGHT = frozenset({0})


def of(*figures: int) -> frozenset[int]:
    return frozenset(figures)


@pytest.mark.parametrize(
    ("recurrence", "shortest", "longest"),
    [
        (Recurrence(MIDNIGHT, MIDNIGHT), DAY, DAY),
        (Recurrence(of(*range(24)), of(0, 15, 30, 45)), 15 * MINUTE, 15 * MINUTE),
        (Recurrence(of(3, 15), of(30)), 12 * HOUR, 12 * HOUR),
        (Recurrence(of(9, 10), of(0, 50)), 10 * MINUTE, DAY - HOUR - 50 * MINUTE),
        (Recurrence(of(8), of(0), weekdays=of(0, 1, 2, 3, 4)), DAY, 3 * DAY),
        (Recurrence(of(8), of(0), days=of(1)), 28 * DAY, 31 * DAY),
        (Recurrence(of(8), of(0), days=of(0)), 28 * DAY, 31 * DAY),
        (Recurrence(of(8), of(0), months=of(1), days=of(1)), 365 * DAY, 366 * DAY),
        (Recurrence(of(8), of(0), months=of(2), days=of(29)), 8 * 365 * DAY + DAY, 8 * 365 * DAY + DAY),
        (Recurrence(of(8), of(0), days=of(1), weekdays=of(0), either=True), DAY, 7 * DAY),
        (Recurrence(of(0), of(0), of(0, 30)), 30, DAY - 30),
    ],
)
def test_the_longest_and_the_shortest_time_between_two(recurrence: Recurrence, shortest: int, longest: int) -> None:
    assert recurrence.gaps() == Gaps(shortest, longest)


@pytest.mark.parametrize(
    "recurrence",
    [
        Recurrence(of(), of(0)),
        Recurrence(of(0), of(0), months=of(2), days=of(30)),
        Recurrence(of(0), of(0), weekdays=of()),
    ],
)
def test_what_never_comes_has_none(recurrence: Recurrence) -> None:
    assert recurrence.gaps() is None


@pytest.mark.parametrize(
    ("shortest", "longest", "said"),
    [
        (60, 60, "every minute"),
        (HOUR, HOUR, "hourly"),
        (28 * DAY, 31 * DAY, "monthly"),
        (365 * DAY, 366 * DAY, "yearly"),
        (300, 300, "every 5 minutes"),
        (30, 30, "every 30 seconds"),
        (1, 1, "every second"),
        (DAY, 3 * DAY, "at least every 3 days"),
        (HOUR, 13 * HOUR, "at least every 13 hours"),
        (90.5, 90.5, "every 2 minutes"),
    ],
)
def test_words(shortest: float, longest: float, said: str) -> None:
    assert words(Gaps(shortest, longest)) == said
