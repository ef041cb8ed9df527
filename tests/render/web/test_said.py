import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.render.web.said import SHOWN_MAX, plain, said

HEBREW = "\u05e9\u05dc\u05d5\u05dd"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-17", "web-17"),
        ("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
        ("a\u202eb\x00\n", r"a\u202eb\x00\n"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("\ud800", r"\ud800"),
        (f"to {HEBREW} and on", f"to <bdi>{HEBREW}</bdi> and on"),
        (f"{HEBREW} {HEBREW} 1 x", f"<bdi>{HEBREW} {HEBREW}</bdi> 1 x"),
        (f"<{HEBREW}>", f"&lt;<bdi>{HEBREW}</bdi>&gt;"),
        ("caf\u00e9", "caf\u00e9"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + r"\u0301" * 2),
    ],
)
def test_text_stays_text(text, shown):
    assert said(text) == shown


def test_what_is_too_long_is_cut_and_says_so():
    shown = said("<" * 10_000_000)
    assert shown.startswith("&lt;" * SHOWN_MAX + '<span class="cut">')
    assert shown.endswith("(the first 2,000 of 10,000,000 characters)</span>")
    assert plain("x" * 30, 10) == "x" * 10 + "…"
    assert plain("a\u202eb", 10) == r"a\u202eb"


@given(st.text())
def test_whatever_it_is_only_our_own_markup_comes_out(text):
    shown = str(said(text))
    without = re.sub(r"</?bdi>", "", shown)
    assert not re.search(r"[<>\"']", without)
    visible = html.unescape(without)
    assert all(character.isprintable() for character in visible)
    assert not any(
        unicodedata.bidirectional(character) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI")
        for character in visible
    )
