"""JSON documents in a stream of bytes, whatever they are wrapped in: one a line, one after the other over many lines, or in the
arrays that AWS's commands print. Memory holds one document at a time.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

from imds_probe.dataclass import dataclass
from imds_probe.escape import encodable_document

DOCUMENT_MAX = 64 * 1024 * 1024  # as `imds-probe judge` takes; no report is that long
HEAD_MAX = 1024 * 1024
_LOOKED_AT = 5  # lines
# Arrays that may be longer than memory: of CloudWatch Logs, of Logs Insights, of EC2.
STREAMED = frozenset(("events", "results", "Reservations"))
# An export of CloudWatch Logs to S3 puts the event's time before it.
EXPORTED = re.compile(rb"\s*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z[ \t]+(?=\{)")
NOT_JSON, NOT_UTF8 = "it is not JSON", "it is not UTF-8"
_SPACE = re.compile(r"[\s\ufeff]*")
_HALVES = ("\\ud", "\\uD")  # begin the escapes of half characters, which may stand alone
_BEGINS = re.compile(r"\n[\[{]")
_DAMAGES_MAX = 100  # of one file: the text behind each is read again from there
_NEAR_END = 16  # characters: what is cut off there may be a whole word once more is read


class Damaged(Exception):
    """What is here is no document. `at` is the byte or character, counted from the beginning."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at, self.reason = at, reason


@dataclass(frozen=True)
class TooLong:
    """A line in the place of which nothing is given."""

    length: int


def is_lines(head: bytes) -> bool:
    """Whether a stream that begins like this has a document on each line. One of the first lines shows it, as the very first may
    be damaged.
    """
    if head.lstrip().startswith(b"["):
        return False
    lines = [line for line in head.split(b"\n") if line.strip()][:_LOOKED_AT]
    if len(head) >= HEAD_MAX and len(lines) < _LOOKED_AT:
        lines = lines[:-1]  # cut off by us
    return any(_is_document(line) for line in lines)


def _is_document(line: bytes) -> bool:
    if EXPORTED.match(line):
        return True
    line = line.strip().removeprefix(codecs.BOM_UTF8)
    if not (line.startswith(b"{") and line.endswith(b"}")) or len(line) < len(b'{"":0}'):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def lines(blocks: Iterator[bytes]) -> Iterator[tuple[int, bytes | TooLong]]:
    """Each line that is not empty, without its end, and at which byte it begins."""
    begin, length = 0, 0
    parts: list[bytes] = []
    for block in blocks:
        *ended, rest = block.split(b"\n")
        for piece in ended:
            line = b"".join((*parts, piece)) if parts else piece
            length += len(piece)
            if length > DOCUMENT_MAX:
                yield begin, TooLong(length)
            elif line and not line.isspace():
                yield begin, line
            begin += length + 1
            parts, length = [], 0
        length += len(rest)
        if length > DOCUMENT_MAX:
            parts = []
        elif rest:
            parts.append(rest)
    if length > DOCUMENT_MAX:
        yield begin, TooLong(length)
    elif (line := b"".join(parts)) and not line.isspace():
        yield begin, line


def values(blocks: Iterator[bytes]) -> Iterator[tuple[int, object]]:
    """Each value of the stream, those of arrays at the top and of arrays that are streamed by themselves, and at which character
    it begins. Raises Damaged where no value is, after those before.
    """
    yield from _all(_Text(blocks))


def _all(text: _Text) -> Iterator[tuple[int, object]]:
    while character := text.peek():
        if character == "[":
            yield from _array(text)
        elif character == "{":
            yield from _object(text)
        else:
            raise Damaged(text.at, NOT_JSON)


def values_beyond(blocks: Iterator[bytes]) -> Iterator[tuple[int, object]]:
    """As `values`, but what is no value is given as Damaged, and those that begin on a line behind it follow. Raises Damaged where
    nothing can be read any more.
    """
    text = _Text(blocks)
    for _ in range(_DAMAGES_MAX):
        try:
            yield from _all(text)
        except Damaged as damaged:
            if damaged.reason == NOT_UTF8 or not text.skip():
                raise
            yield damaged.at, damaged
        else:
            return
    raise Damaged(text.at, "too much before it is damaged, so nothing behind it was read")


def _array(text: _Text) -> Iterator[tuple[int, object]]:
    text.step()
    while character := text.peek():
        if character in "],":
            text.step()
            if character == "]":
                return
        else:
            yield text.at, text.value()
    raise Damaged(text.at, "it ends within a list")


def _object(text: _Text) -> Iterator[tuple[int, object]]:
    began = text.at
    text.step()
    members: dict[str, object] = {}
    streamed = False
    while character := text.peek():
        if character in "},":
            text.step()
            if character == ",":
                continue
            if not streamed:
                yield began, members
            return
        if character != '"':
            raise Damaged(text.at, NOT_JSON)
        key = text.value()
        if text.peek() != ":":
            raise Damaged(text.at, NOT_JSON)
        text.step()
        if text.peek() == "[" and key in STREAMED:
            streamed = True
            yield from _array(text)
        else:
            members[str(key)] = text.value()
            if text.at - began > DOCUMENT_MAX:
                raise Damaged(began, "it is longer than any report")
    raise Damaged(text.at, "it ends within a document")


def loaded(text: str | bytes) -> object:
    """One document. JSON can name half a character, which becomes an escape. Raises ValueError and RecursionError."""
    return encodable_document(json.loads(text))


class _Text:
    """A window on the stream, as text. `at` is where it stands, in characters from the beginning."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._scan = json.JSONDecoder().raw_decode
        self._buffer, self._place, self._dropped, self._ended = "", 0, 0, False

    @property
    def at(self) -> int:
        return self._dropped + self._place

    def step(self) -> None:
        self._place += 1

    def skip(self) -> bool:
        """Go to the next line that begins like a document, and say whether there is one. Raises Damaged where it is no text."""
        while True:
            if match := _BEGINS.search(self._buffer, max(0, self._place - 1)):  # it may have stopped right there
                self._place = match.end() - 1
                return True
            self._place = len(self._buffer)
            if not self._more(1):
                return False

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._place)
            self._place = match.end() if match else self._place
            if self._place < len(self._buffer):
                return self._buffer[self._place]
            if not self._more(1):
                return ""

    def value(self) -> object:
        """The value that begins here. Raises Damaged."""
        self.peek()
        wanted = HEAD_MAX
        while True:
            problem = "it ends within a document"
            try:
                found, end = self._scan(self._buffer, self._place)
                if end < len(self._buffer) or self._ended or not self._more(1):
                    is_safe = all(self._buffer.find(half, self._place, end) < 0 for half in _HALVES)
                    self._place = end
                    return found if is_safe else encodable_document(found)
                continue
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated string") or error.pos >= len(self._buffer) - _NEAR_END
                problem = f"{error.msg[:1].lower()}{error.msg[1:]}"
                if not cut_off:
                    raise Damaged(self._dropped + error.pos, f"it is not JSON: {problem}") from None
            except RecursionError:
                raise Damaged(self.at, "it is nested too deeply") from None
            except ValueError as error:  # a number of thousands of digits
                raise Damaged(self.at, f"it is not JSON: {error}") from None
            if len(self._buffer) - self._place > DOCUMENT_MAX:
                raise Damaged(self.at, "it is longer than any report")
            if not self._more(wanted):
                raise Damaged(self.at, "it ends within a document")
            wanted *= 2

    def _more(self, wanted: int) -> bool:
        """Read on, so many characters if there are as many. Raises Damaged where they are no text."""
        kept = max(0, self._place - 1)  # the end of a line, which `skip` looks for
        parts, read = [self._buffer[kept:]], 0
        self._dropped += kept
        self._place -= kept
        try:
            while read < wanted and not self._ended:
                block = next(self._blocks, b"")
                self._ended = not block
                parts.append(self._decoder.decode(block, final=self._ended))
                read += len(parts[-1])
        except UnicodeDecodeError:
            raise Damaged(self._dropped, NOT_UTF8) from None
        finally:
            self._buffer = "".join(parts)
        return read > 0
