"""User data as cloud-init takes it: compressed, of several parts, each of which its first line or its type says what it is.

All of it is opened in memory, within bounds. Sources: cloud-init's "User data formats", RFC 2045 and 2046.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable, Iterator
from typing import Literal

from imds_probe.dataclass import dataclass

RAW_MAX_BYTES = 1024 * 1024  # EC2 takes 16 KB
OPENED_MAX_BYTES = 4 * 1024 * 1024
PARTS_MAX, DEPTH_MAX = 100, 4
HEADER_MAX_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"
# By the first line, where the type says nothing of its own.
_BEGINNINGS = (
    (b"#!", "text/x-shellscript"),
    (b"#cloud-config-archive", "text/cloud-config-archive"),
    (b"#cloud-config", "text/cloud-config"),
    (b"#cloud-boothook", "text/cloud-boothook"),
    (b"#include", "text/x-include-url"),
    (b"#part-handler", "text/part-handler"),
    (b"#upstart-job", "text/upstart-job"),
)
_TEMPLATE = b"## template: jinja"
_KINDS: dict[str, Literal["script", "boothook", "config", "handler"]] = {
    "text/x-shellscript": "script",
    "text/x-shellscript-per-instance": "script",
    "text/x-shellscript-per-once": "script",
    "text/x-shellscript-per-boot": "boothook",
    "text/cloud-boothook": "boothook",
    "text/cloud-config": "config",
    "text/cloud-config-jsonp": "config",
    "text/part-handler": "handler",
    "text/upstart-job": "boothook",
}


@dataclass(frozen=True)
class UserPart:
    """One part. A script that begins with "#!" is for what stands there. A handler is Python that cloud-init itself loads."""

    kind: Literal["script", "boothook", "config", "handler"]
    text: str


class _Opening:
    """What may still be opened of one user data. `yaml` is asked for the value in a text."""

    def __init__(self, yaml: Callable[[str], object]) -> None:
        self.left_bytes, self.left_parts = OPENED_MAX_BYTES, PARTS_MAX
        self.yaml = yaml


def parts(content: bytes, yaml: Callable[[str], object]) -> Iterator[UserPart | str]:
    """All parts, and of what is not opened a clause that says so. `yaml` is asked for the value in a text."""
    yield from _of(content, "", 0, _Opening(yaml))


def _of(content: bytes, kind: str, depth: int, opening: _Opening) -> Iterator[UserPart | str]:
    opening.left_parts -= 1
    if depth > DEPTH_MAX or opening.left_parts < 0:
        yield "there are too many parts in it"
        return
    if content.startswith(_GZIP):
        opened = _unpacked(content, opening)
        if isinstance(opened, str):
            yield opened
            return
        content = opened
    headers, body = _headers(content)
    if "content-type" in headers and (kind == "" or kind.startswith("multipart/")):
        yield from _of_mime(headers, body, depth, opening)
        return
    yield from _of_type(_by_beginning(content.lstrip()) or kind, content, depth, opening)


def _of_mime(headers: dict[str, str], body: bytes, depth: int, opening: _Opening) -> Iterator[UserPart | str]:
    kind, boundary = _content_type(headers["content-type"])
    if kind.startswith("multipart/"):
        for part in _split(body, boundary.encode("ascii", "replace")):
            inner, content = _headers(part)
            own, _ = _content_type(inner.get("content-type", "text/plain"))
            if own.startswith("multipart/"):
                yield from _of(part, own, depth + 1, opening)
            else:
                yield from _of(_decoded(content, inner), own, depth + 1, opening)
    else:
        yield from _of(_decoded(body, headers), kind, depth + 1, opening)


def _of_type(kind: str, content: bytes, depth: int, opening: _Opening) -> Iterator[UserPart | str]:
    if content.lstrip().startswith(_TEMPLATE):
        content = content.partition(b"\n")[2]
        kind = _by_beginning(content.lstrip()) or kind
    if kind == "text/cloud-config-archive":
        yield from _of_archive(content, depth, opening)
    elif kind in ("text/x-include-url", "text/x-include-once-url"):
        yield "it includes what lies behind a URL, which was not read"
    elif kind in _KINDS:
        yield UserPart(_KINDS[kind], content.decode(errors="replace"))
    elif content.strip():
        yield "a part of it is of a kind that is not known"


def _of_archive(content: bytes, depth: int, opening: _Opening) -> Iterator[UserPart | str]:
    """A list in YAML, each entry with a type and a content, or the content itself."""
    document = opening.yaml(content.decode(errors="replace"))
    for entry in document if isinstance(document, list) else ():
        text = entry.get("content") if isinstance(entry, dict) else entry
        kind = entry.get("type") if isinstance(entry, dict) else ""
        if isinstance(text, str):
            yield from _of(text.encode(errors="replace"), kind if isinstance(kind, str) else "", depth + 1, opening)


def _by_beginning(content: bytes) -> str:
    return next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), "")


def _unpacked(content: bytes, opening: _Opening) -> bytes | str:
    """What a gzip holds, or why it is not opened."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        opened = unpacker.decompress(content, opening.left_bytes + 1)
    except zlib.error:
        return "it is compressed and damaged"
    if len(opened) > opening.left_bytes:
        return f"it is compressed and has more than {OPENED_MAX_BYTES} bytes"
    opening.left_bytes -= len(opened)
    return opened


def _headers(content: bytes) -> tuple[dict[str, str], bytes]:
    """The headers of a message by their names in lower case, and what comes after the first empty line."""
    found: dict[str, str] = {}
    name, at = "", 0
    while at < min(len(content), HEADER_MAX_BYTES):
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        line = content[at:end].rstrip(b"\r").decode("latin-1")
        if not line:
            return found, content[end + 1 :]
        before, colon, after = line.partition(":")
        if line[0] in " \t" and name:
            found[name] += f" {line.strip()}"[:HEADER_MAX_BYTES]
        elif line.startswith("From ") and not at:
            pass
        elif colon and before.replace("-", "a").isalnum():
            name = before.lower()
            found[name] = after.strip()
        else:
            return {}, content
        at = end + 1
    return found, b""


def _content_type(value: str) -> tuple[str, str]:
    """The type in lower case, and the boundary between the parts, where it has one."""
    kind, *parameters = value.split(";")
    for parameter in parameters:
        name, _, given = parameter.strip().partition("=")
        if name.lower() == "boundary":
            return kind.strip().lower(), given.strip().strip('"')
    return kind.strip().lower(), ""


def _split(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The parts of a multipart body, at most so many as are opened."""
    if not boundary:
        return
    pieces = (b"\n" + body).split(b"\n--" + boundary, PARTS_MAX + 1)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        yield piece.partition(b"\n")[2].removesuffix(b"\r")


def _decoded(content: bytes, headers: dict[str, str]) -> bytes:
    encoding = headers.get("content-transfer-encoding", "").lower()
    if encoding == "base64":
        try:
            return binascii.a2b_base64(content)
        except binascii.Error:
            return b""
    return binascii.a2b_qp(content) if encoding == "quoted-printable" else content
