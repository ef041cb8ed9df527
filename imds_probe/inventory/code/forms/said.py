"""Whether a string of a source text is only said, or handed to somebody else: printed, raised, a help text, data for another
host, a setting for an SDK that asks by itself, a port that is only tried.

A constant counts as said where each use of it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from imds_probe.inventory.code.forms import context
from imds_probe.inventory.code.forms.denied import each_of, opener_of
from imds_probe.inventory.code.forms.lexing import Layout
from imds_probe.inventory.code.words import is_service

USES_MAX = 50  # of one name
BRACKETS_MAX = 5
BACK_MAX = 1500  # characters before a string in which its call begins
_SAID_NAME = re.compile(r"([\w$][\w$.:?!-]{0,80})\s{0,5}\Z")
_SAYING = frozenset(
    (
        *(
            "print",
            "println",
            "printf",
            "eprintln",
            "eprint",
            "fprintf",
            "errorf",
            "log",
            "info",
            "debug",
            "warn",
            "warning",
        ),
        *(
            "error",
            "critical",
            "exception",
            "fatal",
            "fatalf",
            "fatalln",
            "infof",
            "warnf",
            "debugf",
            "puts",
            "echo",
            "say",
        ),
        *("die", "secho", "pprint", "errors.new"),
    )
)
_SAYS_TO = re.compile(r"(?:stderr|stdout)\.write")
_FAILURE = re.compile(r"\w{0,60}(?:Error|Exception|SystemExit)")
# What is put in their place, or written as text, is said where these are.
_MAKING_TEXT = frozenset(
    (
        *("format", "join", "str", "string", "repr", "dumps", "stringify", "quote", "encode", "sprintf"),
        *("b64decode", "decode64", "strict_decode64", "base64_decode", "decode_base64", "atob", "from"),
    )
)
_ALONE = frozenset(("puts", "print", "echo", "say", "warn", "die", "raise", "abort", "throw", "p", "<?="))
_RAISED = re.compile(r"\s{0,400}(?:raise|throw)\b")
_HELP_BEFORE = re.compile(
    r"\b(?:help|description|epilog|usage|metavar|summary|example|placeholder|hint|message|msg|label|tooltip|long_description)"
    r"[\"']?\s{0,5}(?:=|:|=>)\s{0,5}\(?\s{0,40}[frbuFRBU]{0,2}\Z"
)
# The SDKs read these.
_SDK_SETTING = re.compile(
    r"AWS_EC2_METADATA_SERVICE_ENDPOINT[\"'`]?\]?\s{0,5}(?:=>?|:)\s{0,5}[frbu]{0,2}\Z"
    r"|(?:set_?env|setdefault|putenv|setProperty|set_config_variable|monkeypatch\.setenv)\(\s{0,5}[\"'`]"
    r"(?:AWS_EC2_METADATA_SERVICE_ENDPOINT|ec2_metadata_service_endpoint)[\"'`]\s{0,5},\s{0,5}\Z",
    re.IGNORECASE,
)
# Clients of botocore's, which ask with a token by themselves.
_BY_TOKEN = frozenset(("imdsfetcher", "instancemetadatafetcher", "instancemetadataregionfetcher"))
_CONNECTS = frozenset(
    ("connect", "connect_ex", "create_connection", "open_connection", "createconnection", "fsockopen")
)
SPEAKS_HTTP = re.compile(r"HTTP/1|\b(?:GET|HEAD) ?/|[\"'`](?:GET|HEAD) ?[\"'`]|HTTPConnection|\bmakefile\(")
_REQUEST = re.compile(r"HTTP/1\.|\b(?:GET|HEAD) /")
_OTHER_HOST = re.compile(r"\s{0,40}(?:url\s{0,5}=\s{0,5})?[rbfu]{0,2}[\"'`]https?://([^/\s\"'`{}$%<>]{1,200})[/\"'`?]")
_GIVEN_TO = re.compile(r"(?<![\w.])([A-Za-z_]\w{0,80})\s{0,10}=(?![=>~])")
_GIVEN_ALONE = re.compile(
    r"\s{0,400}(?:(?:const|let|var|my|our)\s{1,5})?[$@]?[\w.]{1,80}\s{0,10}(?::\s{0,5}\w{1,40}\s{0,5})?:?=\s{0,40}\(?\s{0,40}[frbuFRBU]{0,2}\Z"
)
_DOCUMENT_NAME = re.compile(
    r"(?:DOCUMENTATION|EXAMPLES?|RETURN|USAGE|HELP\w{0,20}|DESCRIPTION|EPILOG|__doc__|_?DOC)", re.IGNORECASE
)

_RUNS_ANY = re.compile(
    r"\b(?:system|exec|spawn|popen\w{0,5}|backtick)\b|/bin/(?:ba)?sh\b|[\"']-?\|-?[\"']|`", re.IGNORECASE
)


def asks_for_data(layout: Layout, asks: re.Pattern[str]) -> bool:
    """Whether code could ask for what stands in the data behind it. asks: what makes requests in its language."""
    if layout.data >= len(layout.text):
        return False
    return asks.search(layout.masked) is not None or _RUNS_ANY.search(layout.code, 0, layout.data) is not None


def is_said(layout: Layout, at: int, *, speaks_http: bool, is_asked: Callable[[], bool] = lambda: False) -> bool:
    """Whether the string at a place is only said. `speaks_http`: the text has paths of the service's, or SPEAKS_HTTP, besides.
    is_asked: whether a request is made for what this statement gives a name to.
    """
    begin, end, kind = layout.region(at)
    if kind != "string":
        return False
    since, _ = layout.statement(begin)
    if _is_said_at(layout, begin, at, speaks_http):
        # What is called "message" or "example" may be asked as well as shown.
        return _GIVEN_ALONE.match(layout.masked, since, begin) is None or not is_asked()
    given = _GIVEN_TO.search(layout.masked, max(since, begin - BACK_MAX), begin)
    if given is None or "(" in layout.masked[given.end() : begin]:
        return False
    if _DOCUMENT_NAME.fullmatch(given[1]) and "\n" in layout.text[begin:end]:
        return True
    return _is_each_use_said(layout, given[1], begin, speaks_http)


def _is_said_at(layout: Layout, begin: int, at: int, speaks_http: bool) -> bool:
    """The same of a string, or of a name, that begins there."""
    since, _ = layout.statement(begin)
    since = max(since, begin - BACK_MAX)
    before = layout.code[since:begin]
    if _HELP_BEFORE.search(before[-200:]) or _SDK_SETTING.search(before[-200:]):
        return True
    _, end, kind = layout.region(begin)
    if kind == "string" and (
        ("(" in layout.text[begin:at] and "{" in layout.text[begin:at])  # a call within it
        or _REQUEST.search(layout.text, begin, end)
        or (layout.text[begin] == "`" and context.COMMAND.search(layout.text, begin, end))
    ):
        return False
    if layout.masked[since:begin].strip().removeprefix("<?php").strip() in _ALONE:
        return "|" not in layout.masked[end : layout.statement(begin)[1]]
    raised = _RAISED.match(layout.masked, since) is not None
    said, is_text = False, True
    for called, opener in _calls(layout.masked, since, begin):
        last = re.split(r"\.|::|->", called)[-1]
        if is_text:
            said = (
                last.lower() in _SAYING
                or called.lower() in _SAYING
                or _SAYS_TO.search(called) is not None
                or last.lower() in _BY_TOKEN
                or (_FAILURE.fullmatch(last) is not None)
                or (last.lower() in _CONNECTS and not speaks_http)
            )
        if said:
            return True
        if is_text and last.lower() not in _MAKING_TEXT:
            is_text = False
        if _is_data(layout, opener, begin):
            return True
    return raised and is_text


def _is_data(layout: Layout, opener: int, begin: int) -> bool:
    """Whether another host is asked by the call that opens there, so that its other arguments are data for that."""
    match = _OTHER_HOST.match(layout.code, opener + 1, begin)
    return match is not None and not is_service(match[1].encode("latin-1", "replace"))


def _calls(masked: str, since: int, begin: int) -> Iterator[tuple[str, int]]:
    """What is called with a place in its brackets, from within, and where the bracket is."""
    end = begin
    for _ in range(BRACKETS_MAX):
        end = opener_of(masked, since, end)
        if end < 0:
            return
        if masked[end] == "(" and (match := _SAID_NAME.search(masked, max(since, end - 100), end)):
            yield match[1], end


def _is_each_use_said(layout: Layout, name: str, begin: int, speaks_http: bool) -> bool:
    since, until = layout.statement(begin)
    used = False
    for use in uses_of(layout, name):
        if since <= use < until:
            continue
        if each := each_of(layout, use, name):
            others = [place for place in uses_of(layout, each) if place > use + len(name)]
            if not others or not all(_is_use_said(layout, place, speaks_http) for place in others):
                return False
        elif not _is_use_said(layout, use, speaks_http):
            return False
        used = True
    return used


def _is_use_said(layout: Layout, use: int, speaks_http: bool) -> bool:
    start, _, kind = layout.region(use)
    return _is_said_at(layout, start if kind == "string" else use, use, speaks_http)


def uses_of(layout: Layout, name: str) -> Iterator[int]:
    """Where a name is used, in code or within a string."""
    code, at = layout.code, -1
    for _ in range(USES_MAX):
        at = code.find(name, at + 1)
        if at < 0:
            return
        around = code[max(0, at - 1) : at] + code[at + len(name) : at + len(name) + 1]
        if not any(sign.isalnum() or sign == "_" for sign in around):
            yield at
