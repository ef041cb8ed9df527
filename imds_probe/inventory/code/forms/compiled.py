"""Source of languages that are compiled: Java, Kotlin, Scala, Groovy, Go, Rust, C, C++ and C#. Some are run as they are."""

from __future__ import annotations

import re

from imds_probe.inventory.code.forms.form import Form, Judged
from imds_probe.inventory.code.forms.lexing import Quotes, Syntax
from imds_probe.inventory.code.forms.source import Language, judged

_SYNTAX = Syntax(
    ("//",), (("/*", "*/"),), (Quotes('"""', '"""', many=True), Quotes('"', '"'), Quotes("'", "'", letter=True))
)
_GO_SYNTAX = Syntax(
    ("//",), (("/*", "*/"),), (Quotes("`", "`", many=True, plain=True), Quotes('"', '"'), Quotes("'", "'", letter=True))
)
_JAVA = Language(
    _SYNTAX,
    re.compile(r"\.openStream\(|IOUtils\.toString\(|\.toURL\(\)\.(?:text|readText)|\.getText\(\)"),
    re.compile(
        r"\bURL\(|openStream|openConnection|HttpClient|HttpGet|HttpRequest|RestTemplate|OkHttp|IOUtils|WebClient"
    ),
)
_GO = Language(
    _GO_SYNTAX,
    re.compile(r"\bhttp\.(?:Get|Head)\("),
    re.compile(
        r"\bhttp\.(?:Get|Head|Post|Client|DefaultClient|Transport)\b|NewRequest|\bresty\b|\bnet\.(?:Dial|Dialer)\w{0,20}\b"
    ),
)
_RUST = Language(
    _SYNTAX,
    re.compile(r"\breqwest::(?:blocking::)?get\("),
    re.compile(r"reqwest|ureq|hyper|isahc|surf::|\.get\(|TcpStream|Request::"),
)
_C = Language(
    _SYNTAX,
    re.compile(r"\.(?:DownloadString|GetStringAsync)\("),
    re.compile(r"curl_|CURL|HttpClient|WebRequest|WebClient|connect\(|Http|http_|\bGet\w{0,20}\("),
)


def _java(text: str) -> Judged:
    return judged(text, _JAVA)


def _go(text: str) -> Judged:
    return judged(text, _GO)


def _rust(text: str) -> Judged:
    return judged(text, _RUST)


def _c(text: str) -> Judged:
    return judged(text, _C)


FORMS = (
    Form(
        "java",
        (".java", ".kt", ".kts", ".scala", ".groovy", ".gradle", ".jsp", ".jspx", ".gsp"),
        ("groovy", "kotlin", "scala"),
        text=_java,
    ),
    Form("go", (".go",), text=_go),
    Form("rust", (".rs",), text=_rust),
    Form("c", (".c", ".h", ".cc", ".cpp", ".hpp", ".cxx", ".cs"), text=_c),
)
