"""The numbers of lines."""

from __future__ import annotations

from imds_probe.inventory.code.forms.lines import Lines


def test_lines() -> None:
    lines = Lines("a\nb\n\nc")
    assert [lines.number(at) for at in range(6)] == [1, 1, 2, 2, 3, 4]
    assert lines.number(0) == 1, "also of a place before the last one"
    assert Lines("").number(0) == 1
