"""What is known for a while, within bounds."""

from __future__ import annotations

from imds_probe.inventory.schedules.commands.recent import CHARACTERS_A_PART, Recent

MAX = 1000


def test_what_is_kept_is_known() -> None:
    recent: Recent[str] = Recent(MAX)
    assert recent.get("a b") is None
    recent.keep("a b", parts := ("a", "b"))
    assert recent.get("a b") is parts
    assert recent.get("a") is None


def test_no_more_parts_are_kept_than_there_is_room_for() -> None:
    recent: Recent[str] = Recent(MAX)
    for number in range(10):
        recent.keep(str(number), parts := ("x",) * (MAX // 3))
        assert recent.get(str(number)) is parts
        assert sum(map(len, recent._known.values())) <= MAX
    recent.keep("long", ("x",) * (MAX + 1))
    assert recent.get("long") is None


def test_texts_without_parts_are_not_kept_without_end() -> None:
    recent: Recent[str] = Recent(MAX)
    for number in range(200):
        recent.keep(text := f"{number}{' nothing' * 100}", ())
        assert recent.get(text) == ()
        assert sum(map(len, recent._known)) <= MAX * CHARACTERS_A_PART
