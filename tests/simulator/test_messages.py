"""Requests from bytes, answers to bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imds_probe.simulator.messages import Answer, parse, render_head


def test_a_request():
    request = parse(
        b"PUT /latest/api/token?x=1 HTTP/1.1\r\nHost: h\r\nX-AWS-EC2-Metadata-Token-TTL-Seconds:  60 \r\n\r\n"
    )
    assert request is not None
    assert (request.method, request.path, request.token_put) == ("PUT", "/latest/api/token", True)
    assert request.headers == {"host": "h", "x-aws-ec2-metadata-token-ttl-seconds": "60"}
    assert request.imds_version == "v2"
    assert request.body_bytes == 0


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/latest//meta-data///ami-id", "/latest/meta-data/ami-id"),
        ("http://169.254.169.254/latest/", "/latest/"),
        ("http://169.254.169.254", "/"),
        ("/latest/meta%2Ddata/tags/instance/a%3Db", "/latest/meta-data/tags/instance/a=b"),
        ("/latest#there", "/latest"),
        ("/%ff", "/\ufffd"),
    ],
)
def test_paths(target, path):
    request = parse(f"GET {target} HTTP/1.0\r\n\r\n".encode())
    assert request is not None
    assert request.path == path


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("X-aws-ec2-metadata-token: abc", "v2"),
        ("X-aws-ec2-metadata-token-ttl-seconds: 1", "v2"),
        ("X-aws-ec2-metadata: abc", "v1"),
        ("User-Agent: x-aws-ec2-metadata-token", "v1"),
    ],
)
def test_the_headers_alone_make_the_version(header, version):
    request = parse(f"GET / HTTP/1.1\r\n{header}\r\n\r\n".encode())
    assert request is not None
    assert request.imds_version == version


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET latest HTTP/1.1\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nspace : x\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ],
)
def test_what_is_no_request(head):
    assert parse(head) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_not(data):
    request = parse(data + b"\r\n\r\n")
    assert request is None or request.path.startswith("/")


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        (b"", 0),
        (b"Content-Length: 12\r\n", 12),
        (b"Content-Length: -1\r\n", None),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n", None),
        (b"Content-Length: 99999999999\r\n", None),
        (b"Transfer-Encoding: chunked\r\n", None),
    ],
)
def test_the_length_of_the_body(headers, length):
    request = parse(b"PUT / HTTP/1.1\r\n" + headers + b"\r\n")
    assert request is not None
    assert request.body_bytes == length


def test_a_head():
    answer = Answer(405, b"", (("Allow", "OPTIONS, PUT"),))
    assert render_head(answer, server="EC2ws", unix_s=0) == (
        b"HTTP/1.1 405 Not Allowed\r\nAllow: OPTIONS, PUT\r\nContent-Length: 0\r\n"
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: EC2ws\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n"
    )


def test_heads_that_differ():
    head = render_head(Answer(599, b"abc", http_1_0=True, content_length="many"), server="kube2iam", unix_s=0)
    assert head.startswith(b"HTTP/1.0 599 Unknown\r\nContent-Length: many\r\n")
    assert b"Server: kube2iam\r\n" in head
    framed = render_head(Answer(200, b"abc"), server="x", unix_s=0, framing=(("Transfer-Encoding", "chunked"),))
    assert b"Content-Length" not in framed
    assert b"Transfer-Encoding: chunked\r\n" in framed
