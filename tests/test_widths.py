"""Columns of texts: wide letters, accents, and where a text is cut."""

from __future__ import annotations

import pytest

from imds_probe.widths import columns, within


@pytest.mark.parametrize(("text", "width"), [("", 0), ("plain", 5), ("容器", 4), ("e\u0301", 1), ("ﾊﾝ", 2)])
def test_how_wide_a_text_is(text, width):
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [("plain", 5, "plain"), ("plain", 3, "pla"), ("容器名", 5, "容器"), ("容器名", 6, "容器名"), ("a容", 2, "a")],
)
def test_what_is_cut_ends_with_a_whole_letter(text, most, shown):
    assert within(text, most) == shown
