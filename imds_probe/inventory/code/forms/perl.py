"""Perl's source."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_MANUAL = tuple((f"\n={word}", "\n=cut") for word in ("pod", "head", "over", "item", "begin", "encoding", "for"))
_LANGUAGE = Language(
    Syntax(("#",), _MANUAL, (Quotes('"', '"'), Quotes("'", "'"), Quotes("`", "`")), data=("__END__", "__DATA__")),
    re.compile(r"->get\(|(?<![\w>:$])get(?:store|print)?\(|\bgetstore\("),
    re.compile(r"\bHTTP::|\bLWP\b|->get\(|\bget\(|IO::Socket|->request\(|\bcurl\b|WWW::|Mojo::UserAgent|Net::"),
)


# A text that is replaced, and what by, or that is looked for: nothing there is asked. Slashes are in every address, and begin no
# such pattern with one.
_REPLACES = re.compile(
    r"(?<![\w$@%&>:-])s([#|!,~%@])(?:\\.|(?!\1)[^\\\n]){0,400}\1(?:\\.|(?!\1)[^\\\n]){0,400}\1"
    r"|(?<![\w$@%&>:-])s/(?:\\.|[^\\/\n]){0,400}/(?:\\.|[^\\/\n]){0,400}/"
    r"|(?<![\w$@%&>:-])s\{[^{}\n]{0,400}\}[ \t]{0,5}\{[^{}\n]{0,400}\}"
)
_LOOKS_FOR = re.compile(
    r"(?<![\w$@%&>:-])(?:m|qr)([#|!~%@])(?:\\.|(?!\1)[^\\\n]){0,400}\1"
    r"|(?<![\w$@%&>:-])(?:m|qr)(?:\{[^{}\n]{0,400}\}|/(?:\\.|[^\\/\n]){0,400}/)"
)
_LOOKS_FOR_AFTER = re.compile(
    r"([=!]~[ \t]{0,5}|\b(?:if|unless|and|or|not)[ \t]{1,5}|\b(?:if|unless|split)[ \t]{0,5}\([ \t]{0,5})/(?:\\.|[^\\/\n]){0,400}/"
)


def _judged(text: str) -> Judged:
    for pattern in (_REPLACES, _LOOKS_FOR):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    text = _LOOKS_FOR_AFTER.sub(lambda match: match[1] + " " * (len(match[0]) - len(match[1])), text)
    return judged(text, _LANGUAGE)


FORM = Form("perl", (".pl", ".pm", ".psgi", ".plx"), ("perl",), text=_judged)
