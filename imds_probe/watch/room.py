"""Bounded room that is shared fairly: whoever fills it loses his own, and nobody else's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

KEYS_MAX = 32  # of one entry


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """What is kept in one room at a time. These are the room's, and nobody else's."""

    place: Hashable = None
    keys: tuple[Hashable, ...] = ()


T = TypeVar("T", bound=Entry)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Room(Generic[T]):
    """At most `size` entries, each of one place and under several keys. A key belongs to the entry that took it last.

    Where there is no room left, the place that has most in it loses what was used longest ago: `on_lost` is told.
    """

    def __init__(self, size: int, on_lost: Callable[[T], None] = lambda _: None) -> None:
        self._size, self._on_lost = size, on_lost
        self._by_key: dict[Hashable, T] = {}
        self._places: dict[Hashable, OrderedDict[T, None]] = {}
        self._count = 0
        self.get = self._by_key.get  # the entry that has this key; called for each packet

    def __len__(self) -> int:
        return self._count

    def __contains__(self, entry: T) -> bool:
        return entry in self._places.get(entry.place, ())

    def __iter__(self) -> Iterator[T]:
        return (entry for of_place in self._places.values() for entry in of_place)

    def add(self, place: Hashable, entry: T, keys: tuple[Hashable, ...] = ()) -> None:
        """Take in an entry that is in no room."""
        if self._count >= self._size:
            self._give_way()
        of_place = self._places.get(place)
        if of_place is None:
            of_place = self._places[place] = OrderedDict()
        of_place[entry] = None
        self._count += 1
        entry.place, entry.keys = place, keys
        by_key = self._by_key
        for key in keys:
            by_key[key] = entry

    def _give_way(self) -> None:
        places = self._places
        fullest = max(places, key=lambda place: len(places[place])) if len(places) > 1 else next(iter(places))
        oldest, _ = places[fullest].popitem(last=False)
        self._taken_out(oldest)
        self._on_lost(oldest)

    def also(self, entry: T, key: Hashable) -> None:
        """One more key for an entry that is there; none beyond KEYS_MAX."""
        if self._by_key.get(key) is not entry and len(entry.keys) < KEYS_MAX:
            entry.keys += (key,)
            self._by_key[key] = entry

    def used(self, entry: T) -> None:
        """An entry that is there is the newest of its place again."""
        self._places[entry.place].move_to_end(entry)

    def remove(self, entry: T) -> None:
        """Take an entry out, where it is there."""
        of_place = self._places.get(entry.place)
        if of_place is None or entry not in of_place:
            return
        del of_place[entry]
        self._taken_out(entry)

    def _taken_out(self, entry: T) -> None:
        self._count -= 1
        if not self._places[entry.place]:
            del self._places[entry.place]
        by_key = self._by_key
        for key in entry.keys:
            if by_key.get(key) is entry:
                del by_key[key]


class Recent:
    """What was noted lately: at least the last `size`, and at most twice as many."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._before: set[Hashable] = set()
        self._now: set[Hashable] = set()

    def __contains__(self, what: Hashable) -> bool:
        return what in self._now or what in self._before

    def note(self, what: Hashable) -> None:
        """It is the last."""
        self._now.add(what)
        if len(self._now) >= self._size:
            self._before, self._now = self._now, set()


class Lately(Generic[K, V]):
    """What was found out lately, by its key: all of the last `within_s` seconds, as far as that is the newest half of `size`; never
    more than `size`. Once there is something new, what is four times as old takes no room: where a program calls once a minute,
    nothing is kept for days that counts for seconds.
    """

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._before: dict[K, V] = {}
        self._now: dict[K, V] = {}
        self._since = float("-inf")

    def __len__(self) -> int:
        return len(self._before.keys() | self._now.keys())

    def get(self, key: K) -> V | None:
        """None where nothing is known of it; it may be older than `within_s`."""
        found = self._now.get(key)
        return found if found is not None else self._before.get(key)

    def put(self, key: K, value: V, now: float, within_s: float) -> None:
        """Found out at `now`, of a clock in seconds that is not set."""
        passed_s = now - self._since
        if passed_s >= within_s or len(self._now) >= self._half:
            self._before = self._now if passed_s < 2 * within_s else {}
            self._now, self._since = {}, now
        self._now[key] = value
