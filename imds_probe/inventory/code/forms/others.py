"""Source of languages that have no module of their own: what makes a request in them is known by common words alone."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(("#", "--", "//"), (("<#", "#>"), ("--[[", "]]"), ("/*", "*/")), (Quotes('"', '"'), Quotes("'", "'"))),
    re.compile(r"\bInvoke-(?:RestMethod|WebRequest)\b|\b(?:irm|iwr)\s|\bhttp\.request\(|\bhttpc:request\("),
    re.compile(r"http|fetch|request|socket|\bget\b|Invoke-|\burl\b|download", re.IGNORECASE),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


_ENDS = (
    ".lua",
    ".tcl",
    ".exp",
    ".r",
    ".jl",
    ".ex",
    ".exs",
    ".erl",
    ".clj",
    ".ps1",
    ".psm1",
    ".awk",
    ".cr",
    ".nim",
    ".swift",
    ".dart",
)
_INTERPRETERS = (
    "lua",
    "luajit",
    "tclsh",
    "expect",
    "Rscript",
    "julia",
    "elixir",
    "escript",
    "pwsh",
    "awk",
    "gawk",
    "guile",
    "sbcl",
)
FORM = Form("script", _ENDS, _INTERPRETERS, text=_judged)
