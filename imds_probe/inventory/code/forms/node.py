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
        r"\bfetch\(|\baxios\b|\bgot\b|\bneedle\b|\bsuperagent\b|\bhttps?\b|\brequest\b|\.get\(|XMLHttpRequest|\bundici\b"
    ),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form("node", (".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx"), ("node", "nodejs", "deno", "bun"), text=_judged)
