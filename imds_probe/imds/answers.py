"""Reading an HTTP answer from the bytes that have come so far, for sockets that are not waited on one by one."""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from typing import BinaryIO

HEADERS_END = (b"\r\n\r\n", b"\n\n")  # the second is not HTTP, and yet some send it


@dataclass(frozen=True)
class Answer:
    """A whole answer. `trouble` says why it makes no sense, empty where it does; then the rest may be missing."""

    status: int | None = None
    server: str | None = None
    body: bytes = b""
    trouble: str = ""


class _Received:
    """Stands in for the socket that http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BinaryIO:
        del mode
        return io.BytesIO(self._data)


def read_answer(data: bytes, *, ended: bool, limit_bytes: int) -> Answer | None:
    """The answer, None where more has to come. `ended` says that nothing more will; no body is read past `limit_bytes`.

    Raises nothing: what cannot be understood is an Answer with `trouble`.
    """
    if len(data) > 2 * limit_bytes:
        return Answer(trouble=f"more than {limit_bytes} bytes")
    if not any(end in data for end in HEADERS_END):
        return Answer(trouble="cut off") if ended else None
    response = http.client.HTTPResponse(_Received(data), method="PUT")  # type: ignore[arg-type]
    try:
        response.begin()
        server = response.headers.get("Server")
        declared = response.headers.get("Content-Length")
        if declared is not None and not (declared.isascii() and declared.isdigit()):
            # http.client would take it as not given.
            return Answer(response.status, server, trouble="Content-Length is no number")
        if response.length is None and not response.chunked and not ended:
            return None  # it ends where the connection does
        body = response.read(limit_bytes + 1)
        missing = response.length or 0
    except http.client.IncompleteRead:
        return Answer(trouble="cut off") if ended else None
    except (http.client.HTTPException, ValueError):
        return Answer(trouble="malformed answer")
    if missing and len(body) <= limit_bytes:
        return Answer(response.status, server, trouble=f"{missing} bytes are missing") if ended else None
    if len(body) > limit_bytes:
        return Answer(response.status, server, trouble=f"body longer than {limit_bytes} bytes")
    return Answer(response.status, server, body)
