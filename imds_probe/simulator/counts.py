"""What the simulator saw: who asked how often, in which version of the protocol, and what came of it."""

from __future__ import annotations

import copy
import threading
from dataclasses import asdict, field
from typing import Any

from imds_probe.dataclass import dataclass
from imds_probe.simulator.messages import MetadataRequest
from imds_probe.simulator.tokens import redact

# A hostile client must not grow these tables without end; what comes later is counted under one name.
DISTINCT_KEYS = 1000
OTHERS = "(others)"
REFUSED = {401, 403}


@dataclass
class Tally:
    """Counts of requests. A token PUT is IMDSv2, and so is every request with one of the two token headers."""

    total: int = 0
    imdsv1: int = 0
    imdsv1_refused: int = 0  # of those, answered 401 or 403
    imdsv2: int = 0
    token_puts: int = 0
    connections: int = 0
    request_bytes: int = 0


@dataclass
class Counts(Tally):
    """A snapshot. `by_status` has 0 for requests that got no status; `malformed` ones are not in `total`."""

    forwarded_for: int = 0
    malformed: int = 0
    by_caller: dict[str, Tally] = field(default_factory=dict)
    by_path: dict[str, Tally] = field(default_factory=dict)
    by_status: dict[int, int] = field(default_factory=dict)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


class Counter:
    """Adds up; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def connection(self, caller: str) -> None:
        with self._lock:
            self._counts.connections += 1
            _row(self._counts.by_caller, caller).connections += 1

    def malformed(self) -> None:
        with self._lock:
            self._counts.malformed += 1

    def request(self, caller: str, request: MetadataRequest, status: int) -> None:
        """Count one request; `status` is what the client gets to see, 0 for nothing."""
        v1 = request.imds_version == "v1"
        with self._lock:
            counts = self._counts
            for tally in (counts, _row(counts.by_caller, caller), _row(counts.by_path, redact(request.path))):
                tally.total += 1
                tally.imdsv1 += v1
                tally.imdsv1_refused += v1 and status in REFUSED
                tally.imdsv2 += not v1
                tally.token_puts += request.token_put
                tally.request_bytes += request.head_bytes + (request.body_bytes or 0)
            counts.forwarded_for += "x-forwarded-for" in request.headers
            counts.by_status[status] = counts.by_status.get(status, 0) + 1

    def snapshot(self) -> Counts:
        """A copy that later requests do not change."""
        with self._lock:
            return copy.deepcopy(self._counts)

    def reset(self) -> None:
        with self._lock:
            self._counts = Counts()


def _row(table: dict[str, Tally], key: str) -> Tally:
    if key not in table and len(table) >= DISTINCT_KEYS:
        key = OTHERS
    return table.setdefault(key, Tally())
