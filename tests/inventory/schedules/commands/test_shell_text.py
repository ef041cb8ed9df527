from __future__ import annotations

import time

import pytest

from imds_probe.inventory.schedules.commands import shell_text
from imds_probe.inventory.schedules.commands.recent import Recent
from imds_probe.inventory.schedules.commands.shell_text import TOKENS_MAX, Substituted, Token, Variable, Word, tokens


def said(token: Token) -> object:
    """An operator or a plain word as a text, any other word as its parts."""
    if isinstance(token, Word):
        return token.parts if token.plain is None else f"<{token.plain}>"
    return token


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b;c&&d||e|f&", ["<a>", "<b>", ";", "<c>", "&&", "<d>", "||", "<e>", "|", "<f>", "&"]),
        ("a\nb # c; d\n#e\n", ["<a>", "\n", "<b>", "\n", "\n"]),
        ("a#b", ["<a#b>"]),
        ("'a b'\"c d\"e\\ f", ["<a bc de f>"]),
        ('"a\\"b\\n\\\\"', ['<a"b\\n\\>']),
        ("a \\\nb", ["<a>", "<b>"]),
        ("''", ["<>"]),
        ("(a)", ["(", "<a>", ")"]),
        ("a >x 2>&1 <y &>>z 3<>q b", ["<a>", "<y>", "<b>"]),
        ("a >", ["<a>"]),
        ("a 2 >x", ["<a>", "<2>"]),
        ("a <<E b\nc $(d)\nE\ne", ["<a>", ("c ", Substituted("d"), "\n"), "<b>", "\n", "<e>"]),
        ("a <<-'E'\n\tc $d\n\tE\ne", ["<a>", "<\tc $d\n>", "\n", "<e>"]),
        ("a <<E <<F\nb\nE\nc\nF\ne", ["<a>", "<b\n>", "<c\n>", "\n", "<e>"]),
        ("a <<E\nnever ends", ["<a>", "<never ends>", "\n"]),
        ("a <<E", ["<a>"]),
        ("a >x <<E\nb\nE\nc >y", ["<a>", "<x>", "<b\n>", "\n", "<c>"]),
        ("a <<<b c", ["<a>", "<b>", "<c>"]),
        ("$A", [(Variable("A", False),)]),
        ('"$A"', [(Variable("A", True),)]),
        ("x${A}y", [("x", Variable("A", False), "y")]),
        ("${A:-b}", [(Variable("A", False, ("b",)),)]),
        ("${A-\"b $B\"'c'}", [(Variable("A", False, ("b ", Variable("B", True), "c")),)]),
        ('"${A:-"$B"/c\'}"', [(Variable("A", True, (Variable("B", True), "/c'")),)]),
        ("${A:=~/b}", [(Variable("A", False, (Variable("~", True), "/b"), assigned=True),)]),
        ("a >${A:-$(b)}", ["<a>", (Substituted("b"),)]),
        ("${A[0]}", [(Variable("A", False),)]),
        ("~/a ~b", [(Variable("~", True), "/a"), (Variable("~b", True),)]),
        ("A=~:x:~b/c", [("A=", Variable("~", True), ":x:", Variable("~b", True), "/c")]),
        (r"a~ x=~$A ~+ '~' \~ --a=~", ["<a~>", ("x=~", Variable("A", False)), "<~+>", "<~>", "<~>", "<--a=~>"]),
        ("${A%[x]}", [(Substituted(""),)]),
        ("$1 $? $", [(Variable("1", False),), (Variable("?", False),), "<$>"]),
        ("$(a b)", [(Substituted("a b"),)]),
        ("x$(a \"$(b ')')\")y", [("x", Substituted("a \"$(b ')')\""), "y")]),
        ("`a \\`b\\``", [(Substituted("a `b`"),)]),
        ("$((1 + 2))", [(Substituted(""),)]),
        ("a <(b c)", ["<a>", (Substituted("b c"),)]),
        ("a >$(b)", ["<a>", (Substituted("b"),)]),
        ("$'a b'", ["<a b>"]),
        ("'open", ["<open>"]),
        ('"open', ["<open>"]),
        ("$(open", [(Substituted("open"),)]),
        ("${open", [(Variable("open", False),)]),
        ("a\\", ["<a>"]),
    ],
)
def test_tokens(text: str, expected: list[object]) -> None:
    assert [said(token) for token in tokens(text)] == expected


@pytest.mark.parametrize(
    "sign",
    [
        "$(",
        "`",
        "${",
        "${A:-",
        "a=~:",
        "(",
        ")",
        "<(",
        "<<",
        "'",
        '"',
        "\\",
        "$",
        "a",
        " ",
        "\n",
        "<<E\n",
        '"$(',
        "&",
        ">",
    ],
)
def test_time_is_in_proportion_to_the_length(sign: str) -> None:
    began = time.process_time()
    assert len(list(tokens(sign * 20_000))) <= TOKENS_MAX
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "line",
    ["cat <<E", "a 'open", 'b "open', "c $(open", "d `open", "e ${open", "f $((1", "g \\", "h <(i", "# 'j", "k && l"],
)
@pytest.mark.parametrize("before", ["", "x y\n", "z <<E\n"])
def test_a_line_is_read_by_what_it_stands_among_whatever_was_read_before(
    monkeypatch: pytest.MonkeyPatch, before: str, line: str
) -> None:
    texts = [
        f"{before}{line}\n",
        f"{before}{line}\nE\n' \" ) ` }} ))\nmore\n",
        f"'\n{line}\n' {line}\n",
        f"{line}\n{line}\n",
    ]
    first = [list(tokens(text)) for text in texts]
    for at, text in enumerate(texts):
        monkeypatch.setattr(shell_text, "_LINES", Recent(TOKENS_MAX))
        alone = list(tokens(text))
        assert first[at] == alone
        assert list(tokens(text)) == alone


def test_the_file_that_standard_input_is() -> None:
    words = [token for token in tokens("a <x 0< y 3<z 2>q <<<r") if isinstance(token, Word)]
    assert [word.plain for word in words if word.fed and not word.content] == ["x", "y"]
    assert [word.plain for word in words if word.content] == ["r"]
