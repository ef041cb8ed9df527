"""Where a source text has comments, documentation and strings, and where one statement ends: as much as the words need.

It is no parser: a text that is not well formed is read as far as it goes, and a string that never ends is one line long. All
of it takes time in proportion to the text.
"""

from __future__ import annotations

import io
import itertools
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.inventory.code.forms.lines import Lines

Region = Literal["code", "string", "comment", "document"]
_KINDS: tuple[Region, ...] = ("code", "string", "comment", "document")
STRING_MAX = 4000  # characters of one that goes over several lines, unless its marks are made for that
REGIONS_MAX = 200_000  # strings and comments in one text
SIGNS_MAX = 1_000_000  # that may end a statement; a source text has one in ten characters
LETTER_MAX = 12  # characters that one is written with, as '\u{1f600}'
LINE_MAX = 4000  # a longer line was made by a tool that leaves no comments
DEPTH_MAX = 1000
STATEMENT_MAX = 2000  # characters that are looked at of one
_BLANK = re.compile(r"[^\n]")
# Perl's and Ruby's.
_READS_DATA = re.compile(r"<(?:main::)?DATA>|[\\*(,=]\s{0,5}\*?(?:main::)?DATA\b|(?<![\w:.$'\"])DATA(?:\.|->)")


@dataclass(frozen=True)
class Quotes:
    """How a string is written; `many` where it is made for several lines, `plain` where no sign in it escapes the next, `letter`
    where it is of one letter: the same mark may then mean something else.
    """

    begin: str
    end: str
    many: bool = False
    plain: bool = False
    letter: bool = False


@dataclass(frozen=True)
class Syntax:
    """Of a language: what begins a comment up to the line's end, what begins and ends one, and strings, the longest mark first.

    documents: a string that is a statement of its own is documentation. blocks: braces hold statements. patterns: a regular
    expression stands between slashes, and counts as a string: quotes in it are none. tags: code stands between these, and the
    rest is a document, unless the text has none of them. apart: only what begins a line or a statement begins a comment.
    data: a line that is one of these ends the code, and what follows is data, which counts as one string if the code reads it.
    """

    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    strings: tuple[Quotes, ...] = ()
    documents: bool = False
    blocks: bool = True
    patterns: bool = False
    tags: tuple[str, str] | None = None
    apart: bool = False
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A text taken apart. `masked` is as long as the text, with blanks for what is in comments and strings; `code` has blanks
    for comments and documentation alone. From `data` on it is data.
    """

    text: str
    masked: str
    code: str
    _starts: array[int]
    _ends: array[int]
    _kinds: bytes
    _statements: array[int]
    _lines: Lines
    data: int

    def region(self, at: int) -> tuple[int, int, Region]:
        """What is at a place: its begin, its end and its kind."""
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._ends[index]:
            return self._starts[index], self._ends[index], _KINDS[self._kinds[index]]
        return at, at, "code"

    def statement(self, at: int) -> tuple[int, int]:
        """Begin and end of the statement around a place."""
        index = bisect_right(self._statements, at)
        begin = self._statements[index - 1] if index else 0
        end = self._statements[index] if index < len(self._statements) else len(self.text)
        return max(begin, at - STATEMENT_MAX), min(end, at + STATEMENT_MAX)

    def line(self, at: int) -> int:
        """The number of the line at a place, from 1."""
        return self._lines.number(at)


def laid_out(text: str, syntax: Syntax) -> Layout | None:
    """Take a text apart; None where it has more in it than a source text has."""
    if len(text) > LINE_MAX * (text.count("\n") + 1):
        syntax = replace(syntax, line_comments=(), block_comments=(), documents=False)
    data = _data(text, syntax)
    starts, ends, kinds = array("L"), array("L"), bytearray()
    # As one text each from the start: a bundle has so many pieces that a list of them takes more than there is.
    masked, code, last = io.StringIO(), io.StringIO(), 0
    reads = _READS_DATA.search(text, 0, data) is not None
    rest: tuple[tuple[int, int, Region], ...] = ((data, len(text), "string" if reads else "comment"),)
    regions = itertools.chain(_regions(text[:data], syntax), rest if data < len(text) else ())
    for begin, end, kind in itertools.islice(regions, REGIONS_MAX + 1):
        starts.append(begin)
        ends.append(end)
        kinds.append(_KINDS.index(kind))
        blank = _blank(text[begin:end])
        for kept, own in ((masked, blank), (code, text[begin:end] if kind == "string" else blank)):
            kept.write(text[last:begin])
            kept.write(own)
        last = end
    if len(starts) > REGIONS_MAX:
        return None
    masked.write(text[last:])
    joined = masked.getvalue()
    masked.close()
    if sum(map(joined.count, "()[]{}\n;")) > SIGNS_MAX:
        return None
    code.write(text[last:])
    coded = code.getvalue()
    code.close()
    statements = array("L", _boundaries(joined, coded, syntax))
    return Layout(text, joined, coded, starts, ends, bytes(kinds), statements, Lines(text), data)


def _data(text: str, syntax: Syntax) -> int:
    """Where the data begins that follows the code."""
    found = [at for mark in syntax.data if (at := f"\n{text}\n".find(f"\n{mark}\n")) >= 0] if syntax.data else []
    return min(found, default=len(text))


def _blank(text: str) -> str:
    return _BLANK.sub(" ", text) if "\n" in text else " " * len(text)


def _regions(text: str, syntax: Syntax) -> Iterator[tuple[int, int, Region]]:
    """Strings, comments and documentation, in their order."""
    lines = frozenset(syntax.line_comments)
    blocks = dict(syntax.block_comments)
    strings = {each.begin: each for each in syntax.strings}
    slash = {"/"} if syntax.patterns else set()
    if syntax.tags is not None:
        blocks[syntax.tags[1]] = syntax.tags[0]
    marks = sorted({*lines, *blocks, *strings, *slash}, key=len, reverse=True)
    if not marks:
        return
    opener = re.compile("|".join(re.escape(mark) for mark in marks))
    depth, at = 0, 0
    last = 0
    if syntax.tags is not None and syntax.tags[0] in text:
        at = last = text.find(syntax.tags[0])
        if at:
            yield 0, at, "comment"
    while match := opener.search(text, at):
        mark, begin = match[0], match.start()
        depth = max(0, depth + _opened(text[last:begin]))
        if mark in strings and _is_quote(text, begin, strings[mark]):
            end = _string_end(text, match.end(), strings[mark])
            alone = syntax.documents and not depth and _is_alone(text, begin)
            yield begin, end, "document" if alone else "string"
        elif mark in slash:
            end = _pattern_end(text, begin)
            if end > match.end():
                yield begin, end, "string"
        elif mark in blocks:
            closed = text.find(blocks[mark], match.end())
            end = closed + len(blocks[mark]) if closed >= 0 else len(text)
            yield begin, end, "comment"
        elif mark in lines and _is_comment(text, begin, mark, apart=syntax.apart):
            closed = text.find("\n", begin)
            end = closed if closed >= 0 else len(text)
            tag = text.find(syntax.tags[1], begin, end) if syntax.tags is not None else -1
            end = tag if tag >= 0 else end
            yield begin, end, "comment"
        else:
            end = match.end()
        at = last = end


def _opened(code: str) -> int:
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def _is_quote(text: str, at: int, quotes: Quotes) -> bool:
    """An apostrophe behind a letter or a digit is none: of C's 1'000, of Perl's old names; nor is one of Rust's lifetimes."""
    if quotes.letter and text.find(quotes.end, at + 2, at + LETTER_MAX) < 0:
        return False
    if quotes.begin != "'" or not at:
        return True
    before = text[at - 1]
    return not before.isalnum() or text[max(0, at - 3) : at].lstrip("(=, [{:+\n").lower() in _PREFIXES


_PREFIXES = frozenset({"b", "r", "u", "f", "br", "rb", "fr", "rf", "l", "n", "q", "qq"})


_PATTERN = re.compile(r"/(?![*/])(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,200}\]){1,500}/")
_BEFORE_PATTERN = re.compile(r"(?:^|[(\[{,;=:!&|?+*%~^]|=>|\b(?:return|typeof|case|in|of|void|throw))\s{0,10}\Z")


def _pattern_end(text: str, at: int) -> int:
    """Where a regular expression ends that begins with this slash; behind the slash where it divides."""
    match = _PATTERN.match(text, at) if _BEFORE_PATTERN.search(text[max(0, at - 20) : at]) else None
    return match.end() if match else at + 1


def _is_comment(text: str, at: int, mark: str, *, apart: bool) -> bool:
    """What follows a colon is a part of a URL; a "#" within a word or behind a "$" is none; nor is one before "{" in Ruby."""
    if apart:
        return text[max(0, at - 200) : at].rstrip(" \t")[-1:] in ("", "\n", ";")
    before = text[at - 1] if at else "\n"
    if mark == "#":
        return not at or before.isspace() or before in ";)}],"
    return before != ":"


def _is_alone(text: str, at: int) -> bool:
    """Whether nothing but a prefix stands before it on its line."""
    since = max(0, at - 400)
    line_begin = text.rfind("\n", since, at)
    return text[line_begin + 1 if line_begin >= 0 else since : at].strip().lower() in ("", *_PREFIXES)


def _string_end(text: str, at: int, quotes: Quotes) -> int:
    place, limit = at, len(text) if quotes.many else at + STRING_MAX
    while (place := text.find(quotes.end, place, limit)) >= 0:
        if quotes.plain or not _is_escaped(text, place, at):
            return place + len(quotes.end)
        place += 1
    line_end = text.find("\n", at, at + STRING_MAX)
    return line_end if line_end >= 0 else min(len(text), at + STRING_MAX)


def _is_escaped(text: str, place: int, begin: int) -> bool:
    """Whether an odd number of backslashes stands before it; a long row of them counts as far as it is looked at."""
    part = text[max(begin, place - 64) : place]
    return (len(part) - len(part.rstrip("\\"))) % 2 == 1


_BOUNDARY = re.compile(r"[()\[\]{}\n;]")


def _boundaries(masked: str, code: str, syntax: Syntax) -> Iterator[int]:
    """Where statements begin: behind the end of a line, a semicolon or a brace that are in no brackets."""
    open_: list[str] = []
    for match in _BOUNDARY.finditer(masked):
        sign, at = match[0], match.start()
        in_block = not open_ or open_[-1] == "block"
        if sign == "{" and syntax.blocks and _holds_statements(masked, at, in_block):
            if len(open_) < DEPTH_MAX:
                open_.append("block")
            yield at + 1
        elif sign in "([{":
            if len(open_) < DEPTH_MAX:
                open_.append(sign)
        elif sign in ")]}":
            if open_ and open_.pop() == "block":
                yield at
                yield at + 1
        elif in_block and not (sign == "\n" and _goes_on(code, at)):
            yield at + 1


def _holds_statements(masked: str, at: int, in_block: bool) -> bool:
    before = masked[max(0, at - 40) : at].rstrip()
    if before.endswith((")", "=>", "->", "else", "try", "do", "finally", "ensure", "eval", "|")):
        return True
    return in_block and not before.endswith(("=", ":", ",", "(", "[", "return", "?", "||", "&&"))


def _goes_on(code: str, at: int) -> bool:
    """Whether a statement goes on in the next line: behind a backslash or an operator, or before a call of what came of it."""
    before, after = code[max(0, at - 20) : at].rstrip(), code[at + 1 : at + 200].lstrip()
    return before.endswith(("\\", ",", "+", "=", "&&", "||", "<-")) or after.startswith((".", "->", "?.", "<<", "+ "))
