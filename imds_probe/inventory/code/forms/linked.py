"""Which functions a program of Go was linked with: its linker leaves out what nothing calls, and keeps the names of the rest.

So a program that has the metadata service's paths and a server of HTTP, and nothing that could ask, answers at these paths. A
proxy that hands requests on as they come asks what others ask.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import BinaryIO

_SERVER = b"net/http.(*Server).Serve\0"
_ASKS = (
    *(b"net/http.(*Client).do\0", b"net.(*Dialer).Dial\0", b"net.Dial\0", b"net.DialTCP\0", b"net.DialTimeout\0"),
    b"valyala/fasthttp.(*HostClient)",
)
_ROUND_TRIP, _HANDS_ON = b"net/http.(*Transport).RoundTrip\0", b"httputil.(*ReverseProxy).ServeHTTP\0"
_STARTS, _TOOLS = b"os/exec.(*Cmd).Start\0", (b"curl", b"wget")
_PIECE_BYTES = 4 * 1024 * 1024
_OVERLAP_BYTES = 64


def only_serves(file: BinaryIO) -> bool:
    """Whether a program answers requests and has nothing to make its own with; false of what is none of Go's."""
    there = _those_in(file, (_SERVER, *_ASKS, _ROUND_TRIP, _HANDS_ON, _STARTS, *_TOOLS))
    if _SERVER not in there or there.intersection(_ASKS):
        return False
    if _ROUND_TRIP in there and _HANDS_ON not in there:
        return False
    return not (_STARTS in there and there.intersection(_TOOLS))


def _those_in(file: BinaryIO, words: Collection[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    rest = b""
    file.seek(0)
    while chunk := file.read(_PIECE_BYTES):
        piece = rest + chunk
        found.update(word for word in words if word not in found and word in piece)
        rest = piece[-_OVERLAP_BYTES:]
    return found
