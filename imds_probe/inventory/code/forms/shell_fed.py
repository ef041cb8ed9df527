"""What reaches a command by other ways than its arguments: a loop, a pipe, a here-document."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping

NAMES_MAX, FILES_MAX = 100, 2000  # variables, and files that a script writes
DOCUMENT_MAX = 4000  # characters of a document, and of what stands between a loop and its end
LINES_MAX = 6  # that one command is written on
_FOR = re.compile(r"\bfor[ \t]{1,10}([A-Za-z_]\w{0,60})[ \t]{1,10}in[ \t]{1,10}((?:[^\n;\\]|\\.){1,2000})", re.DOTALL)
_READ = re.compile(
    r"\b(?:read|mapfile|readarray)(?:[ \t]{1,9}-\w{1,3}(?:[ \t]{1,5}(?:\d{1,5}|''|\"\"))?){0,5}[ \t]{1,9}([A-Za-z_][\w \t]{0,200})"
)
_DONE = re.compile(r"\bdone\b[ \t]{0,10}(?=<)")
_FED_HERE = re.compile(r"(?<!<)<<-?[ \t]{0,10}(['\"\\]?)([A-Za-z_]\w{0,60})\1?")
_BY_INPUT = re.compile(
    r"[ \t](?:-[a-zA-Z]{0,8}[iK][ \t]{0,5}-|--(?:input-file|config)[ =]-)(?=[\s)\"'`<|;]|\Z)|[ \t]-[a-zA-Z]{0,8}[iK][ \t]{0,5}<\("
)
_BY_FILE = re.compile(r"[ \t](?:-[a-zA-Z]{0,8}i|--input-file)[ \t=]{0,5}[\"']?(/?[\w./-]{2,100})")
_FROM = re.compile(r"(?<!<)<[ \t]{0,5}[\"']?(/?[\w./-]{2,100})")
_WRITES_TO = re.compile(r">{1,2}[ \t]{0,5}[\"']?(/?[\w./-]{2,100})")
_SET = re.compile(r"\bset[ \t]{1,10}--[ \t]{1,10}([^\n;]{1,1000})")
_PRINTED = re.compile(r"\bprintf[ \t]{1,10}-v[ \t]{1,10}([A-Za-z_]\w{0,60})[ \t]([^\n;]{1,1000})")
_XARGS = re.compile(r"\b(?:xargs|parallel)\b[^|;&\n]{0,200}\Z")


def loops(text: str) -> Iterator[tuple[str, str]]:
    """Variables of loops and of "read", "set" and "printf", and what they may hold."""
    for match in itertools.islice(_FOR.finditer(text), NAMES_MAX):
        yield match[1], match[2]
    for match in itertools.islice(_SET.finditer(text), NAMES_MAX):
        yield from ((name, match[1]) for name in "123@*")
    for match in itertools.islice(_PRINTED.finditer(text), NAMES_MAX):
        yield match[1], match[2]
    for match in itertools.islice(_READ.finditer(text), NAMES_MAX):
        fed = _read_from(text, match.start(), match.end())
        for name in match[1].split():
            yield name, fed


def handed_to(text: str, begin: int, end: int, *, by_input: bool = False) -> str:
    """What a command reads where it reads addresses from its input, as its name or its options say, or from a file that this
    script writes.
    """
    command = text[begin:end]
    since = _line_begin(text, begin)
    if by_input or _BY_INPUT.search(command) or _XARGS.search(text, max(since, begin - 300), begin):
        rest = _rest(text, begin)
        return f"{text[since:begin]} {rest} {_read_file(text, rest)}"
    match = _BY_FILE.search(command)
    return written_to(text, match[1]) if match else ""


def written_to(text: str, path: str) -> str:
    """What this script writes to a file: the line, and the document that follows it."""
    at = _files(text).get(path)
    return f"{text[_line_begin(text, at) : at]} {_rest(text, at)}" if at is not None else ""


@functools.lru_cache(maxsize=1)
def _files(text: str) -> Mapping[str, int]:
    """The files that a script writes, by where it first does: the text is gone through once for all of its commands."""
    found: dict[str, int] = {}
    for match in itertools.islice(_WRITES_TO.finditer(text), FILES_MAX):
        found.setdefault(match[1], match.start())
    return found


def _read_file(text: str, rest: str) -> str:
    """The same of a file that is read from, as the rest of a line says."""
    match = _FROM.search(rest.partition("\n")[0])
    return written_to(text, match[1]) if match else ""


def _read_from(text: str, begin: int, end: int) -> str:
    since = _line_begin(text, begin)
    before, after = text[since:begin], _rest(text, end)
    if "|" in before:
        return before
    if "<" not in after.partition("\n")[0]:
        done = _DONE.search(text, end, end + DOCUMENT_MAX)
        after = _rest(text, done.end()) if done else ""
    return f"{after} {_read_file(text, after)}"


def _line_begin(text: str, at: int) -> int:
    """Of the line at a place, with those before that go on in it."""
    begin = at
    for _ in range(LINES_MAX):
        begin = text.rfind("\n", max(0, begin - DOCUMENT_MAX), max(0, begin)) + 1
        if not begin or not text[max(0, begin - 40) : begin - 1].rstrip(" \t").endswith(("\\", "|")):
            break
        begin -= 1
    return max(begin, at - DOCUMENT_MAX)


def _rest(text: str, at: int) -> str:
    """The rest of a line, with the document that follows it."""
    end = text.find("\n", at, at + DOCUMENT_MAX)
    if end < 0:
        return text[at : at + DOCUMENT_MAX]
    since = text.rfind("\n", max(0, at - DOCUMENT_MAX), at) + 1
    here = _FED_HERE.search(text, since, end)
    if here is None:
        return text[at:end]
    word = here[2]
    closed = re.search(rf"\n[ \t]{{0,40}}{re.escape(word)}[ \t]{{0,5}}(?=\n|\)|\Z)", text[end : end + DOCUMENT_MAX])
    return text[at : end + (closed.start() if closed else DOCUMENT_MAX)]
