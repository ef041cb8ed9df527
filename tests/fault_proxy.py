"""AWS on loopback with faults: what is asked goes on to moto, unless the plan has a fault for the call."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aws_server import PATIENCE_S, AwsServer
from fault_server import FaultServer

# As the protocols of EC2 and of Auto Scaling have them: status, error code.
_ERRORS = {
    "throttle": (503, "RequestLimitExceeded"),
    "denied": (403, "UnauthorizedOperation"),
    "disabled": (401, "AuthFailure"),
    "500": (500, "InternalError"),
}


class FaultProxy(FaultServer):
    """`faults` has for a call, such as "DescribeInstances", what becomes of it: the first time, the second, and so on; then it
    works. `calls` are all that came. Regions are told apart by the signature: "Action@eu-west-1" is the call there alone.
    """

    def __init__(self, server: AwsServer, faults: Mapping[str, tuple[str, ...]]) -> None:
        self._to = urllib.parse.urlsplit(server.endpoint).netloc
        self._faults = {action: list(kinds) for action, kinds in faults.items()}
        self.calls: list[str] = []
        super().__init__(lambda _: "ok")

    def _kind(self, headers: dict[str, str], body: bytes) -> str:
        action = urllib.parse.parse_qs(body.decode("latin-1")).get("Action", [""])[0]
        region = headers.get("authorization", "").partition("Credential=")[2].split("/")[2:3]
        self.calls.append(action)
        for name in (f"{action}@{''.join(region)}", action):
            if waiting := self._faults.get(name):
                return waiting[0] if waiting[0].startswith("always-") else waiting.pop(0)
        return "ok"

    def _answered(self, kind: str, headers: dict[str, str], body: bytes) -> tuple[int, list[str], bytes]:
        if (error := _ERRORS.get(kind.removeprefix("always-"))) is not None:
            status, code = error
            inner = f"<Error><Code>{code}</Code><Message>as planned</Message></Error>"
            return status, [], f"<Response><Errors>{inner}</Errors><RequestID>0</RequestID></Response>".encode()
        if kind not in ("ok", "half"):
            return 0, [], b""
        connection = http.client.HTTPConnection(self._to, timeout=PATIENCE_S)
        passed = {name: value for name, value in headers.items() if not name.startswith(":") and name != "expect"}
        connection.request(headers[":method"], headers[":path"], body, passed)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, [], content


@contextmanager
def proxied(server: AwsServer, **faults: tuple[str, ...]) -> Iterator[FaultProxy]:
    proxy = FaultProxy(server, faults)
    try:
        yield proxy
    finally:
        proxy.close()
