"""Parts of a script that run in a shell of their own."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_scopes import SCOPES_MAX, has_last_here, scopes_of, within


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a; b && c || d\n", []),
        ("(a); b\n", ["a)"]),
        ("a | b; c\n", ["a ", " b"]),
        ("a |\nb\nc\n", ["a ", "b"]),
        ("a && b & c\n", ["a && b "]),
        ("a 2>&1 &> x >| y <<< z\n", []),
        ("x=$(a) y=`b` z=(c d)\n", ["a)", "b`"]),
        ('x="$(a "b)" )c" (d)\n', ['a "b)" )']),
        ("x=${y:-(a}; (b)\n", ["b)"]),
        ("if a; then b; fi | c\n", ["if a; then b; fi ", " c"]),
        ("while read x; do a; done < <(b)\n", ["b)"]),
        ("case $x in a) b;; (c|d) e;; esac | f\n", ["case $x in a) b;; (c|d) e;; esac ", "c", "c|d)", "d", " f"]),
        ("bash -c 'a (b)' c\n", ["'a (b)'"]),
        ('su - x -c "a $(b)"\n', ['a $(b)"', "b)"]),
        ("echo -c 'a' 'b | c'\n", []),
        ("cat <<'A' | b\n(c\nA\nd\n", ["cat <<'A' ", " b", "(c\n"]),
        ("f() { a; }\nfunction g\n{ (b); }\nf () ( c )\n", [" a; }", " (b); }", "b)", " c )", " c )"]),
        ("cat <<! <<'a b' <<c!\n(\n!\n'\na b\n)\nc!\n(d)\n", ["(\n", "\n'\n", "\n)\n", "d)"]),
        ("a: |\n  b\n- |+\n  c\n", []),
        ("(a; { b\n", []),
        ("a) b }\nfi done\n", []),
    ],
)
def test_each_is_found(text: str, parts: list[str]) -> None:
    found = [text[scope.begin : scope.end] for scope in scopes_of(text)]
    assert sorted(found) == sorted(parts)


def test_what_is_handed_to_another_shell_is_told() -> None:
    text = "sh -c 'a' \"b\"\nsh -c \"c\"\ncat <<E\nd\nE\ncat <<'E'\ne\nE\n"
    handed = {text[scope.begin : scope.end]: scope.plain for scope in scopes_of(text) if scope.handed}
    assert handed == {"'a'": True, 'c"': False, "d\n": False, "e\n": True}


def test_the_outermost_is_the_first() -> None:
    text = "f() { (a | b); }\n"
    around = list(within(scopes_of(text), text.index("a")))
    assert [scope.function for scope in around] == ["f", "", ""]
    assert around[1].end > around[2].end


def test_the_last_command_of_a_pipe_runs_here_in_some_shells() -> None:
    assert has_last_here("#!/usr/bin/env zsh\n")
    assert not has_last_here("#!/bin/bash\n# no ksh\n")
    assert [scope.end for scope in scopes_of("a | b\n", last_here=True)] == [2]


@pytest.mark.parametrize(
    "sign", ["'", '"', "(", "$(", "`", "{", "| ", "a &\n", "if ", "f() {", "<<A\n", "sh -c '", "   (", "\\\n"]
)
def test_there_is_an_end_to_signs(sign: str) -> None:
    """What is quadratic in their number takes minutes here."""
    assert len(scopes_of(sign * 40_000)) <= SCOPES_MAX
