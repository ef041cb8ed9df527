"""Which of the figures that decided is known least well. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from imds_probe.catalog.rows import Grade, Requirement
from imds_probe.dataclass import dataclass

_STRONGEST_FIRST: tuple[Grade, ...] = get_args(Grade)


@dataclass(frozen=True)
class Figure:
    """One figure that decided, None for "no version"; `grade` is None where its catalog does not say."""

    value: str | None
    grade: Grade | None


def resting_on(judged: Requirement, figures: Iterable[Figure]) -> Requirement:
    """The same, resting on these figures besides its own: it is known as well as the weakest of them."""
    graded = [
        (_STRONGEST_FIRST.index(figure.grade), figure)
        for figure in (Figure(judged.figure, judged.grade), *figures)
        if figure.grade is not None
    ]
    if not graded:
        return judged
    _, weakest = max(graded, key=lambda each: each[0])
    return replace(judged, figure=weakest.value, grade=weakest.grade)
