"""Targets: what the relay of a rehearsal reads."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz.target import Target

from imds_probe.rehearsal.asking import gives_token
from imds_probe.rehearsal.refusal import Refusal, kind_of, read_answer_head
from imds_probe.simulator.messages import TOKEN_HEADER, parse


def _answers(data: bytes) -> None:
    """An answer of whoever is at the service's address, and the refusal that is made after it."""
    read = read_answer_head(data)
    assert read is None or (100 <= read.status <= 599 and (read.length is None or read.length >= 0))
    assert not gives_token(data) or (read is not None and read.served)
    for refusal in (Refusal.learnt(data), Refusal.as_captured(data)):
        if refusal is not None:
            assert refusal.render(unix_s=0, head_only=True).endswith(b"\r\n\r\n")
            again = read_answer_head(refusal.render(unix_s=1, head_only=False))
            assert again is not None and again.status == 401


def _requests(data: bytes) -> None:
    """A request: what has no token must not be taken for one that has."""
    kind = kind_of(parse(data))
    assert kind != "with-token" or TOKEN_HEADER.encode() in data.lower()


def _answer_seeds() -> Mapping[str, bytes]:
    token = "AQAEA" + "a" * 49 + "=="
    return {
        "refused": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nDate: x\r\nServer: EC2ws\r\nConnection: close\r\n\r\n",
        "old": b"HTTP/1.0 200 OK\r\nServer: EC2ws\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 5\r\n\r\nbody",
        "token": f"HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\n{token}".encode(),
    }


def _request_seeds() -> Mapping[str, bytes]:
    return {
        "without": b"GET / HTTP/1.1\r\n\r\n",
        "with": b"GET / HTTP/1.1\r\nX-aws-ec2-metadata-token: AQ==\r\n\r\n",
        "put": b"PUT /2021-03-23/api/token HTTP/1.1\r\n\r\n",
    }


TARGETS = {
    "rehearsal-answer": Target(lambda _: _answers, _answer_seeds),
    "rehearsal-request": Target(lambda _: _requests, _request_seeds),
}
