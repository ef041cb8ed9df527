"""Session tokens: made, remembered and found expired by a clock that faults can move."""

from __future__ import annotations

import base64
import re
import secrets
import threading
import time
from itertools import islice

TTL_MIN_S, TTL_MAX_S = 1, 21600  # EC2 User Guide: "minimum of one second and a maximum of six hours"
# Captures show 40 random-looking bytes; only their first letters tell the two generations of the service apart.
HEAD_HTTP_1_1 = b"\x01\x00\x04"  # AQAEA...
HEAD_HTTP_1_0 = b"\x01\x00\x00"  # AQAAA...
TOKEN_BYTES = 40
TOKEN_TEXT = re.compile(r"AQA[EA]A[A-Za-z0-9_-]{49}(?:==|%3D%3D)?", re.IGNORECASE)
# "No practical limit on the number of concurrent tokens" (EC2 User Guide), but this process has to live within one.
REMEMBERED = 200_000


class Clock:
    """Seconds that only move forward, and further when told to."""

    def __init__(self) -> None:
        self._offset_s = 0.0

    def now_s(self) -> float:
        return time.monotonic() + self._offset_s

    def unix_s(self) -> float:
        """The same clock as a Unix time, for the documents that carry dates."""
        return time.time() + self._offset_s

    def jump(self, seconds: float) -> None:
        self._offset_s += seconds


class Tokens:
    """Every token that was issued; the oldest are forgotten past 200,000. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expiry_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, ttl_s: int, *, http_1_0: bool = False) -> str:
        """A new token of 56 characters for `ttl_s` seconds."""
        head = (HEAD_HTTP_1_0 if http_1_0 else HEAD_HTTP_1_1) + bytes([secrets.randbelow(4)])
        token = base64.urlsafe_b64encode(head + secrets.token_bytes(TOKEN_BYTES - len(head))).decode()
        with self._lock:
            if len(self._expiry_s) >= REMEMBERED:
                for old in list(islice(self._expiry_s, REMEMBERED // 10)):
                    del self._expiry_s[old]
            self._expiry_s[token] = self._clock.now_s() + ttl_s
        return token

    def remaining_s(self, token: str) -> float | None:
        """Seconds of life that a token has left; None for an expired one and for any other text."""
        with self._lock:
            expiry_s = self._expiry_s.get(token)
        if expiry_s is None:
            return None
        left_s = expiry_s - self._clock.now_s()
        return left_s if left_s > 0 else None

    def issued(self) -> tuple[str, ...]:
        """All tokens handed out, oldest first, the expired ones too."""
        with self._lock:
            return tuple(self._expiry_s)


def redact(text: str) -> str:
    """The text with everything that has the shape of a token replaced: clients do put tokens into paths."""
    return TOKEN_TEXT.sub("<token>", text)
