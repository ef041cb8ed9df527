"""S3 at its worst, on loopback: the fault server with objects, and STS beside it.

It takes what S3 does of conditions: a key that must not be there yet, or must have the ETag that was read.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aws_server import patient
from fault_server import ERRORS, FaultServer

OWNER = "123456789012"
_AS_S3 = {
    "throttle": (503, "SlowDown", "Please reduce your request rate."),
    "403": (403, "AccessDenied", "Access Denied"),
}
_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:sts::{account}:assumed-role/web/{session}</Arn><UserId>{user}</UserId><Account>{account}</Account>"
    "</GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


class FaultStore(FaultServer):
    """`user` is whom STS takes everybody for, `may_read` whether they may read objects. `written` has each object that was stored,
    in order: its key, without the bucket, and its content. `objects` has what is there: content and headers by key.
    """

    def __init__(self, plan: Callable[[int], str], user: str, hang_s: float = 30.0) -> None:
        self.user, self.may_read = user, True
        self.written: list[tuple[str, bytes]] = []
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        super().__init__(plan, hang_s)

    @property
    def reports(self) -> list[dict[str, object]]:
        """Those that were stored below reports/, in order."""
        return [json.loads(gzip.decompress(body)) for key, body in self.written if "/reports/" in key]

    def latest(self, key: str) -> dict[str, object]:
        return json.loads(gzip.decompress(self.objects[key][0]))

    def _answered(self, kind: str, headers: dict[str, str], body: bytes) -> tuple[int, list[str], bytes]:
        if kind not in ("ok", "half", "reset", "hang"):
            status, code, message = _AS_S3.get(kind, ERRORS.get(kind, (500, kind, kind)))
            return _error(status, code, message)
        if kind not in ("ok", "half"):
            return 0, [], b""
        if headers[":method"] == "POST":
            said = _IDENTITY.format(user=self.user, session=self.user.rpartition(":")[2], account=OWNER)
            return 200, [], said.encode()
        return self._object(headers, body)

    def _object(self, headers: dict[str, str], body: bytes) -> tuple[int, list[str], bytes]:
        _, _, key = urllib.parse.unquote(urllib.parse.urlsplit(headers[":path"]).path)[1:].partition("/")
        if headers.get("x-amz-expected-bucket-owner") != OWNER:
            return _error(403, "AccessDenied", "Access Denied")
        there = self.objects.get(key)
        if headers[":method"] == "HEAD":
            if there and self.may_read:
                return 200, [f"{name}: {value}" for name, value in there[1].items()], b""
            return 403, [], b""  # also where there is none, to who may not list the bucket
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        if (headers.get("if-none-match") == "*" and there) or (
            "if-match" in headers and there and headers["if-match"] != there[1]["ETag"]
        ):
            return _error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        if "if-match" in headers and not there:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        metadata = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
        self.objects[key] = body, metadata | {"ETag": etag}
        self.written.append((key, body))
        return 200, [f"ETag: {etag}"], b""


def _error(status: int, code: str, message: str) -> tuple[int, list[str], bytes]:
    return status, [], f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@contextmanager
def faulty_store(plan: Callable[[int], str], user: str, hang_s: float = 30.0) -> Iterator[FaultStore]:
    store = FaultStore(plan, user, hang_s)
    try:
        with patient():
            yield store
    finally:
        store.close()
