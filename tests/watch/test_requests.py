"""Heads of requests, however they are cut up."""

from __future__ import annotations

import random

import pytest

from imds_probe.watch.requests import HEAD_MAX_BYTES, HttpRequestHead, RequestReader

V1 = b"GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
V2 = V1.replace(b"Accept: */*", b"X-aws-ec2-metadata-token: SECRET==")
PUT = b"PUT /latest/api/token HTTP/1.1\r\nX-AWS-EC2-Metadata-Token-TTL-Seconds: 60\r\nContent-Length: 0\r\n\r\n"
V1_READ = HttpRequestHead("GET", "/latest/meta-data/", "curl/7.88.1", with_token=False, asks_for_token=False)
V2_READ = HttpRequestHead("GET", "/latest/meta-data/", "curl/7.88.1", with_token=True, asks_for_token=False)
PUT_READ = HttpRequestHead("PUT", "/latest/api/token", "", with_token=False, asks_for_token=True)


def read(*pieces: bytes) -> list[HttpRequestHead]:
    reader = RequestReader()
    return [request for piece in pieces for request in reader.feed(piece)]


@pytest.mark.parametrize(("head", "expected"), [(V1, V1_READ), (V2, V2_READ), (PUT, PUT_READ)])
def test_each_kind(head: bytes, expected: HttpRequestHead) -> None:
    assert read(head) == [expected]
    assert "SECRET" not in repr(read(head))


def test_any_way_of_cutting_gives_the_same() -> None:
    stream = PUT + V2 + V1 + V2
    chance = random.Random(5)
    for _ in range(300):
        cuts = sorted(chance.sample(range(len(stream)), chance.randrange(1, 40)))
        pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert read(*pieces) == [PUT_READ, V2_READ, V1_READ, V2_READ]
    assert read(*(stream[n : n + 1] for n in range(len(stream)))) == [PUT_READ, V2_READ, V1_READ, V2_READ]


@pytest.mark.parametrize(
    "header", [b"X-aws-ec2-metadata-token-ttl-seconds: 60", b"X-AWS-EC2-METADATA-TOKEN-TTL-SECONDS:60"]
)
def test_who_asks_for_metadata_with_the_header_of_a_token_request_has_no_token(header: bytes) -> None:
    """A mistake that is easily made: it is served today, and refused once a token is required."""
    assert read(V1.replace(b"Accept: */*", header)) == [V1_READ]


@pytest.mark.parametrize(
    "line", [b" X-aws-ec2-metadata-token: a", b"\tX-aws-ec2-metadata-token: a", b"X-aws-ec2-metadata-token : a"]
)
def test_what_is_no_header_of_its_own_brings_no_token(line: bytes) -> None:
    """It goes on with the value before, or is no header at all: RFC 9112, 5.1 and 5.2."""
    assert read(V1.replace(b"Accept: */*", line)) == [V1_READ]


@pytest.mark.parametrize("before", [b"\r\n", b"\n", b"\r\n\r\n\n"])
def test_empty_lines_before_a_request_hide_nothing(before: bytes) -> None:
    """Servers pass them over: RFC 9112, 2.2."""
    assert read(before + V1 + before + V2) == [V1_READ, V2_READ]
    stream = before + V1
    assert read(*(stream[n : n + 1] for n in range(len(stream)))) == [V1_READ]


def test_bodies_are_passed_over() -> None:
    body = b"GET /in/a/body HTTP/1.1\r\n\r\n"
    post = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert [request.path for request in read(post + body + V1)] == ["/x", "/latest/meta-data/"]


def test_line_feeds_alone_and_no_version_at_all() -> None:
    (request,) = read(b"GET /latest/user-data\nx-aws-ec2-metadata-token:a\n\n")
    assert (request.path, request.with_token) == ("/latest/user-data", True)


def test_what_is_lost_track_of_begins_anew() -> None:
    reader = RequestReader()
    assert reader.feed(V1[:40]) == []
    (cut,) = reader.give_up()
    assert (cut.path, cut.whole) == ("/latest/meta-data/", False)
    assert reader.feed(V2) == [V2_READ]
    assert reader.give_up() == []


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00", b"get / HTTP/1.1\r\n\r\n", b"\0" * 100, b"GETAWAY"])
def test_what_is_no_request_is_none(noise: bytes) -> None:
    assert read(noise) == []
    assert read(noise, V1) == [V1_READ]


def test_a_head_without_end_is_cut_off() -> None:
    (request,) = read(b"GET /x HTTP/1.1\r\nUser-Agent: " + b"a" * (HEAD_MAX_BYTES + 100))
    assert (request.path, request.whole) == ("/x", False)
    assert len(request.user_agent) <= 512


@pytest.mark.parametrize("length", [b"-1", b"9" * 30, b"x", b""])
def test_lengths_that_none_can_be(length: bytes) -> None:
    assert len(read(b"POST /x HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n", V1)) == 2


def test_hostile_text_is_made_printable() -> None:
    (request,) = read(b"GET /\x1b[2J\xff?token=secret HTTP/1.1\r\nUser-Agent: \x1b]0;x\x07\r\n\r\n")
    assert request.path.isprintable() and "secret" not in request.path
    assert request.user_agent.isprintable()


def test_a_proxy_that_asks_for_somebody_else_says_so() -> None:
    put = b"PUT /latest/api/token HTTP/1.1\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n%s\r\n"
    found = [RequestReader().feed(put % more)[0] for more in (b"", b"X-Forwarded-For: 10.0.0.1\r\n")]
    assert [(each.asks_for_token, each.forwarded) for each in found] == [(True, False), (True, True)]


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\n", b"\r\n\n"])
def test_every_kind_of_empty_line_ends_a_head_and_the_first_one_does(end: bytes) -> None:
    one, other = V1[:-4] + end, V2[:-4] + b"\n\r\n"
    assert read(one + other) == [V1_READ, V2_READ]
    assert read(other + one) == [V2_READ, V1_READ]


def test_a_name_is_one_with_a_colon_or_at_the_end_of_its_line_and_nothing_longer() -> None:
    def of(*lines: bytes) -> HttpRequestHead:
        (found,) = read(b"\r\n".join([b"PUT /latest/api/token HTTP/1.1", *lines, b"", b""]))
        return found

    assert of(b"X-aws-ec2-metadata-token").with_token
    assert of(b"a: b\nX-aws-ec2-metadata-token-ttl-seconds").asks_for_token
    assert not of(b"X-aws-ec2-metadata-tokens: x", b"XX-aws-ec2-metadata-token: x").with_token
    assert of(b"User-Agent: curl/8\r", b"X-aws-ec2-metadata-token-ttl-seconds:6").user_agent == "curl/8"
    assert not of(b"X-aws-ec2-metadata-token-ttl-seconds:6").with_token
    assert of(b"user-agent: one", b"USER-AGENT:two").user_agent == "two"
