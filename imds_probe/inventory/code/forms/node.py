"""JavaScript and TypeScript, also as bundlers and minifiers leave them.

Source: AWS SDK for JavaScript 3, package ec2-metadata-service, whose client of the same name as version 2's asks by token itself.
"""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(
        ("//",),
        (("/*", "*/"),),
        (Quotes("`", "`", many=True), Quotes('"', '"'), Quotes("'", "'")),
        patterns=True,
    ),
    re.compile(r"(?<![.\w])(?:fetch|axios(?:\.get)?|got(?:\.get)?|needle\.get|superagent\.get|https?\.get)\("),
    re.compile(
        r"\bfetch\(|\baxios\b|\bgot[.(]|\bneedle\b|\bsuperagent\b|\bhttps?\.(?:get|request)\(|\brequest\(|XMLHttpRequest|\bundici\b"
        r"|\bnet\.(?:connect|createConnection)\("
    ),
    client_by_token="ec2-metadata-service",
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form(
    "node",
    (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".vue", ".svelte"),
    ("node", "nodejs", "deno", "bun"),
    text=_judged,
)
