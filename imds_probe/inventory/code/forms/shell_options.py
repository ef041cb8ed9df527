"""The arguments of curl, wget and their like that are no addresses to ask: data, headers, names of files."""

from __future__ import annotations

import re

_OPTION_WORD = re.compile(r"(?:\\.|\"(?:[^\"\\]|\\.){0,1900}\"|'[^']{0,1900}'|[^\s\"'\\]){1,2000}", re.DOTALL)
_CURL_LONG = frozenset(
    (
        *("data", "data-raw", "data-binary", "data-urlencode", "data-ascii", "json", "form", "form-string", "header"),
        *("user-agent", "referer", "noproxy", "output", "write-out", "user", "cookie", "cookie-jar", "proxy-header"),
        *(
            "url-query",
            "dump-header",
            "output-dir",
            "stderr",
            "trace",
            "trace-ascii",
            "cacert",
            "cert",
            "key",
            "max-time",
        ),
    )
)
_WGET_LONG = frozenset(
    (
        *("post-data", "body-data", "post-file", "body-file", "header", "user-agent", "referer", "output-document"),
        *("output-file", "append-output", "execute", "directory-prefix", "user", "password"),
    )
)
_CURL_SHORT, _WGET_SHORT = "dFHAeowubcDm", "OoaeUPtTw"
_CHECKS, _CHECK_SHORT = ("check_http", "check_curl"), "kAasrRdPtwcefmMNTx"  # of Nagios: -H is the host there
_ITEM = re.compile(r"[\"']?[\w.-]{1,60}(?::=|==|=|:)(?!//).{0,1900}", re.DOTALL)  # of httpie: a field, or a header
_OPTION_HEADER = re.compile(
    r"(?<![\w-])(?:-[a-zA-Z]{0,8}H|--header)[ \t=]{0,5}(\"(?:[^\"\\]|\\.){0,900}\"|'[^']{0,900}'|[^\s\"']{1,900})"
)
_OPTION_NAMED = re.compile(r"[\"']?[\w-]{1,60}[:;]")
_OPTION_METHOD = re.compile(
    r"\bPUT\b|\s(?:-[a-zA-Z]{0,8}T|--upload-file)\b|-X[ \t]{0,5}[\"']?\$|--(?:request|method)[ =][\"']?\$"
)
_UNKNOWN_METHOD = re.compile(r"\$\{?(?:@|\*|\w{0,60}(?:opt|arg|method|verb|put|token|curl)\w{0,60})", re.IGNORECASE)
_OPTION_TTL = re.compile(r"ttl-seconds", re.IGNORECASE)
# What may hold the header: a variable, a command's output, a file.
_OPEN = re.compile(
    r"(?:-[a-zA-Z]{0,8}H|--header)[ \t=]{0,5}[\"']?[$@`]|-K|--config\b|\$\{?[@*]|\$\{?\w{0,60}(?:header|hdr|ttl|opt|arg)",
    re.IGNORECASE,
)
NO_PUT, NO_TTL = "latest/api/token without PUT", "latest/api/token without a TTL"
LONG_TTL, TTL_MAX_S = "latest/api/token with a TTL above 6 hours", 21600
_TTL_VALUE = re.compile(r"ttl-seconds[\"'`\]]{0,3}[ \t]{0,5}(?:[:=,]|=>|,)[ \t]{0,5}[\"'`]?(\d{1,12})\b", re.IGNORECASE)


def targets(command: str) -> str:
    """A command of the same length with blanks for arguments that it does not ask. It begins with the tool."""
    parts, at, blank_next = [], 0, False
    tool = ""
    for match in _OPTION_WORD.finditer(command):
        word = match[0]
        if not tool:
            tool = word.strip("\"'").rpartition("/")[2]
            continue
        begin, blank_next_word = match.start(), False
        cut = -1
        if blank_next:
            cut = begin
        elif tool in ("http", "https", "xh"):
            cut = begin if _ITEM.fullmatch(word) else -1
        elif word.startswith("--"):
            name, sign, _ = word[2:].partition("=")
            if name in (_WGET_LONG if tool.startswith("wget") else _CURL_LONG):
                cut = begin + 2 + len(name) if sign else -1
                blank_next_word = not sign
        elif word.startswith("-"):
            short = _WGET_SHORT if tool.startswith("wget") else _CHECK_SHORT if tool in _CHECKS else _CURL_SHORT
            place = next((index for index, sign in enumerate(word[1:12], 1) if not sign.isalnum() or sign in short), 0)
            if place and word[place] in short:
                cut = begin + place + 1 if len(word) > place + 1 else -1
                blank_next_word = len(word) == place + 1
        if cut >= 0:
            parts += [command[at:cut], re.sub(r"[^\n]", " ", command[cut : match.end()])]
            at = match.end()
        blank_next = blank_next_word
    return "".join((*parts, command[at:]))


def headers(command: str) -> list[str]:
    """The headers that a command is given, as they are written."""
    return _OPTION_HEADER.findall(command)


def has_name(header: str) -> bool:
    """Whether a header's own name is written out."""
    return _OPTION_NAMED.match(header) is not None


def is_ttl_long(text: str) -> bool:
    """Whether each time to live in a text is longer than the service takes."""
    values = [int(match[1]) for match in _TTL_VALUE.finditer(text)]
    return bool(values) and min(values) > TTL_MAX_S


def why_refused(command: str) -> str:
    """Why the service refuses a request for a token, as a word to show; empty where it answers, or only running tells."""
    if _OPTION_METHOD.search(command):
        if is_ttl_long(command):
            return LONG_TTL
        return "" if _OPTION_TTL.search(command) or _OPEN.search(command) else NO_TTL
    return "" if _UNKNOWN_METHOD.search(command) else NO_PUT
