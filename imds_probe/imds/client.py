"""The IMDSv2 client: PUT a session token, then GET with it. It has no IMDSv1 fallback.

The one request without a token that the probe may make lives apart, in v1_probe.py.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from contextlib import closing
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.imds.dialer import Dialer, SocketMaker, SocketOption, hold
from imds_probe.imds.endpoints import Endpoint
from imds_probe.imds.outcomes import LENGTH_IS_NO_NUMBER, MALFORMED, NO_TOKEN, classify, server_name, trouble_of
from imds_probe.imds.replies import Outcome, Reply
from imds_probe.imds.token import Token, plausible
from imds_probe.imds.token_put import TOKEN_PATH, TTL_HEADER, USER_AGENT

BODY_LIMIT_BYTES = 64 * 1024  # user data, the largest item, ends at 16 KiB
RETRIES_WHEN_THROTTLED = 2
BACKOFF_S = 0.1


@dataclass(frozen=True)
class Timeouts:
    """Seconds. On a healthy host both take well under a millisecond; AWS's own SDKs allow one second."""

    connect_s: float = 1.0
    read_s: float = 1.0
    exchange_s: float = 3.0  # one request from its first to its last packet, however slowly it drips


class RequestCounter:
    """How many requests went out, by version. The report states it, so it counts attempts that reached a socket."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.imdsv1 = 0
        self.imdsv2 = 0

    def add(self, *, imdsv2: bool) -> None:
        with self._lock:
            if imdsv2:
                self.imdsv2 += 1
            else:
                self.imdsv1 += 1


class MetadataClient:
    """Speaks to one endpoint. Not thread-safe; `counter` may be shared.

    `deadline` (time.monotonic) ends every wait, retries included. `options` are set on each connected socket and
    `make_socket` replaces its making: that is how hop limits are measured and containers entered.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        deadline: float,
        counter: RequestCounter,
        timeouts: Timeouts | None = None,
        options: tuple[SocketOption, ...] = (),
        make_socket: SocketMaker | None = None,
    ) -> None:
        timeouts = timeouts or Timeouts()
        self.endpoint = endpoint
        self._deadline = deadline
        self._counter = counter
        self._exchange_s = timeouts.exchange_s
        self._dialer = Dialer(
            endpoint,
            connect_timeout_s=timeouts.connect_s,
            read_timeout_s=timeouts.read_s,
            options=options,
            make_socket=make_socket,
        )
        self._token: Token | None = None

    def put_token(self, ttl_s: int = 60) -> Reply:
        """Ask for a session token that lives `ttl_s` seconds (1 to 21600). It stays in the client; the reply has no
        body. A 200 whose body cannot be a token is garbage.
        """
        reply = self._request("PUT", TOKEN_PATH, {TTL_HEADER: str(ttl_s)}, imdsv2=True)
        if reply.ok:
            if not plausible(reply.body):
                return replace(reply, outcome=Outcome.GARBAGE, detail=NO_TOKEN, body=b"")
            self._token = Token(reply.body.decode("ascii"), ttl_s)
        return replace(reply, body=b"")

    def get(self, path: str) -> Reply:
        """GET with a token, which is asked for first where there is none; one new token after a 401.

        Where no token is to be had, the reply is that of the token PUT: nothing is asked without one.
        """
        for attempt in (1, 2):
            if self._token is None or self._token.expired:
                reply = self.put_token()
                if self._token is None or self._token.expired:
                    return reply
            reply = self._request("GET", path, self._token.header(), imdsv2=True)
            if reply.outcome is not Outcome.UNAUTHORIZED or attempt == 2:
                return reply
            self._token = None
        raise AssertionError("unreachable")

    def knows(self, token: Token) -> bool | None:
        """Whether a token is one of this service's own: one GET with it, and no other request. None where the answer says
        nothing: while tokens are optional, a service may serve whatever it is sent, and then does not say how long it lives.
        """
        reply = self._request("GET", "/latest/meta-data/", token.header(), imdsv2=True)
        if reply.outcome is Outcome.UNAUTHORIZED:
            return False
        return True if reply.ok and reply.tells_life_left else None

    def get_without_token(self, path: str) -> Reply:
        """One IMDSv1 request, never repeated. For v1_probe.py alone: it counts in CloudWatch's MetadataNoToken.

        The connection stays open, so that a watch finds out that it is the probe's own.
        """
        self._dialer.once_connected = hold
        try:
            return self._request("GET", path, {}, imdsv2=False)
        finally:
            self._dialer.once_connected = None

    def _request(self, method: str, path: str, headers: dict[str, str], *, imdsv2: bool) -> Reply:
        reply = self._exchange(method, path, headers, imdsv2=imdsv2)
        for attempt in range(RETRIES_WHEN_THROTTLED if imdsv2 else 0):
            if reply.outcome is not Outcome.THROTTLED:
                break
            # Full jitter: a fleet that was throttled together must not come back together.
            time.sleep(max(0.0, min(random.uniform(0, BACKOFF_S * 2**attempt), self._deadline - time.monotonic())))  # noqa: S311
            if time.monotonic() >= self._deadline:
                break
            reply = self._exchange(method, path, headers, imdsv2=imdsv2)
        return reply

    def _exchange(self, method: str, path: str, headers: dict[str, str], *, imdsv2: bool) -> Reply:
        started = time.monotonic()
        self._dialer.begin(min(self._deadline, started + self._exchange_s))
        status, server, body = None, None, b""
        tells_life_left = False
        trouble = ""
        try:
            # http.client knows of no proxies, .netrc, cookies or redirects: HTTP_PROXY in the environment must not see a
            # token. The dialer's sockets keep the times.
            with closing(self._dialer.connection()) as connection:
                own = {"User-Agent": USER_AGENT, "Connection": "close"}
                connection.request(method, path, headers=own | headers)
                with connection.getresponse() as response:
                    status, server = response.status, server_name(response.headers.get("Server"))
                    tells_life_left = TTL_HEADER in response.headers
                    body = response.read(BODY_LIMIT_BYTES + 1)
                    trouble = _incomplete(response, body)
        except (http.client.HTTPException, OSError) as error:
            trouble = trouble_of(error)
        except ValueError:
            # http.client raises it for lengths and chunk sizes that are no numbers.
            trouble = MALFORMED
        finally:
            conversation = self._dialer.conversation
            if conversation.connected:
                self._counter.add(imdsv2=imdsv2)
        outcome, detail = classify(conversation, status, trouble)
        return Reply(
            outcome,
            detail,
            status=status,
            server=server,
            latency_ms=round((time.monotonic() - started) * 1000, 3),
            local_port=conversation.local_port,
            body=body if outcome is Outcome.OK else b"",
            tells_life_left=tells_life_left,
        )


def _incomplete(response: http.client.HTTPResponse, body: bytes) -> str:
    """Why a body is not to be believed, empty if it is."""
    if len(body) > BODY_LIMIT_BYTES:
        return f"body longer than {BODY_LIMIT_BYTES} bytes"
    declared = response.headers.get("Content-Length")
    if declared is not None and not (declared.isascii() and declared.isdigit()):
        return LENGTH_IS_NO_NUMBER
    if declared is not None and int(declared) != len(body):
        return f"{len(body)} of {int(declared)} bytes"
    return ""
