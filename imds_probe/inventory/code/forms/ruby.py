"""Ruby's source."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_LANGUAGE = Language(
    Syntax(
        ("#",), (("\n=begin", "\n=end"),), (Quotes('"', '"'), Quotes("'", "'"), Quotes("`", "`")), data=("__END__",)
    ),
    re.compile(
        r"\bNet::HTTP\.get(?:_response)?\b|\bURI(?:\.parse\([^()]{0,200}\))?\.open\b|\bopen\(|\b(?:RestClient|HTTParty|Faraday|Excon)\.get\b"
    ),
    re.compile(r"\bNet::HTTP|open-uri|\bURI\b|\bopen\b|RestClient|HTTParty|Faraday|Excon|\bhttp_client|\.get\b"),
)


def _judged(text: str) -> Judged:
    return judged(text, _LANGUAGE)


FORM = Form("ruby", (".rb", ".rake", ".ru", ".rbw", ".thor", ".gemspec"), ("ruby", "jruby"), text=_judged)
