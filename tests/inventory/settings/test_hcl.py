from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soon import cpu_s

from imds_probe.inventory.settings.hcl import EXPRESSION, hcl_document


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("", {}),
        ("a = 1", {"a": ["1"]}),
        ("a = true\nb = null", {"a": [True], "b": [None]}),
        ('a = "x" # y\n// z\n/* a = 2 */ b = ""', {"a": ["x"], "b": [""]}),
        ('a = ["x", [1],\n {b = 2, c: 3}]', {"a": [["x", ["1"], {"b": ["2"], "c": ["3"]}]]}),
        ('a "b" {\n c = 1\n}\na "b" { }', {"a": [{"b": [{"c": ["1"]}]}, {"b": [{}]}]}),
        ('a.b "c" {\n}', {"a": [{"b": [{"c": [{}]}]}]}),
        ('"a.b" = 1', {"a.b": ["1"]}),
        ("a = <<-EOT\n  }\n  EOT\nb = 1", {"a": [EXPRESSION], "b": ["1"]}),
        ('a = "x" + b\nc = f("y", [1])\nd = e.f', {key: [EXPRESSION] for key in "acd"}),
        ("a = f(\n  1,\n  { b = 2 },\n)\nc = 1", {"a": [EXPRESSION], "c": ["1"]}),
        ('a = "\\"x\\""', {"a": ['"x"']}),
        ("a = -1\nb = 1.5", {"a": ["-1"], "b": ["1.5"]}),
        ("a {\n b = 1 }", {"a": [{"b": ["1"]}]}),
    ],
)
def test_what_stands_there(text: str, document: object) -> None:
    assert hcl_document(text) == document


@pytest.mark.parametrize("text", ["a {", "a = [1", "a = {b = 1", 'a "b" {\n c {}\n'])
def test_what_is_not_closed_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="not closed"):
        hcl_document(text)


@given(st.text(alphabet='ab.=[]{}()<>-"\\/*#$,\n 1EOT', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(hcl_document(text), dict)


@pytest.mark.parametrize("piece", ['"', '"\\', "/*", "<<A\n", "a", "a=[", "a{", "a=", "{", "[1,", "a=(", "a=b("])
def test_long_texts_take_time_in_proportion(piece: str) -> None:
    started = cpu_s()
    with contextlib.suppress(ValueError, RecursionError):
        hcl_document(piece * 50_000)
    assert cpu_s() - started < 10
