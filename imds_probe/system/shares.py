"""Who gets the room that a report has: root has one of his own, and of the other each party a share. No user and no container
decides what is left out of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

T = TypeVar("T")


def shared(
    things: Iterable[T], whose: Callable[[T], Hashable | None], of_root: int, of_others: int
) -> tuple[list[T], list[T]]:
    """Those that have room, and those that have none. `whose` is None for root's. Of root's the first count, and of the others' the
    first of each party, then the second.
    """
    turns: Counter[Hashable] = Counter()
    own: list[T] = []
    others: list[tuple[int, T]] = []
    for each in things:
        party = whose(each)
        if party is None:
            own.append(each)
        else:
            others.append((turns[party], each))
            turns[party] += 1
    in_turn = [each for _, each in sorted(others, key=lambda one: one[0])]
    return [*own[:of_root], *in_turn[:of_others]], [*own[of_root:], *in_turn[of_others:]]
