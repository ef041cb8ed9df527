"""Faults on demand: which trouble, for which requests, how many times. Deciding only; `delivery` carries them out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, Literal, get_args

from imds_probe.dataclass import dataclass
from imds_probe.errors import ProbeError

AppliesTo = Literal["token_put", "get", "all"]
Kind = Literal[
    "silence-after-accept",  # the connection is taken, nothing on it is ever answered
    "silence-after-request",
    "drip",  # head and body, one byte every `interval_ms`
    "reset-before-answer",
    "reset-mid-answer",  # RST after `at_byte` bytes of the answer, by default half of it
    "close",  # orderly end without an answer
    "garbage",  # bytes that are not HTTP
    "status",  # `status` with an empty body, `retry_after_s` as Retry-After where given
    "redirect",  # `status` 301, 302, 303, 307 or 308 to `location`
    "clock-jump",  # the service's clock moves on by `seconds`, then the request is served
    "oversized-body",  # a proper answer of `size_bytes`
    "endless-headers",  # until the client leaves or `size_bytes` were sent
    "endless-body",  # the same, with `framing`
    "content-length-too-long",
    "content-length-too-short",
    "content-length-negative",
    "content-length-not-a-number",
    "token-empty",
    "token-binary",
    "token-crlf",
    "token-spaces",
    "token-html",
]
Framing = Literal["chunked", "close"]

ON_ACCEPT = "silence-after-accept"
INSTEAD_OF_SERVING = {"status", "redirect"}
NO_STATUS_SENT = {ON_ACCEPT, "silence-after-request", "reset-before-answer", "close", "garbage"}
SIZE_LIMIT_BYTES = 64 * 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Fault:
    """One kind of trouble and the requests it meets.

    The first `after` matching requests are served properly, the next `count` meet the fault (None: all of them), and
    later ones are served properly again. Kinds that begin with "token-" only ever meet token PUTs. Fields that a kind
    does not use are ignored. Raises ProbeError where a value makes no sense.
    """

    kind: Kind
    applies_to: AppliesTo = "all"
    after: int = 0
    count: int | None = None
    interval_ms: float = 50.0
    at_byte: int | None = None
    status: int | None = None  # "status": 503 by default; "redirect": 302
    location: str = ""
    seconds: float = 21600.0
    size_bytes: int = SIZE_LIMIT_BYTES
    framing: Framing = "chunked"
    retry_after_s: int | None = None

    def __post_init__(self) -> None:
        kinds = get_args(Kind)
        self._expect("kind", self.kind in kinds, f"one of {', '.join(kinds)}")
        scopes = get_args(AppliesTo)
        self._expect("applies_to", self.applies_to in scopes, f"one of {', '.join(scopes)}")
        self._expect("framing", self.framing in get_args(Framing), "chunked or close")
        self._expect("after", _whole(self.after, 0, 10**9), "a whole number, 0 or more")
        self._expect("count", self.count is None or _whole(self.count, 1, 10**9), "a whole number above 0, or null")
        self._expect("interval_ms", _number(self.interval_ms, 1, 60_000), "1 to 60000")
        self._expect("at_byte", self.at_byte is None or _whole(self.at_byte, 1, 65536), "1 to 65536, or null")
        self._expect("seconds", _number(self.seconds, 0, 10**9), "0 or more")
        self._expect("size_bytes", _whole(self.size_bytes, 1, SIZE_LIMIT_BYTES), f"1 to {SIZE_LIMIT_BYTES}")
        self._expect(
            "retry_after_s", self.retry_after_s is None or _whole(self.retry_after_s, 0, 86400), "0 to 86400, or null"
        )
        self._expect("status", self.status is None or _whole(self.status, 300, 599), "300 to 599, or null")
        self._expect(
            "location",
            isinstance(self.location, str) and self.location.isprintable() and self.location.isascii(),
            "printable ASCII",
        )
        if self.kind == "redirect":
            self._expect("status", self.status is None or self.status in REDIRECTS, "301, 302, 303, 307 or 308")
            self._expect("location", self.location != "", "a URL")
        if self.kind == ON_ACCEPT:
            # What a connection will ask for is not known yet when it is accepted.
            self._expect("applies_to", self.applies_to == "all", f"all for {ON_ACCEPT}")
        if self.kind.startswith("token-"):
            self._expect("applies_to", self.applies_to != "get", f"token_put for {self.kind}")

    def _expect(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            raise ProbeError(f"faults: {name} {getattr(self, name)!r} is not valid", f"Use {wanted}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Fault:
        """A fault from its JSON object, e.g. {"kind": "drip", "applies_to": "get", "count": 2}."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ProbeError(f"faults: unknown field {name!r}", f"Use {', '.join(known)}")
        if "kind" not in values:
            raise ProbeError("faults: a fault without a kind", 'Give it one, e.g. {"kind": "reset-before-answer"}')
        return cls(**values)

    def to_mapping(self) -> dict[str, Any]:
        """The JSON object of this fault: its kind and what differs from the defaults."""
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if name == "kind" or value != defaults[name]}

    def meets(self, *, token_put: bool) -> bool:
        """Whether a request of this sort is in scope, before any counting."""
        if self.kind.startswith("token-"):
            return token_put
        return self.applies_to == "all" or (self.applies_to == "token_put") == token_put


def parse_faults(values: object) -> tuple[Fault, ...]:
    """Faults from a JSON list of objects, or from Fault objects; raises ProbeError naming what is wrong."""
    if not isinstance(values, list | tuple):
        raise ProbeError(f"faults: {values!r} is not a list", 'Use a list, e.g. [{"kind": "drip"}]')
    parsed = []
    for value in values:
        if isinstance(value, Fault):
            parsed.append(value)
        elif isinstance(value, Mapping):
            parsed.append(Fault.from_mapping(value))
        else:
            raise ProbeError(f"faults: {value!r} is not an object", 'Use e.g. {"kind": "drip"}')
    return tuple(parsed)


class Schedule:
    """Counts the requests each fault has seen, and says which fault, if any, the next one meets: the first in line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(faults)
        self._seen = [0] * len(self._faults)
        self._lock = threading.Lock()

    def on_accept(self) -> Fault | None:
        """The fault for a connection that was just accepted."""
        return self._next([i for i, fault in enumerate(self._faults) if fault.kind == ON_ACCEPT])

    def on_request(self, *, token_put: bool) -> Fault | None:
        """The fault for a request that was read."""
        return self._next(
            [i for i, f in enumerate(self._faults) if f.kind != ON_ACCEPT and f.meets(token_put=token_put)]
        )

    def _next(self, candidates: list[int]) -> Fault | None:
        with self._lock:
            for index in candidates:
                fault = self._faults[index]
                self._seen[index] += 1
                turn = self._seen[index] - fault.after
                if turn > 0 and (fault.count is None or turn <= fault.count):
                    return fault
        return None


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
