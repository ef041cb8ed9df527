"""Hop limit without any privilege: IP_MINTTL makes the kernel drop packets whose TTL is below k.

The largest k at which the token still arrives is the TTL of the answer. Dropped packets look like silence, so the
search asks several k at once, and what it took for silence is looked at once more at the end. It takes 3 token PUTs
for a limit of 1 to 3, 5 for 4 and 64, up to 11 for the others.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import field

from imds_probe.dataclass import dataclass

IP_MINTTL = 21  # <linux/in.h>; ip(7), since Linux 2.6.34
IPV6_MINHOPCOUNT = 73  # <linux/in6.h>, since Linux 2.6.35
HIGHEST = 64  # HttpPutResponseHopLimit ranges from 1 to 64
# The limits that are in use: 1 (default), 2 (advised for containers), 3 (nested), 64 (all the way open).
FIRST_ROUNDS = ((2, 3, 4), (5, HIGHEST))


@dataclass
class Search:
    """The state of the search: the highest k that arrived, the lowest that did not. 65 stands for "none above"."""

    arrived: int = 1  # the plain token PUT was answered, and no packet arrives with a TTL below 1
    lost: int = HIGHEST + 1
    requests: int = 0
    consistent: bool = True
    rounds: list[tuple[int, ...]] = field(default_factory=lambda: list(FIRST_ROUNDS))

    def next_round(self) -> tuple[int, ...]:
        """The values of k to ask next, empty when the answer is known."""
        while self.lost - self.arrived > 1:
            candidates = self.rounds.pop(0) if self.rounds else ((self.arrived + self.lost) // 2,)
            wanted = tuple(k for k in candidates if self.arrived < k < self.lost)
            if wanted:
                return wanted
        return ()

    def note(self, k: int, arrived: bool) -> None:
        self.requests += 1
        if arrived:
            self.arrived = max(self.arrived, k)
        else:
            self.lost = min(self.lost, k)
        if self.lost <= self.arrived:
            self.consistent = False


@dataclass(frozen=True)
class MinTtlResult:
    """The hop limit, or None and the reason; `requests` counts the token PUTs it took."""

    hop_limit: int | None
    requests: int
    reason: str = ""


class _Knock:
    """One token PUT on a connection that accepts only packets with a TTL of at least k."""

    def __init__(self, address: str, port: int, request: bytes, k: int, connect_timeout_s: float) -> None:
        self.k = k
        self.arrived = False
        self.disturbed = False
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(connect_timeout_s)
            self.sock.connect((address, port))
            if family == socket.AF_INET6:
                self.sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, k)
            else:
                self.sock.setsockopt(socket.IPPROTO_IP, IP_MINTTL, k)
            # Leaving with a reset keeps the service from sending its dropped answer again and again.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.sendall(request)
            self.sock.setblocking(False)
        except OSError:
            self.sock.close()
            raise

    def look(self, answered: Callable[[bytes], bool]) -> None:
        """Note whether an answer is there; nothing of it is kept, and most of it is not even read."""
        try:
            answer = self.sock.recv(64)
        except BlockingIOError:
            return
        except OSError:
            answer = b""
        if answered(answer):
            self.arrived = True
        else:
            # A reset or a 503 says nothing about TTLs, and must not be taken for a dropped answer.
            self.disturbed = True


def measure(
    address: str,
    port: int,
    request: bytes,
    *,
    answered: Callable[[bytes], bool],
    patience_s: float,
    connect_timeout_s: float,
    deadline: float,
    on_request: Callable[[], None],
) -> MinTtlResult:
    """Find the TTL of the answer to `request` (the bytes of a token PUT that is known to be answered).

    `answered` says of an answer's first bytes whether it is the one that is hoped for. `patience_s`: after so much silence
    the answer counts as dropped. `on_request` is called once a request.
    """
    search = Search()
    silent: list[_Knock] = []
    try:
        while wanted := search.next_round():
            if time.monotonic() + patience_s > deadline:
                return MinTtlResult(None, search.requests, "the time limit came first")
            knocks = []
            try:
                for k in wanted:
                    knock = _Knock(address, port, request, k, connect_timeout_s)
                    silent.append(knock)
                    knocks.append(knock)
                    on_request()
            except OSError as error:
                return MinTtlResult(None, search.requests, f"a further connection failed: {error.strerror or error}")
            _listen(knocks, patience_s, answered)
            if any(knock.disturbed for knock in knocks):
                return MinTtlResult(None, search.requests, "a further token request was refused or cut off")
            for knock in knocks:
                search.note(knock.k, knock.arrived)
        # An answer that was only slow has come by now. Then the search went wrong, and must not end in a number.
        late = 0
        for knock in silent:
            if not knock.arrived:
                knock.look(answered)
                late += knock.arrived or knock.disturbed
    finally:
        for knock in silent:
            knock.sock.close()
    if late or not search.consistent:
        return MinTtlResult(None, search.requests, "answers came too slowly or out of order to tell a TTL from them")
    return MinTtlResult(search.arrived, search.requests)


def _listen(knocks: list[_Knock], patience_s: float, answered: Callable[[bytes], bool]) -> None:
    """Wait until every answer has come or patience ends. A higher k answered means that lower ones will be, too."""
    end = time.monotonic() + patience_s
    with selectors.DefaultSelector() as selector:
        for knock in knocks:
            selector.register(knock.sock, selectors.EVENT_READ, knock)
        while selector.get_map() and (left_s := end - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                key.data.look(answered)
                selector.unregister(key.fileobj)
