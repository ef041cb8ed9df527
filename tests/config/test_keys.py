from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from declared_settings import Pigeon

from imds_probe.config.keys import Section, fields_of, keys_of, setting
from imds_probe.config.values import absolute, count


def test_a_field_is_declared_with_its_key_and_has_the_default_as_it_is_read():
    assert Pigeon() == Pigeon(speed_s=60.0, loft=None, rings={})
    key = fields_of(Pigeon)["speed_s"]
    assert (key.name, key.default, key.initial()) == ("pigeon.speed", "1m", 60.0)
    assert key.read("2m") == 120.0
    assert fields_of(Pigeon)["loft"].initial() is None


def test_two_do_not_share_a_default_that_can_be_changed():
    assert Pigeon().rings is not Pigeon().rings


def test_what_is_in_no_table_comes_first_and_the_rest_stays_in_its_order():
    @dataclass(frozen=True)
    class Late(Section):
        table: int = setting("late.number", 1, count(0, 9))
        top: Path | None = setting("place", None, absolute)

    assert [key.name for key in keys_of((Pigeon, Late))] == [
        "place",
        "pigeon.speed",
        "pigeon.loft",
        "pigeon.rings",
        "late.number",
    ]


def test_a_section_without_conflicts():
    assert Pigeon().conflict() is None
