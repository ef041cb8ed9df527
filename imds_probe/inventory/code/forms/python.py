"""Python's source."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(
        line_comments=("#",),
        strings=(Quotes('"""', '"""', many=True), Quotes("'''", "'''", many=True), Quotes('"', '"'), Quotes("'", "'")),
        documents=True,
        blocks=False,
    ),
    re.compile(
        r"\b(?:urllib2?\.(?:request\.)?)?urlopen\((?:\s{0,20}(?:\w{1,20}\.){0,2}Request\()?|\burlretrieve\(|\b(?:requests|httpx|urllib3)\.(?:get|head|request)\("
    ),
    re.compile(
        r"\burlopen|\burllib(?!\.parse)|\brequests\b|\bhttpx\b|\baiohttp\b|HTTPConnection|\bhttplib|\bhttp\.client|\bpycurl\b"
        r"|\bsession\.(?:get|request|send)\(|\bcreate_connection\(|\.connect(?:_ex)?\(|\.request\("
    ),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form(
    "python", ends=(".py", ".pyw", ".wsgi", ".tac", ".pyx", ".xsh"), interpreters=("python", "pypy"), text=_judged
)
