"""JavaScript and TypeScript, also as bundlers and minifiers leave them."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(("//",), (("/*", "*/"),), (Quotes("`", "`", many=True), Quotes('"', '"'), Quotes("'", "'"))),
    re.compile(r"(?<![.\w])(?:fetch|axios(?:\.get)?|got(?:\.get)?|needle\.get|superagent\.get|https?\.get)\("),
    re.compile(
        r"\bfetch\(|\baxios\b|\bgot[.(]|\bneedle\b|\bsuperagent\b|\bhttps?\.(?:get|request)\(|\brequest\(|XMLHttpRequest|\bundici\b"
        r"|\bnet\.(?:connect|createConnection)\("
    ),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form("node", (".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx"), ("node", "nodejs", "deno", "bun"), text=_judged)
