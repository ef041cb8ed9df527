import json

import pytest

from imds_probe.inventory.containers.cgroups import TEXT_MAX
from imds_probe.inventory.containers.description import Description, first, mapping, text


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["x"], ""])
def test_what_is_no_text(value):
    assert text(value) is None


def test_text_is_cut_and_kept_raw():
    assert text("\x1b[31m\n<b>") == "\x1b[31m\n<b>"
    assert len(text("ü" * 9999)) == TEXT_MAX


def test_half_a_character_can_be_written_afterwards():
    assert text(json.loads('"a\\ud800b"')).encode() == b"a?b"


def test_mappings():
    assert mapping({"a": 1}) == {"a": 1}
    assert [mapping(value) for value in (None, [], "x", 3)] == [{}] * 4


def test_the_first_key_with_text():
    assert first({"a": "", "b": 7, "c": "yes", "d": "no"}, "a", "b", "c", "d") == "yes"
    assert first({}, "a") is None


def test_nothing_is_known_at_first():
    assert Description() == Description(None, None, None, None, None, False)
