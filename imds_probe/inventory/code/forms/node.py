"""JavaScript and TypeScript, also as bundlers and minifiers leave them.

Source: AWS SDK for JavaScript 2.1692.0, lib/metadata_service.js: request() hands on the headers that it is given, and no token.
"""

from __future__ import annotations

import re
from dataclasses import replace

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


# By which a program asks for any path, without a word of where the service is. That of version 3 asks by token itself.
_BY_SDK = re.compile(r"\bnew\s{1,10}(?:\w{1,40}\.){0,3}MetadataService\s{0,10}\(")
_ITSELF = "ec2-metadata-service"


def _judged(text: str) -> Judged:
    found = judged(text, _LANGUAGE)
    if found.evidence.path and _BY_SDK.search(text) and _ITSELF not in text:
        return replace(found, evidence=replace(found.evidence, service=True))
    return found


FORM = Form("node", (".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx"), ("node", "nodejs", "deno", "bun"), text=_judged)
