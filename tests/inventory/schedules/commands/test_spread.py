"""What patterns and braces of a shell stand for."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import pytest

from imds_probe.inventory.schedules.commands.spread import LISTED_MAX, VARIANTS_MAX, alternatives, variants


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/d/*.sh", "x"), [("/d/a.sh", "x"), ("/d/b.sh", "x")]),
        (("sh", "/d/{c,a.sh}"), [("sh", "/d/c"), ("sh", "/d/a.sh")]),
        (("/d/*.none",), []),
        (("x", "*"), [("x", "*")]),
        (("x", '{"a":1,"b":2}'), [("x", '{"a":1,"b":2}')]),
        (("x", None), [("x", None)]),
        (("/d/{}",), [("/d/{}",)]),
    ],
)
def test_what_a_pattern_stands_for(words: tuple[str | None, ...], expected: list[tuple[str, ...]]) -> None:
    assert variants(words, lambda path: ("a.sh", "b.sh", ".c.sh", "c") if path == "/d" else ()) == expected


def test_there_is_an_end_to_it() -> None:
    many = [f"{number}.sh" for number in range(1000)]
    assert len(variants(("/d/*", "/d/*"), lambda _: many)) == VARIANTS_MAX + 1  # so that whoever asks can say so


TREE = {
    "/": ("srv",),
    "/srv": ("a", "b", ".c", "d1"),
    "/srv/a": ("run",),
    "/srv/b": ("run", "own"),
    "/srv/d1": ("run",),
}
PATHS = {f"{at.rstrip('/')}/{name}" for at, names in TREE.items() for name in names}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("/srv/*/run", ["/srv/a/run", "/srv/b/run", "/srv/d1/run"]),
        ("/*/[ab]/o*", ["/srv/b/own"]),
        ("/srv/[^ab]*/run", ["/srv/d1/run"]),
        ("/s*/../srv/b/own", ["/srv/../srv/b/own"]),
        ("./?/run", ["/srv/./a/run", "/srv/./b/run"]),
        ("/srv/.?/run", []),
        ("/srv/{a,*1}/run", ["/srv/a/run", "/srv/d1/run"]),
        ("/none/*/run", []),
    ],
)
def test_directories_may_have_patterns_too(word: str, expected: list[str]) -> None:
    def there(paths: Sequence[str]) -> list[str]:
        return [path for path in paths if posixpath.normpath(path) in PATHS]

    found = variants((word, "x"), lambda at: TREE.get(posixpath.normpath(at), ()), "/srv", there)
    assert found == [(each, "x") for each in expected]
    assert variants(("x", "/srv/*/run"), lambda at: TREE.get(at, ()), deep=False) == [("x", "/srv/*/run")]


def test_where_not_all_is_looked_at_there_are_too_many() -> None:
    many = [str(number) for number in range(LISTED_MAX + 1)]
    assert len(variants(("/d/*/*/x",), lambda _: many, there=lambda _: [])) == VARIANTS_MAX + 1
    assert variants(("/d/*/x",), lambda _: many, there=lambda _: []) == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("{a,b}/{c,d}", ["a/c", "a/d", "b/c", "b/d"]),
        ("{a,{b,c}}", ["a", "a", "b", "c"]),
        ("x{1..3}", ["x1", "x2", "x3"]),
        ("{3..2}{}", ["3{}", "2{}"]),
        ("{a}{b,c}", ["{a}b", "{a}c"]),
        ("a", ["a"]),
    ],
)
def test_braces(word: str, expected: list[str]) -> None:
    assert sorted(alternatives(word)) == sorted(expected)


def test_braces_have_an_end() -> None:
    assert len(alternatives("{1..99999}" * 20)) <= VARIANTS_MAX + 1
