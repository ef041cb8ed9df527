"""PHP's source."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(("//", "#"), (("/*", "*/"),), (Quotes('"', '"'), Quotes("'", "'"), Quotes("`", "`")), tags=("<?", "?>")),
    re.compile(r"\b(?:file_get_contents|file|fopen|simplexml_load_file|readfile|copy)\("),
    re.compile(r"file_get_contents|\bfopen\(|curl_|\bfile\(|Guzzle|->get\(|->request\(|fsockopen|simplexml_load_file"),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form("php", (".php", ".phtml", ".inc", ".php5", ".php7", ".module"), ("php",), begins=(b"<?php",), text=_judged)
