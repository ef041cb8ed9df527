"""Perl's source."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_MANUAL = tuple((f"\n={word}", "\n=cut") for word in ("pod", "head", "over", "item", "begin", "encoding", "for"))
_LANGUAGE = Language(
    Syntax(("#",), (("\n__END__", "\0\0"), *_MANUAL), (Quotes('"', '"'), Quotes("'", "'"), Quotes("`", "`"))),
    re.compile(r"->get\(|(?<![\w>:$])get(?:store|print)?\(|\bgetstore\("),
    re.compile(r"\bHTTP::|\bLWP\b|->get\(|\bget\(|IO::Socket|->request\(|\bcurl\b|WWW::|Mojo::UserAgent|Net::"),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form("perl", (".pl", ".pm"), ("perl",), text=_judged)
