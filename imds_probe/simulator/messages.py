"""HTTP as text: a request read from bytes, an answer turned into bytes."""

from __future__ import annotations

import re
from dataclasses import field
from email.utils import formatdate
from http import HTTPStatus
from typing import Literal
from urllib.parse import unquote, urlsplit

from imds_probe.dataclass import dataclass

TOKEN_PATH = "/latest/api/token"
TOKEN_HEADER = "x-aws-ec2-metadata-token"
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
# As the captures spell it.
TTL_HEADER_SENT = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
HEAD_LIMIT_BYTES = 32 * 1024
# nginx's wording for 405, which the one capture of it shows.
REASONS = {405: "Not Allowed"}

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VERSION = re.compile(r"HTTP/1\.[01]\Z")

Header = tuple[str, str]


@dataclass(frozen=True)
class MetadataRequest:
    """One request's head. Header names are in lower case; `path` is decoded, without query and doubled slashes."""

    method: str
    path: str
    headers: dict[str, str]
    head_bytes: int

    @property
    def token_put(self) -> bool:
        return self.method == "PUT" and self.path == TOKEN_PATH

    @property
    def imds_version(self) -> Literal["v1", "v2"]:
        # EC2 User Guide: told apart by whether a header unique to IMDSv2 is there, for each request by itself.
        return "v2" if TTL_HEADER in self.headers or TOKEN_HEADER in self.headers else "v1"

    @property
    def body_bytes(self) -> int | None:
        """Announced length of the body; None where it cannot be known beforehand."""
        if "transfer-encoding" in self.headers:
            return None
        length = self.headers.get("content-length", "0")
        return int(length) if length.isascii() and length.isdigit() and len(length) < 10 else None


def parse(head: bytes) -> MetadataRequest | None:
    """The request of a head that ends in an empty line; None where it is not HTTP/1.0 or HTTP/1.1."""
    lines = head.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not _METHOD.match(parts[0]) or not _VERSION.match(parts[2]):
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not _METHOD.match(name):
            return None
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path = _path(parts[1])
    return None if path is None else MetadataRequest(parts[0], path, headers, len(head))


def _path(target: str) -> str | None:
    """The path of a request target in origin or absolute form; a slash at the end is kept, doubled ones are not."""
    if target.startswith("http://"):
        try:
            target = urlsplit(target).path or "/"
        except ValueError:  # a bad IPv6 address as the host
            return None
    if not target.startswith("/"):
        return None
    path = unquote(re.split(r"[?#]", target, maxsplit=1)[0], errors="replace")
    return re.sub(r"/{2,}", "/", path)


@dataclass(frozen=True)
class Answer:
    """What to say. `first` and `last` stand before and after the headers that every answer has, as in the captures.

    `limits_hops`: the packets that carry it go out with the hop limit as their TTL.
    """

    status: int
    body: bytes = b""
    first: tuple[Header, ...] = ()
    last: tuple[Header, ...] = field(default=(("Content-Type", "text/plain"),))
    limits_hops: bool = False
    http_1_0: bool = False
    content_length: str | None = None  # where it is to differ from the truth


def render_head(answer: Answer, *, server: str, unix_s: float, framing: tuple[Header, ...] | None = None) -> bytes:
    """The status line and headers, up to and with the empty line; `framing` replaces Content-Length where given."""
    if framing is None:
        framing = (("Content-Length", answer.content_length or str(len(answer.body))),)
    reason = REASONS.get(answer.status) or _standard_reason(answer.status)
    lines = [f"HTTP/1.{0 if answer.http_1_0 else 1} {answer.status} {reason}"]
    headers = (
        *answer.first,
        *framing,
        ("Date", formatdate(unix_s, usegmt=True)),
        ("Server", server),
        # Every capture has it: one request a connection.
        ("Connection", "close"),
        *answer.last,
    )
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _standard_reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
