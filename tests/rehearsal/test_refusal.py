"""The service's own 401, taken from an answer; and what of requests and answers decides."""

from __future__ import annotations

import pytest

from imds_probe.rehearsal.refusal import AnswerHead, Refusal, kind_of, read_answer_head
from imds_probe.simulator.messages import parse

CLOSED = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: EC2ws\r\n"
    b"Connection: close\r\nContent-Type: text/plain\r\n\r\nno!"
)


def test_a_learnt_refusal_is_the_services_with_todays_date():
    learnt = Refusal.learnt(CLOSED)
    assert learnt is not None
    assert learnt.render(unix_s=0, head_only=False) == CLOSED.replace(
        b"Mon, 01 Jan 2024 00:00:00 GMT", b"Thu, 01 Jan 1970 00:00:00 GMT"
    )
    assert learnt.render(unix_s=0, head_only=True).endswith(b"text/plain\r\n\r\n")


@pytest.mark.parametrize("answer", [b"", b"x", CLOSED.replace(b"401", b"200"), CLOSED.partition(b"\r\n\r\n")[0]])
def test_nothing_else_is_learnt(answer):
    assert Refusal.learnt(answer) is None


@pytest.mark.parametrize(
    ("answer", "line", "server"),
    [
        (b"HTTP/1.0 200 OK\r\nServer: EC2ws/3\r\n\r\n", b"HTTP/1.0 401 Unauthorized", b"Server: EC2ws/3"),
        (b"HTTP/1.1 200 OK\r\n\r\nServer: body\r\n", b"HTTP/1.1 401 Unauthorized", b"Server: EC2ws"),
    ],
)
def test_one_that_was_never_seen_is_as_captured(answer, line, server):
    rendered = Refusal.as_captured(answer).render(unix_s=0, head_only=False)
    lines = rendered.split(b"\r\n")
    assert lines[0] == line and server in lines and b"Connection: close" in lines
    assert lines[-2:] == [b"", b""]


def test_heads_of_answers():
    assert read_answer_head(CLOSED) == AnswerHead(401, None, tells_life_left=False)
    kept = b"HTTP/1.1 204 No Content\r\ncontent-length: 7\r\nx-aws-ec2-metadata-token-ttl-seconds: 5\r\n\r\n"
    assert read_answer_head(kept) == AnswerHead(204, 7, tells_life_left=True)
    assert read_answer_head(kept) is not None and read_answer_head(kept).served
    assert [read_answer_head(each) for each in (b"", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 999 x\r\n")] == [None] * 3


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("GET / HTTP/1.1\r\n\r\n", "without-token"),
        ("GET / HTTP/1.1\r\nX-aws-ec2-metadata-token:\r\n\r\n", "with-token"),
        ("GET /latest/api/token HTTP/1.1\r\n\r\n", "token-path"),
        ("PUT /latest/api/token HTTP/1.1\r\n\r\n", "token-path"),
        ("PUT /2021-03-23/api/token HTTP/1.1\r\n\r\n", "versioned-token-path"),
        ("GET /2021-03-23/api/token HTTP/1.1\r\n\r\n", "without-token"),
        ("PUT /other/api/token HTTP/1.1\r\n\r\n", "without-token"),
        ("nothing\r\n\r\n", "malformed"),
    ],
)
def test_kinds_of_requests(head, kind):
    assert kind_of(parse(head.encode())) == kind
