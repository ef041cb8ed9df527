"""Source of languages that have no module of their own: what makes a request in them is known by common words alone."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_COMPLETE = re.compile(r"\bInvoke-(?:RestMethod|WebRequest)\b|\b(?:irm|iwr)\s|\bhttp\.request\(|\bhttpc:request\(")
_ASKS = re.compile(r"http|fetch|request|socket|\bget\b|Invoke-|\burl\b|download", re.IGNORECASE)
_BOTH = (Quotes('"', '"'), Quotes("'", "'"))


def _form(syntax: Syntax, ends: tuple[str, ...], interpreters: tuple[str, ...]) -> Form:
    language = Language(syntax, _COMPLETE, _ASKS)

    def _judged(text: str) -> Judged:
        return judged(text, language)

    return Form("script", ends, interpreters, text=_judged)


_LUA = _form(
    Syntax(
        ("--",),
        (("--[[", "]]"), ("--[=[", "]=]"), ("--[==[", "]==]")),
        (Quotes("[[", "]]", many=True, plain=True), *_BOTH),
    ),
    (".lua",),
    ("lua", "luajit"),
)
# A "#" there begins a comment only where a command could begin.
_TCL = _form(
    Syntax(("#",), (), (Quotes('"', '"'),), apart=True), (".tcl", ".exp"), ("tclsh", "wish", "expect", "jimsh")
)
_HASHES = _form(
    Syntax(("#",), (), _BOTH),
    (".r", ".jl", ".ex", ".exs", ".awk", ".cr", ".nim", ".coffee", ".raku", ".p6"),
    ("Rscript", "julia", "elixir", "awk", "gawk", "mawk", "crystal"),
)
_POWERSHELL = _form(Syntax(("#",), (("<#", "#>"),), _BOTH), (".ps1", ".psm1"), ("pwsh", "powershell"))
_SEMICOLONS = _form(
    Syntax((";",), (("#|", "|#"),), (Quotes('"', '"'),)),
    (".clj", ".scm", ".lisp", ".lsp", ".rkt", ".ss"),
    ("guile", "sbcl", "clojure"),
)
_PERCENTS = _form(Syntax(("%",), (), _BOTH), (".erl",), ("escript",))
_SLASHES = _form(Syntax(("//",), (("/*", "*/"),), _BOTH), (".swift", ".dart"), ("swift", "dart"))
# Of a language that is not known, only what begins a line is taken for a comment.
FORM = _form(Syntax(("#", "--", "//", ";", "%"), (), _BOTH, apart=True), (), ())
FORMS = (_LUA, _TCL, _HASHES, _POWERSHELL, _SEMICOLONS, _PERCENTS, _SLASHES, FORM)
