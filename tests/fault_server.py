"""AWS's answers at their worst, on loopback: a server that takes a request, or spoils it as it is told to.

What it took (answered with success, or in "half" with the beginning of one) is in `taken`; everything else has had no
effect, as a real service's refusal has none.
"""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate

from aws_server import PATIENCE_S, patient

# Answers as AWS's JSON protocol has them: status, error code, message.
ERRORS = {
    "400": (400, "InvalidParameterException", "a parameter is not right"),
    "403": (403, "AccessDeniedException", "User is not authorized to perform: logs:PutLogEvents"),
    "413": (413, "RequestEntityTooLarge", "too large"),
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "500": (500, "InternalFailure", "sorry"),
    "503": (503, "ServiceUnavailableException", "later"),
    "expired": (400, "ExpiredTokenException", "The security token included in the request is expired"),
    "clock": (403, "InvalidSignatureException", "Signature expired: 20261126T000000Z is now earlier than ..."),
    "missing": (400, "ResourceNotFoundException", "The specified log group does not exist."),
}
KINDS = ("reset", "hang", "half", *ERRORS)


class FaultServer:
    """`plan` says for each request, by its number from 0, what becomes of it: "ok" or one of KINDS. One that hangs is closed
    after `hang_s`.
    """

    def __init__(self, plan: Callable[[int], str], hang_s: float = 30.0, clock_s: float = 0.0) -> None:
        self.plan, self._hang_s, self._clock_s = plan, hang_s, clock_s
        self.taken: list[bytes] = []
        self.requests: list[tuple[str, dict[str, str]]] = []  # what became of it, its headers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def kinds(self) -> list[str]:
        with self._lock:
            return [kind for kind, _ in self.requests]

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.settimeout(PATIENCE_S)
            try:
                while request := _read(client):
                    if not self._answer(client, *request):
                        return
            except OSError:
                return  # who asked was killed

    def _answer(self, client: socket.socket, headers: dict[str, str], body: bytes) -> bool:
        """Whether the connection goes on."""
        with self._lock:
            kind = self._kind(headers, body)
            self.requests.append((kind, headers))
            status, more, content = self._answered(kind, headers, body)
        if kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "hang":
            self._ended.wait(self._hang_s)
            return False
        head = [
            f"HTTP/1.1 {status} X",
            f"Content-Type: {'text/xml' if content[:1] == b'<' else 'application/x-amz-json-1.1'}",
            f"Content-Length: {len(content)}",
            f"Date: {formatdate(time.time() + self._clock_s, usegmt=True)}",
            "x-amzn-RequestId: 00000000-0000-0000-0000-000000000000",
            *more,
            "",
            "",
        ]
        answer = "\r\n".join(head).encode() + (b"" if headers[":method"] == "HEAD" else content)
        # Once the status line is there, a client knows that the request was taken: half of it is half an answer.
        client.sendall(answer[:10] if kind == "half" else answer)
        return kind != "half"

    def _kind(self, headers: dict[str, str], body: bytes) -> str:
        del headers, body
        return self.plan(len(self.requests))

    def _answered(self, kind: str, headers: dict[str, str], body: bytes) -> tuple[int, list[str], bytes]:
        """Status, more headers and content; what is taken is, by the thread that holds the lock."""
        if kind in ("ok", "half"):
            self.taken.append(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
        status, code, message = ERRORS.get(kind, (200, "", ""))
        return status, [], _content(code, message, "amz-json" in headers.get("content-type", ""))


def _content(code: str, message: str, as_json: bool) -> bytes:
    """In the protocol that was asked in: CloudWatch's was Query, with answers in XML, before it was JSON."""
    if as_json:
        return json.dumps({"__type": code, "message": message} if code else {"nextSequenceToken": "1"}).encode()
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
    name = "ErrorResponse" if code else "PutMetricDataResponse"
    return f"<{name}>{error}<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{name}>".encode()


def _read(client: socket.socket) -> tuple[dict[str, str], bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := client.recv(65536)):
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    }
    headers[":method"], headers[":path"], _ = head.decode("latin-1").partition("\r\n")[0].split(" ", 2)
    if headers.get("expect") == "100-continue" and not body:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", 0)):
        if not (chunk := client.recv(65536)):
            return None
        body += chunk
    return headers, body


def one_after_another(*kinds: str) -> Callable[[int], str]:
    """These, and then "ok" for ever."""
    return lambda number: kinds[number] if number < len(kinds) else "ok"


def at_random(seed: int, share: float, kinds: Sequence[str]) -> Callable[[int], str]:
    chance = random.Random(seed)
    return lambda _: chance.choice(kinds) if chance.random() < share else "ok"


@contextmanager
def faulty(plan: Callable[[int], str], **how: float) -> Iterator[FaultServer]:
    server = FaultServer(plan, **how)
    try:
        with patient():
            yield server
    finally:
        server.close()
