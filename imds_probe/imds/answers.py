"""Reading an HTTP answer from the bytes that have come so far, for sockets that are not waited on one by one."""

from __future__ import annotations

import http.client
import io
from typing import BinaryIO

from imds_probe.dataclass import dataclass
from imds_probe.imds.outcomes import LENGTH_IS_NO_NUMBER, MALFORMED

LENGTH_DIGITS = 18  # an exabyte; Python itself refuses to read numbers that are long without end


@dataclass(frozen=True)
class Answer:
    """A whole answer. `trouble` says why it makes no sense, empty where it does; then the rest may be missing."""

    status: int | None = None
    server: str | None = None
    body: bytes = b""
    trouble: str = ""


class _CutOff(Exception):
    """The bytes end where they must not."""


class _Lines(io.BytesIO):
    """Gives whole lines only. http.client takes the end of the bytes for the end of a line, and of the headers too: half
    a chunk size would be one, and an answer without its length would be whole.
    """

    in_head = True

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        # After the head, nothing at all may be left: the line after the last chunk is not missed.
        if not line.endswith(b"\n") and len(line) != size and (line.strip() or self.in_head):
            raise _CutOff
        return line


class _Received:
    """Stands in for the socket that http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self.lines = _Lines(data)

    def makefile(self, mode: str) -> BinaryIO:
        del mode
        return self.lines


def read_answer(data: bytes, *, ended: bool, limit_bytes: int) -> Answer | None:
    """The answer, None where more has to come. `ended` says that nothing more will; no body is read past `limit_bytes`.

    Raises nothing: what cannot be understood is an Answer with `trouble`.
    """
    if len(data) > 2 * limit_bytes:
        return Answer(trouble=f"more than {limit_bytes} bytes")
    received = _Received(data)
    response = http.client.HTTPResponse(received, method="PUT")  # type: ignore[arg-type]
    try:
        response.begin()
        received.lines.in_head = False
        server = response.headers.get("Server")
        if not _makes_sense(response.headers.get_all("Content-Length", [])):
            # http.client would take it as not given, or the first of several.
            return Answer(response.status, server, trouble=LENGTH_IS_NO_NUMBER)
        if response.length is None and not response.chunked and not ended:
            return None  # it ends where the connection does
        body = response.read(limit_bytes + 1)
        missing = response.length or 0
    except (_CutOff, http.client.IncompleteRead):
        return Answer(trouble="cut off") if ended else None
    except (http.client.HTTPException, ValueError):
        return Answer(trouble=MALFORMED)
    if missing and len(body) <= limit_bytes:
        return Answer(response.status, server, trouble=f"{missing} bytes are missing") if ended else None
    if len(body) > limit_bytes:
        return Answer(response.status, server, trouble=f"body longer than {limit_bytes} bytes")
    return Answer(response.status, server, body)


def _makes_sense(lengths: list[str]) -> bool:
    return len(lengths) <= 1 and all(
        text.isascii() and text.isdigit() and len(text) <= LENGTH_DIGITS for text in lengths
    )
