"""The session token, held by one object that does not show it."""

from __future__ import annotations

import time
from typing import NoReturn


class Token:
    """An IMDSv2 session token. Its value leaves only through `header()`; repr, str, format and pickle hide it."""

    __slots__ = ("_expires_at", "_value")

    def __init__(self, value: str, ttl_s: float) -> None:
        self._value = value
        self._expires_at = time.monotonic() + ttl_s

    def header(self) -> dict[str, str]:
        """The request header that carries the token."""
        return {"X-aws-ec2-metadata-token": self._value}

    @property
    def expired(self) -> bool:
        """Whether our clock says so. The service's clock rules: a 401 means expired whatever this says."""
        return time.monotonic() >= self._expires_at

    def __repr__(self) -> str:
        return "<Token hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not to be stored")


def plausible(body: bytes) -> bool:
    """Whether a 200's body can be a token at all: short, printable, no blanks, so safe as a header value.

    The real ones are 56 characters of base64url, but the format is opaque by contract, so no more than this is asked.
    Without the check an error page served with 200 becomes "the token" (as happened to others).
    """
    return 0 < len(body) <= 1024 and all(0x21 <= byte <= 0x7E and byte not in b"<>\"'{}" for byte in body)
