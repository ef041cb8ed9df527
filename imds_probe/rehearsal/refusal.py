"""What a caller without a token is told, in the words of this very service, and what the service is told apart by."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.simulator.messages import TOKEN_HEADER, TOKEN_PATH, Answer, MetadataRequest, render_head

# "latest" alone hands out tokens; the service answers 403 at the path of a version: EC2 User Guide.
_VERSIONED_TOKEN_PATH = re.compile(r"/[0-9.-]{1,32}/api/token")
_DATE = re.compile(rb"^Date:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_STATUS_OF_ANSWER = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_SERVER_OF_ANSWER = re.compile(rb"^Server:[ \t]*([!-~]([ -~]{0,200}[!-~])?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CLOSES = re.compile(rb"^Connection:[ \t]*close[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LENGTH_OF_ANSWER = re.compile(rb"^Content-Length:[ \t]*([0-9]{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LIFE_LEFT = re.compile(rb"^X-aws-ec2-metadata-token-ttl-seconds:", re.IGNORECASE | re.MULTILINE)

Kind = Literal["without-token", "with-token", "token-path", "versioned-token-path", "malformed"]


def kind_of(request: MetadataRequest | None) -> Kind:
    """What a request is after the switch. One that is none, and one for a token, are answered alike before and after it."""
    if request is None:
        return "malformed"
    if TOKEN_HEADER in request.headers:
        return "with-token"
    if request.path == TOKEN_PATH:
        return "token-path"
    if request.method == "PUT" and _VERSIONED_TOKEN_PATH.fullmatch(request.path):
        return "versioned-token-path"
    return "without-token"


@dataclass(frozen=True)
class AnswerHead:
    """What of an answer's head matters here. `length` is None where the body ends with the connection."""

    status: int
    length: int | None
    tells_life_left: bool  # of the token that was sent

    @property
    def served(self) -> bool:
        return 200 <= self.status < 300


def read_answer_head(head: bytes) -> AnswerHead | None:
    """The answer whose head begins the bytes; None where it is no HTTP/1.0 or HTTP/1.1."""
    status = _STATUS_OF_ANSWER.match(head)
    if status is None:
        return None
    length = None if _CLOSES.search(head) else _LENGTH_OF_ANSWER.search(head)
    return AnswerHead(int(status[1]), int(length[1]) if length else None, _LIFE_LEFT.search(head) is not None)


@dataclass(frozen=True)
class Refusal:
    """The service's own 401, but for its date. `head` ends in the empty line."""

    head: bytes
    body: bytes

    @classmethod
    def learnt(cls, answer: bytes) -> Refusal | None:
        """By what the service answered to a token that is none; None where that is no whole 401."""
        read = read_answer_head(answer)
        head, empty_line, body = answer.partition(b"\r\n\r\n")
        return cls(head + empty_line, body) if read is not None and read.status == 401 and empty_line else None

    @classmethod
    def as_captured(cls, answer: bytes) -> Refusal:
        """As it was captured on EC2, in the version of HTTP and with the name of a service that answered otherwise."""
        server = _SERVER_OF_ANSWER.search(answer.partition(b"\r\n\r\n")[0])
        http_1_0 = answer.startswith(b"HTTP/1.0")
        name = server[1].decode("ascii") if server else "EC2ws"
        return cls(render_head(Answer(401, http_1_0=http_1_0), server=name, unix_s=time.time()), b"")

    def render(self, *, unix_s: float, head_only: bool) -> bytes:
        """The bytes to send; a HEAD is answered without the body."""
        date = b"Date: " + formatdate(unix_s, usegmt=True).encode()
        return _DATE.sub(date, self.head, count=1) + (b"" if head_only else self.body)
