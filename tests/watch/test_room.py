from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imds_probe.watch.room import KEYS_MAX, Entry, Lately, Recent, Room


def test_an_entry_is_found_by_each_of_its_keys_until_it_is_taken_out() -> None:
    room, entry = Room[Entry](10), Entry()
    room.add("here", entry, (1, 2))
    room.also(entry, 3)
    assert [room.get(key) for key in (1, 2, 3, 4)] == [entry, entry, entry, None]
    assert entry in room
    room.remove(entry)
    room.remove(entry)
    assert (room.get(1), room.get(3), len(room), entry in room) == (None, None, 0, False)


def test_a_key_is_of_who_took_it_last() -> None:
    room, one, other = Room[Entry](10), Entry(), Entry()
    room.add("here", one, (1,))
    room.add("here", other, (1,))
    room.remove(one)
    assert room.get(1) is other


def test_whoever_fills_it_loses_his_own() -> None:
    lost: list[Entry] = []
    room, quiet, loud = Room[Entry](10, lost.append), Entry(), [Entry() for _ in range(1000)]
    room.add("quiet", quiet, ("quiet",))
    for number, each in enumerate(loud):
        room.add("loud", each, (number,))
    assert (len(room), room.get("quiet"), room.get(999)) == (10, quiet, loud[-1])
    assert lost == loud[:991]


def test_what_is_used_stays_longest() -> None:
    room, entries = Room[Entry](3), [Entry() for _ in range(4)]
    for number, each in enumerate(entries[:3]):
        room.add("here", each, (number,))
    room.used(entries[0])
    room.add("here", entries[3])
    assert [each in room for each in entries] == [True, False, True, True]


def test_keys_are_bounded() -> None:
    room, entry = Room[Entry](3), Entry()
    room.add("here", entry)
    for number in range(KEYS_MAX + 10):
        room.also(entry, number)
    assert (room.get(KEYS_MAX - 1), room.get(KEYS_MAX)) == (entry, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 9), st.booleans()), max_size=80))
def test_it_holds_what_it_says_whatever_happens(steps: list[tuple[int, int, int, bool]]) -> None:
    entries, lost = [Entry() for _ in range(21)], list[Entry]()
    room, there = Room[Entry](5, lost.append), set[Entry]()
    for place, number, key, takes_out in steps:
        entry = entries[number]
        if takes_out:
            room.remove(entry)
            there.discard(entry)
        elif entry not in there:
            room.add(place, entry, (key,))
            there.add(entry)
        there -= set(lost)
        lost.clear()
        assert len(room) == len(there) <= 5
        assert {each for each in entries if each in room} == there
        assert set(room._by_key.values()) <= there
        assert sum(map(len, room._places.values())) == len(there)


def test_what_was_noted_lately() -> None:
    recent = Recent(10)
    for number in range(100):
        recent.note(number)
        assert all(each in recent for each in range(max(0, number - 9), number + 1))
        assert len(recent._now) + len(recent._before) <= 20


def test_what_was_found_out_lately() -> None:
    known = Lately[int, str](100)
    for now in range(1000):
        known.put(now, "found", float(now), 5.0)
        assert all(known.get(each) == "found" for each in range(max(0, now - 4), now + 1))
        assert len(known) <= 10
    known.put(-1, "later", 5000.0, 5.0)
    assert (len(known), known.get(999), known.get(-1)) == (1, None, "later")
    known.put(-1, "again", 5001.0, 5.0)
    assert known.get(999) is None
    assert known.get(-1) == "again"


def test_of_what_was_found_out_lately_there_is_no_more_than_there_is_room_for() -> None:
    known = Lately[int, str](100)
    for each in range(1000):
        known.put(each, "found", 7.0, 5.0)
        assert all(known.get(other) == "found" for other in range(max(0, each - 49), each + 1))
        assert len(known) <= 100
