"""JSON on one line, within its bounds whatever the names are made of."""

from __future__ import annotations

import json

import pytest

from imds_probe.render.one_line import cut, encoded, fitted

HOSTILE = ("x" * 500, "\U0001f600" * 100, "\x00\x1b\n" * 100, '\\"' * 200, "\udce4" * 100)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_takes_no_more_than_it_may(text):
    for limit in (10, 60, 61, 62):
        made = cut(text, limit)
        assert len(json.dumps(made)) - 2 <= limit
        assert made.endswith("...") and text.startswith(made[:-3])
    assert cut("short", 5) == "short"


def test_entries_have_room_or_are_counted():
    entries = [{"name": f"{number:04}"} for number in range(100)]
    line = fitted({"a": 1}, "entries", entries, 300, beside=5)
    assert len(line) <= 300
    read = json.loads(line)
    assert read["entries"] == entries[: len(read["entries"])] != []
    assert read["entries_left_out"] == 105 - len(read["entries"])
    assert len(fitted({}, "entries", [*entries, {"name": "x"}], len(line) + 20)) > 300 - 20


def test_it_is_one_line_of_ascii():
    line = encoded({"name": "a\nb\u2028ä"})
    assert line.isascii() and len(line.splitlines()) == 1
