"""The words of a command, as its program is given them."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_words import KEPT, in_quotes, words_at


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a 'b c' d\\ e", ["a", "b c", "d e"]),
        ('a "b \\"c\\" \\\\"', ["a", 'b "c" \\']),
        ("a$'b\\nc\\'d'", ["ab\nc'd"]),
        ("a \\\n  b\nc", ["a", "b"]),
        ("a | b", ["a"]),
        ("a; b", ["a"]),
        ("$(a b) c", ["$"]),
        ("a) b", ["a"]),
        ("a 2>&1 >/dev/null b", ["a", "b"]),
        ("a &> x b", ["a", "b"]),
        ("a & b", ["a"]),
        ('a ""', ["a", ""]),
        ("a 'b", ["a"]),
    ],
)
def test_words(command: str, words: list[str]) -> None:
    found = words_at(command, 0)
    assert [word.text for word in found.words] == words
    assert all(word.plain for word in found.words if "$" not in word.text)


def test_what_the_shell_puts_in_is_told_from_what_it_does_not() -> None:
    plain, open_, both = words_at("'$a' \"$b\" '$c'\"$d\"", 0).words
    assert (plain.text, plain.plain) == ("$a", True)
    assert (open_.text, open_.plain) == ("$b", False)
    assert (both.text, both.plain) == (f"{KEPT}$c$d", False)
    assert in_quotes('\\$a $b \\" \\x') == f'{KEPT}$a $b " \\x'


def test_what_is_fed_in() -> None:
    found = words_at("a - <<< 'b c' d", 0)
    assert found.fed is not None and found.fed.text == "b c"
    assert [word.text for word in found.words] == ["a", "-", "d"]
    found = words_at("a <<'E' <<-F b | c", 0)
    assert found.documents == [2, 8] and [word.text for word in found.words] == ["a", "b"]
    assert words_at("a < b", 0).input and not words_at("a > b", 0).input
    assert words_at("a 'b'; c", 0).end == 5
