"""What came of one request, as a value: callers tell outcomes apart without catching anything."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from imds_probe.dataclass import dataclass

# The Server header in every capture of the real service. Others answer with their own name (though an imitation may
# borrow this one), and then with TTLs of their own.
EC2_SERVER = "EC2ws"


class Outcome(StrEnum):
    """Every way a request to the metadata service can end."""

    OK = "ok"
    BAD_REQUEST = "bad-request"  # 400
    UNAUTHORIZED = "unauthorized"  # 401
    FORBIDDEN = "forbidden"  # 403, which has four causes: see collect/options.py
    NOT_FOUND = "not-found"  # 404
    THROTTLED = "throttled"  # 503 (documented) or 429 (seen elsewhere), also after the retries
    REFUSED = "refused"  # the connection was reset while it was made
    UNREACHABLE = "unreachable"  # no route, prohibited, address family missing
    CONNECT_TIMEOUT = "connect-timeout"
    ANSWER_LOST = "answer-lost"  # connected, then silence, a reset or an end before the first byte
    GARBAGE = "garbage"  # bytes came, but no complete and sane answer
    UNEXPECTED = "unexpected"  # a well-formed answer with a status that has no business here, such as a redirect


NOT_CONNECTED = frozenset({Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.CONNECT_TIMEOUT})


@dataclass(frozen=True)
class Reply:
    """One answer, or the lack of it. `detail` is safe to print: it never holds a body or a header's value."""

    outcome: Outcome
    detail: str
    status: int | None = None
    server: str | None = None  # what the Server header names, as far as that is known
    latency_ms: float | None = None  # from the start of the connection to the end of the answer
    local_port: int | None = None
    body: bytes = field(default=b"", repr=False)
    tells_life_left: bool = False  # of the token that was sent: it is one of the service's own

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    @property
    def connected(self) -> bool:
        return self.outcome not in NOT_CONNECTED
