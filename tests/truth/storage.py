"""What answers as S3 does, as far as clients need it to show that they have credentials: it serves who signs.

It is at an address of its own beside the metadata service's, in the lab only. Who signs is not held to the signature.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from truth.client import BUCKET, STORAGE

from imds_probe.simulator.lab.lab import Lab

_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_OWNER = "<Owner><ID>1</ID><DisplayName>owner</DisplayName></Owner>"
_BUCKETS = (
    f"<ListAllMyBucketsResult {_NAMESPACE}>{_OWNER}<Buckets><Bucket><Name>{BUCKET}</Name>"
    "<CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
)
_OBJECTS = f"<ListBucketResult {_NAMESPACE}><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
_LOCATION = f"<LocationConstraint {_NAMESPACE}></LocationConstraint>"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        path = asked.path.strip("/")
        if "authorization" not in self.headers and "X-Amz-Signature" not in asked.query:
            self._refuse(403, "AccessDenied", "Access Denied")
        elif asked.query.startswith("location"):
            self._send(200, _LOCATION)
        elif not path:
            self._send(200, _BUCKETS)
        elif path == BUCKET:
            self._send(200, _OBJECTS)
        else:
            self._refuse(404, "NoSuchKey", "The specified key does not exist.")

    do_HEAD = do_GET

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>")

    def _send(self, status: int, text: str) -> None:
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """The metadata service's log is what counts."""


@contextlib.contextmanager
def storing(lab: Lab) -> Iterator[None]:
    """The storage, while the block lasts."""
    host, _, port = STORAGE.partition(":")
    for node, words in (
        (lab.service, f"address add {host}/32 dev lo"),
        (lab.instance, f"route add {host}/32 via 169.254.169.254 dev ens5 onlink"),
    ):
        done = node.run(["ip", *words.split()], timeout_s=10)
        assert done.returncode == 0, done.stderr_line()
    server = lab.service.call(lambda: ThreadingHTTPServer((host, int(port)), _Answers))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
