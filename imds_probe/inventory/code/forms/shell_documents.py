"""The here-documents of a shell script."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.shell_words import in_quotes

DOCUMENTS_MAX = 200  # in one script
LINE_MAX = 4000  # characters of the line that one begins in
_HERE_BEGINS = re.compile(r"(?<!<)<<-?[ \t]{0,20}(?:(['\"])([^'\"\n]{1,60})\1|(\\?)([A-Za-z_][\w.-]{0,60}))")
_WRITTEN_TO = re.compile(r"(?:>{1,2}[ \t]{0,10}|\btee[ \t]{1,10}(?:-a[ \t]{1,10})?)[\"']?([^\s\"'<>|&;]{1,200})")


@dataclass(frozen=True)
class Document:
    """One, from `begin` to `end`. In one that is `open`, the shell puts in what has a "$" before it. `content` is what is read,
    but for that. `file` is what its line writes to.
    """

    begin: int
    end: int
    open: bool
    content: str
    file: str


def documents_of(text: str, shown: str) -> Mapping[int, Document]:
    """Those of a script, by where their signs stand. `shown` is as long, with blanks for comments and what is only printed."""
    found: dict[int, Document] = {}
    last: Document | None = None
    for match in itertools.islice(_HERE_BEGINS.finditer(shown), DOCUMENTS_MAX):
        line_end = text.find("\n", match.end())
        if last is not None and line_end + 1 == last.begin:
            line_end = text.find("\n", last.end)  # the second of one line
        if line_end < 0:
            break
        word = match[2] or match[4]
        closed = re.compile(rf"^[ \t]{{0,80}}{re.escape(word)}[ \t\r]{{0,5}}(?=[)`'\"]|$)", re.MULTILINE).search(
            text, line_end + 1
        )
        if closed is None:
            continue
        content = text[line_end + 1 : closed.start()]
        is_open = not match[1] and not match[3]
        file = _file(shown, match.start(), text.find("\n", match.end()))
        last = Document(line_end + 1, closed.start(), is_open, in_quotes(content) if is_open else content, file)
        found[match.start()] = last
    return found


def _file(shown: str, sign: int, line_end: int) -> str:
    begin = shown.rfind("\n", max(0, sign - LINE_MAX), sign) + 1
    match = _WRITTEN_TO.search(shown, max(begin, sign - LINE_MAX), line_end)
    return match[1] if match else ""
