"""Comments, strings, documentation and statements of source texts."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from imds_probe.inventory.code.forms import compiled, lexing, node, perl, php, python, ruby
from imds_probe.inventory.code.forms.lexing import Layout, Syntax

PYTHON, NODE, RUBY = python._LANGUAGE.syntax, node._LANGUAGE.syntax, ruby._LANGUAGE.syntax
PERL, PHP, RUST, GO = perl._LANGUAGE.syntax, php._LANGUAGE.syntax, compiled._RUST.syntax, compiled._GO.syntax


PARTS = (
    "'",
    "''",
    '""',
    '"""',
    "/*",
    "#",
    "//",
    "(",
    "{",
    ")",
    "\\",
    "\n",
    "'\\",
    "`",
    "\n=head",
    "a='",
    "'''\"",
    ";{",
)


def laid_out(text: str, syntax: Syntax) -> Layout:
    layout = lexing.laid_out(text, syntax)
    assert layout is not None
    return layout


@pytest.mark.parametrize(
    ("syntax", "text", "kind"),
    [
        (PYTHON, "x = 1  # here", "comment"),
        (PYTHON, "x = 'here'", "string"),
        (PYTHON, "x = 'it\\'s here'", "string"),
        (PYTHON, "x = f'''a\nhere'''", "string"),
        (PYTHON, '"""a\n\nhere"""', "document"),
        (PYTHON, "def f():\n    'here'\n", "document"),
        (PYTHON, "f(\n    'here')", "string"),
        (PYTHON, "x = 'a#b'; here", "code"),
        (PYTHON, "x = 'never ends\nhere", "code"),
        (NODE, "a // here", "comment"),
        (NODE, "a /* x\nhere */", "comment"),
        (NODE, "a = `x\nhere`", "string"),
        (NODE, "a = 'http://here'", "string"),
        (NODE, "a = /'/; // x\nhere", "code"),
        (NODE, "get(http://here)", "code"),
        (RUBY, "x # here", "comment"),
        (RUBY, '"#{a} here"', "string"),
        (RUBY, "x\n=begin\nhere\n=end\ny", "comment"),
        (PERL, "my $#a = 1; here", "code"),
        (PERL, "x;\n\n=head1 A\n\nhere\n\n=cut\n", "comment"),
        (PERL, "x;\n__END__\nhere", "comment"),
        (PHP, "# here", "comment"),
        (RUST, "fn f<'a>() { here }", "code"),
        (RUST, "'\"'; here", "code"),
        (GO, "x := `a\\`; here", "code"),
    ],
)
def test_what_is_at_a_place(syntax: Syntax, text: str, kind: str) -> None:
    layout = laid_out(text, syntax)
    assert layout.region(text.index("here"))[2] == kind
    assert len(layout.masked) == len(layout.code) == len(text)
    assert ("here" in layout.masked) == (kind == "code") and ("here" in layout.code) == (kind in ("code", "string"))


@pytest.mark.parametrize(
    ("syntax", "text", "statement"),
    [
        (PYTHON, "a = 1\nget(\n  here,\n  {'x': 1},\n)\nb = 2\n", "get(\n  here,\n  {'x': 1},\n)\n"),
        (PYTHON, "a = 1; here = 2; c = 3", " here = 2;"),
        (PYTHON, "x = 'a'\nhere\n", "here\n"),
        (PYTHON, "x = 'a+'\nhere\n", "here\n"),
        (NODE, "x =\n  here\n", "x =\n  here\n"),
        (PYTHON, "x = y \\\n  + here\nz", "x = y \\\n  + here\n"),
        (NODE, "a();\nfetch(u, {\n  h: here\n}).then(x);\nb()", "fetch(u, {\n  h: here\n}).then(x);"),
        (NODE, "(function () { a(); here(); b() })()", " here();"),
        (NODE, "const o = {\n  a: here,\n}\nb()", "const o = {\n  a: here,\n}\n"),
        (NODE, "axios\n  .get(here)\n  .then(x)\nb()", "axios\n  .get(here)\n  .then(x)\n"),
        (RUST, "fn f() { a(); here() }", " here() "),
    ],
)
def test_a_statement(syntax: Syntax, text: str, statement: str) -> None:
    begin, end = laid_out(text, syntax).statement(text.index("here"))
    assert text[begin:end] == statement


def test_a_minified_script_has_no_comments() -> None:
    text = "a=/'\\/\\//;" * 1000 + "here"
    assert laid_out(text, NODE).region(text.index("here"))[2] == "code"


@pytest.mark.parametrize("syntax", [PYTHON, NODE, RUST])
@pytest.mark.parametrize("part", PARTS)
def test_time_is_in_proportion(syntax: Syntax, part: str) -> None:
    def seconds(characters: int) -> float:
        text = part * (characters // len(part))
        began = time.thread_time()
        lexing.laid_out(text, syntax)
        return time.thread_time() - began

    # A search to the text's end at each sign is quick at first: it shows in long texts alone.
    short, long = 10_000, 120_000
    if seconds(long) > 0.25:
        assert min(seconds(long) for _ in range(3)) < 40 * min(seconds(short) for _ in range(3))


def test_what_is_nested_too_deep_is_read_on() -> None:
    text = "(" * (lexing.DEPTH_MAX + 10) + "'here'"
    assert laid_out(text, NODE).region(text.index("here"))[2] == "string"


@pytest.mark.parametrize("part", ["''", ";"])
def test_a_text_with_too_much_in_it(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexing, "REGIONS_MAX", 50)
    monkeypatch.setattr(lexing, "SIGNS_MAX", 50)
    assert lexing.laid_out(part * 50, NODE) is not None
    assert lexing.laid_out(part * 51, NODE) is None


def test_a_bundle_of_many_pieces_takes_little_more_than_its_text() -> None:
    text = 'x={"name":"value", "other":"more of it"};\n' * 20_000
    tracemalloc.start()
    try:
        laid_out(text, NODE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The text itself, two of its length, and three numbers of 8 bytes for each of its 5 strings in 42 characters.
    assert peak < 18 * len(text)
