"""Reading the heads of HTTP requests off a stream of bytes. Values of tokens are dropped as they are met."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

HEAD_MAX_BYTES = 16 * 1024
TEXT_MAX = 512
METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"TRACE ")
FORWARDED = b"x-forwarded-for"
TOKEN, TOKEN_TTL = b"x-aws-ec2-metadata-token", b"x-aws-ec2-metadata-token-ttl-seconds"
_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,8192})(?: HTTP/1\.[01])?")
# Fields that are looked at. With a space in it, it is no name, or goes on with the line before: RFC 9112, 5.1 and 5.2.
_FIELD = re.compile(
    rb"\n(user-agent|content-length|x-forwarded-for|x-aws-ec2-metadata-token(?:-ttl-seconds)?)(?:(?=\r?\n|\Z)|:([^\n]*))",
    re.IGNORECASE,
)


class HttpRequestHead(NamedTuple):
    """The head of one request. Of the token's header it is only known whether it was there.

    Text comes from anybody: printable, and cut to TEXT_MAX characters. `whole` is False where only the beginning was seen,
    so that a token that is not there may have come later. `forwarded`: a proxy says that it asks for somebody else, which the
    service answers with no token.
    """

    method: str
    path: str
    user_agent: str
    with_token: bool
    asks_for_token: bool
    whole: bool = True
    forwarded: bool = False


class RequestReader:
    """One direction of one connection. Bodies are passed over and not kept."""

    __slots__ = ("_body_left", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._body_left = 0

    def feed(self, data: bytes) -> list[HttpRequestHead]:
        """The requests whose heads are whole with this."""
        found: list[HttpRequestHead] = []
        while data:
            if self._body_left:
                passed = min(self._body_left, len(data))
                self._body_left -= passed
                data = data[passed:]
                continue
            # Empty lines before a request are passed over, as servers do: RFC 9112, 2.2.
            self._buffer += data if self._buffer else data.lstrip(b"\r\n")
            data = b""
            end = _end_of(self._buffer)
            if end is not None:
                head, data = self._buffer[: end[0]], self._buffer[end[1] :]
                self._buffer = b""
                found += self._read(head, whole=True)
            elif len(self._buffer) > HEAD_MAX_BYTES or not _may_begin(self._buffer):
                found += self.give_up()
        return found

    def give_up(self) -> list[HttpRequestHead]:
        """What is known of a request whose rest was lost; what follows begins anew."""
        head = self._buffer
        self._buffer = b""
        self._body_left = 0
        return self._read(head, whole=False) if head else []

    def _read(self, head: bytes, *, whole: bool) -> list[HttpRequestHead]:
        match = _LINE.match(head)
        if match is None:
            return []
        user_agent, with_token, asks, forwarded = b"", False, False, False
        for said, value in _FIELD.findall(head, match.end()):
            name = said.lower()
            if name == b"user-agent":
                user_agent = value.strip()
            elif name == TOKEN:
                with_token = True
            elif name == TOKEN_TTL:
                asks = True
            elif name == FORWARDED:
                forwarded = True
            elif name == b"content-length" and whole:
                digits = value.strip()
                self._body_left = int(digits) if digits.isdigit() and len(digits) < 10 else 0
        method, target = match.groups()
        # No other method asks for a token: with its header alone, a GET is served without one, and refused once one is required.
        asks = asks and method == b"PUT"
        said = _text(target.partition(b"?")[0]), _text(user_agent)
        return [tuple.__new__(HttpRequestHead, (method.decode(), *said, with_token, asks, whole, forwarded))]


def _end_of(buffer: bytes) -> tuple[int, int] | None:
    """Where a head ends that is there as a whole, and what follows it begins: at an empty line, with or without a CR."""
    with_cr, without = buffer.find(b"\n\r\n"), buffer.find(b"\n\n")
    if with_cr < 0 and without < 0:
        return None
    end, following = (with_cr, with_cr + 3) if without < 0 or 0 <= with_cr < without else (without, without + 2)
    return end - (buffer[end - 1 : end] == b"\r"), following


def _may_begin(buffer: bytes) -> bool:
    """Whether this can be the beginning of a request: what is lost track of is not kept."""
    return any(buffer.startswith(method[: len(buffer)]) for method in METHODS)


@lru_cache(maxsize=256)
def _text(raw: bytes) -> str:
    """Few say the same all the time."""
    text = raw.decode("ascii", "backslashreplace")
    if text.isprintable():
        return text[:TEXT_MAX]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)[:TEXT_MAX]
