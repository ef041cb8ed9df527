"""Columns of texts: wide letters, accents, and where a text is cut."""

from __future__ import annotations

import pytest

from imds_probe.widths import columns, padded, within, within_end


@pytest.mark.parametrize(("text", "width"), [("", 0), ("plain", 5), ("容器", 4), ("e\u0301", 1), ("ﾊﾝ", 2)])
def test_how_wide_a_text_is(text, width):
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("plain", 5, "plain"), ("plain", 3, "pla"), ("容器名", 5, "容器"), ("容器名", 6, "容器名"), ("a容", 2, "a")],
)
def test_what_is_cut_ends_with_a_whole_letter(text, most, shown):
    assert within(text, most) == shown


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("plain", 5, "plain"),
        ("plain", 3, "ain"),
        ("容器名", 5, "器名"),
        ("ae\u0301b", 1, "b"),
        ("e\u0301b", 2, "e\u0301b"),
        ("ab", 0, ""),
    ],
)
def test_what_is_cut_in_front_begins_with_a_whole_letter(text, most, shown):
    assert within_end(text, most) == shown


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("容", 4, "容  "), ("e\u0301", 2, "e\u0301 "), ("long", 2, "long")]
)
def test_what_is_padded_takes_that_many_columns(text, width, shown):
    assert padded(text, width) == shown
