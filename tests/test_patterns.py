"""No text can keep a regular expression of the program busy for longer than in proportion to its length."""

from __future__ import annotations

import re

import pytest
from patterns import PACKAGE, SIZES, Use, grows, uses

ALL = uses()


@pytest.mark.parametrize("use", ALL, ids=lambda use: use.where)
def test_each_pattern_is_linear(use: Use) -> None:
    assert grows(use) == ""


def test_all_are_found() -> None:
    """By another way to look for them: as text."""
    written = re.compile(r"\bre\.(?:compile|match|fullmatch|search|subn?|split|findall|finditer)\(|\bpattern=r?\"")
    files = {str(file.relative_to(PACKAGE)): len(written.findall(file.read_text())) for file in PACKAGE.rglob("*.py")}
    assert {use.where.partition(":")[0] for use in ALL} == {file for file, count in files.items() if count}
    assert len({use.where for use in ALL}) == sum(files.values())
    assert not [file for file in PACKAGE.rglob("*.py") if "from re import" in file.read_text()]
    assert len(ALL) > 100 and SIZES[-1] == 4096


@pytest.mark.parametrize(
    ("pattern", "flags", "function"),
    [
        (r"(a+)+b", 0, "match"),
        (r"(?:a|a)*b", 0, "fullmatch"),
        (r"^\s*(?:\[|@)", re.MULTILINE, "search"),
        (r"a+b", 0, "search"),
        (r"x(\w+)\s*(\w+);", 0, "match"),
        (r"(?i)((?:^|[-_\w.]*)(?:pwd|token)[-_\w]*[=:]\s*)(.+)", re.DOTALL, "sub"),
        (r"-{1,2}[-\w]*(?:pass(?:word|wd)?|pwd)", 0, "search"),
        (rb"field:[^;]*?(\w+);", 0, "match"),
        (r"[a-z]{2,}(-[a-z]+)*[-a-z]+\d", 0, "fullmatch"),
    ],
)
def test_one_that_is_not_is_noticed(pattern: str | bytes, flags: int, function: str) -> None:
    assert grows(Use("here", pattern, flags, (function,)))


@pytest.mark.parametrize(
    ("pattern", "function"),
    [
        (r"[a-z]+(-[a-z]+)+\d", "fullmatch"),
        (r"a{1,64}b", "search"),
        (r"(?<!a)a+b", "search"),
        (r"[^\x20-\x7e]", "sub"),
        (r"(?:.{0,300}/)?x", "match"),
    ],
)
def test_one_that_is_passes(pattern: str, function: str) -> None:
    assert grows(Use("here", pattern, 0, (function,))) == ""
