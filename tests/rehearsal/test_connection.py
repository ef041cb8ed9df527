"""The same bytes to the service after the switch, and to the relay before it: the same answers, to the last header."""

from __future__ import annotations

import socket

import pytest

from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

TTL, TOKEN = b"X-aws-ec2-metadata-token-ttl-seconds", b"X-aws-ec2-metadata-token"
ID, ROLE = b"/latest/meta-data/instance-id", b"/latest/meta-data/iam/security-credentials/"
HOST = b"Host: 169.254.169.254"


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((line, *headers, b"", body))


GET = request(b"GET " + ID + b" HTTP/1.1", HOST)
WITH = request(b"GET " + ID + b" HTTP/1.1", HOST, TOKEN + b": {token}")
PUT = request(b"PUT /latest/api/token HTTP/1.1", HOST, TTL + b": 60")
ANSWERED = b"(answered)"  # here the answer is read before anything else is sent
# Pieces of a stream, each a segment of its own.
STREAMS: dict[str, tuple[bytes, ...]] = {
    "without a token": (GET,),
    "with a token": (WITH,),
    "token": (PUT,),
    "kept alive": (request(b"GET " + ID + b" HTTP/1.1", HOST, b"Connection: keep-alive"), ANSWERED, GET, GET),
    "kept alive, with a token": (
        request(b"GET / HTTP/1.1", b"Connection: keep-alive", TOKEN + b": {token}"),
        ANSWERED,
        WITH,
    ),
    "pipelined": (GET + GET + GET,),
    "pipelined, first with a token": (WITH + GET + PUT,),
    "pipelined, first without": (GET + WITH,),
    "token, then a request in one piece": (PUT + GET,),
    "head in parts": (GET[:3], GET[3:20], GET[20:-3], GET[-3:-1], GET[-1:]),
    "head with a token in parts": tuple(WITH[at : at + 9] for at in range(0, len(WITH), 9)),
    "token's name in parts": (WITH[:60], WITH[60:70], WITH[70:]),
    "expired": (request(b"GET " + ID + b" HTTP/1.1", HOST, TOKEN + b": {expired}"),),
    "empty": (request(b"GET " + ID + b" HTTP/1.1", HOST, TOKEN + b":"),),
    "blank": (request(b"GET " + ID + b" HTTP/1.1", HOST, TOKEN + b":    "),),
    "doubled": (request(b"GET " + ID + b" HTTP/1.1", HOST, TOKEN + b": {token}", TOKEN + b": {token}"),),
    "doubled, one empty": (request(b"GET / HTTP/1.1", HOST, TOKEN + b":", TOKEN + b": {token}"),),
    "no token of ours": (request(b"GET / HTTP/1.1", HOST, TOKEN + b": AQAEA" + b"B" * 49 + b"=="),),
    "no token at all": (request(b"GET / HTTP/1.1", HOST, TOKEN + b": \xff\x01"),),
    "spelt otherwise": (request(b"get / HTTP/1.1", HOST, b"x-AWS-ec2-METADATA-token:{token}"),),
    "space before the colon": (request(b"GET / HTTP/1.1", HOST, TOKEN + b" : {token}"),),
    "only asks how long": (request(b"GET / HTTP/1.1", HOST, TTL + b": 60"),),
    "token in the path": (request(b"GET /?" + TOKEN + b"={token} HTTP/1.1", HOST),),
    "absent": (request(b"GET /latest/nothing HTTP/1.1", HOST, TOKEN + b": {token}"),),
    "absent, without": (request(b"GET /latest/nothing HTTP/1.1", HOST),),
    "absent, expired": (request(b"GET /latest/nothing HTTP/1.1", HOST, TOKEN + b": {expired}"),),
    "head": (request(b"HEAD " + ROLE + b" HTTP/1.1", HOST, TOKEN + b": {token}"),),
    "head, without": (request(b"HEAD " + ROLE + b" HTTP/1.1", HOST),),
    "post": (request(b"POST / HTTP/1.1", HOST, b"Content-Length: 5", body=b"hello"),),
    "post in parts": (request(b"POST / HTTP/1.1", HOST, b"Content-Length: 10", body=b"hello"), b"wor", b"ld"),
    "post with a token": (request(b"POST / HTTP/1.1", HOST, TOKEN + b": {token}", b"Content-Length: 3"), b"abc"),
    "post, endless": (request(b"POST / HTTP/1.1", HOST, b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),),
    "delete": (request(b"DELETE / HTTP/1.1", HOST),),
    "get of the token's path": (request(b"GET /latest/api/token HTTP/1.1", HOST),),
    "head of the token's path": (request(b"HEAD /latest/api/token HTTP/1.1", HOST, TOKEN + b": {token}"),),
    "token with a body": (request(b"PUT /latest/api/token HTTP/1.1", TTL + b": 60", b"Content-Length: 4"), b"abcd"),
    "token without a life": (request(b"PUT /latest/api/token HTTP/1.1", HOST),),
    "token for too long": (request(b"PUT /latest/api/token HTTP/1.1", HOST, TTL + b": 99999"),),
    "token by a proxy": (request(b"PUT /latest/api/token HTTP/1.1", TTL + b": 60", b"X-Forwarded-For: 10.0.0.9"),),
    "by a proxy": (request(b"GET / HTTP/1.1", TOKEN + b": {token}", b"X-Forwarded-For: 10.0.0.9"),),
    "by a proxy, without": (request(b"GET / HTTP/1.1", b"X-Forwarded-For: 10.0.0.9"),),
    "token of a version": (request(b"PUT /2021-03-23/api/token HTTP/1.1", HOST, TTL + b": 60"),),
    "token of no version": (request(b"PUT /2099-01-01/api/token HTTP/1.1", HOST, TTL + b": 60"),),
    "token by slashes": (request(b"PUT //latest//api/token HTTP/1.1", HOST, TTL + b": 60"),),
    "token escaped": (request(b"PUT /latest/api/%74oken HTTP/1.1", HOST, TTL + b": 60"),),
    "put elsewhere": (request(b"PUT /latest/api HTTP/1.1", HOST, TTL + b": 60"),),
    "HTTP/1.0": (request(b"GET / HTTP/1.0"),),
    "HTTP/1.0 with a token": (request(b"GET / HTTP/1.0", TOKEN + b": {token}"),),
    "HTTP/1.0, a token": (request(b"PUT /latest/api/token HTTP/1.0", TTL + b": 60"),),
    "HTTP/0.9": (b"GET /\r\n\r\n",),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",),
    "no host": (request(b"GET / HTTP/1.1"),),
    "no host, with a token": (request(b"GET / HTTP/1.1", TOKEN + b": {token}"),),
    "absolute": (request(b"GET http://169.254.169.254/latest HTTP/1.1", HOST),),
    "absolute, with a token": (request(b"GET http://169.254.169.254/ HTTP/1.1", TOKEN + b": {token}"),),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n",),
    "bare line feeds, with a token": (b"GET / HTTP/1.1\n" + TOKEN + b": {token}\n\n",),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",),
    "continued line": (request(b"GET / HTTP/1.1", HOST, TOKEN + b":", b" {token}"),),
    "name that begins so": (request(b"GET / HTTP/1.1", HOST, TOKEN + b"s: {token}"),),
}
# What the service says when its client says no more.
ENDED = {"half a head": (GET[:30],), "half a head in parts": (GET[:5], GET[5:30]), "nothing": ()}
STATES = [
    {},
    {"http_version": "1.0", "error_body": "xhtml"},
    {"invalid_token_when_optional": "ignored", "server_header": "EC2ws/2"},
]


def filled(pair, address, pieces):
    """The pieces with tokens of whoever listens at the address."""
    tokens = {}
    for name in (b"expired", b"token"):
        if any(b"{%s}" % name in piece for piece in pieces):
            tokens[name] = pair.token(address)
        if name in tokens and name == b"expired":
            for clock in pair.clocks:
                clock.jump(61)
    for name, token in tokens.items():
        pieces = [piece.replace(b"{%s}" % name, token) for piece in pieces]
    return list(pieces)


@pytest.mark.parametrize("pair", STATES, ids=["as captured", "HTTP/1.0", "serves without looking"], indirect=True)
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_the_relay_answers_as_the_service_would(pair, family, alike, send):
    differing, statuses = {}, set()
    for then_end, streams in ((False, STREAMS), (True, ENDED)):
        for name, pieces in streams.items():
            ends = [
                alike(send(address, filled(pair, address, pieces), then_end=then_end))
                for address in pair.addresses(family)
            ]
            statuses.add(ends[0].status)
            if ends[0] != ends[1]:
                differing[name] = ends
    assert differing == {}
    assert statuses == {0, 200, 400, 401, 403, 404, 405}
    # The metric that is to come to zero is not raised by what the relay refuses.
    assert pair.unswitched.counts.imdsv1 < 20


def test_each_request_is_counted_for_what_came_of_it(pair, send, told):
    address = pair.relay.address(socket.AF_INET)
    token = pair.token(address)
    for data in (GET, WITH.replace(b"{token}", token), WITH.replace(b"{token}", b"x"), b"\r\n\r\n"):
        send(address, [data])
    send(address, [request(b"PUT /latest/api/token HTTP/1.1")])
    told(pair, ["token", "refused", "passed", "not-served", "malformed", "token-refused"])
    assert {each.family for each in pair.seen} == {socket.AF_INET} and pair.seen[0].peer[0] == "127.0.0.1"


def test_what_is_passed_on_is_the_same_bytes(pair, send):
    """No header more than the caller sent: the service refuses tokens that came over a proxy."""
    address = pair.relay.address(socket.AF_INET)
    pair.unswitched.reset_counts()
    sent = request(b"PUT /latest/api/token HTTP/1.1", TTL + b":  60", b"x-ODD:\t y", b"Content-Length: 3", body=b"abc")
    assert send(address, [sent + b"and more that belongs to nothing"]).status == 200
    counts = pair.unswitched.counts
    assert (counts.total, counts.request_bytes, counts.forwarded_for) == (1, len(sent), 0)


@pytest.mark.parametrize("pair", [{"user_data": "x" * 16384}], indirect=True)
def test_a_long_answer_arrives_whole(pair, send):
    address = pair.relay.address(socket.AF_INET)
    wanted = request(b"GET /latest/user-data HTTP/1.1", TOKEN + b": " + pair.token(address))
    assert send(address, [wanted]).data.endswith(b"\r\n\r\n" + b"x" * 16384)


@pytest.mark.parametrize("fault", ["close", "reset-before-answer", "reset-mid-answer", "drip", "garbage"])
def test_faults_of_the_service_are_the_callers(pair, send, fault, alike):
    """Also where it breaks off: the relay makes nothing better than it is."""
    for simulator in (pair.switched, pair.unswitched):
        simulator.update(faults=[{"kind": fault, "interval_ms": 1}] if fault == "drip" else [{"kind": fault}])
    switched, relayed = (alike(send(address, [PUT])) for address in pair.addresses(socket.AF_INET))
    assert relayed.status == switched.status if fault != "garbage" else relayed.data == switched.data
    assert relayed.end == switched.end


def test_a_service_that_is_gone_resets(pair, send, told):
    address = pair.relay.address(socket.AF_INET)
    pair.unswitched.stop()
    assert send(address, [PUT]).end == "reset"
    told(pair, ["unanswered"])


@pytest.mark.parametrize("hop_limit", [1, 2, 64])
def test_the_token_arrives_with_the_hop_limit_as_its_ttl(lone_relay, hop_limit):
    """As the kernel of a caller sees it, which is asked to keep the TTL of what it receives: ip(7), IP_MINTTL."""
    with Simulator(InstanceState()) as simulator, lone_relay(simulator, hop_limit) as relay:
        for least, arrives in ((hop_limit, True), (hop_limit + 1, False)):
            with socket.create_connection(relay.address(socket.AF_INET)) as sock:
                sock.setsockopt(socket.IPPROTO_IP, 21, least)
                sock.settimeout(60 if arrives else 0.5)
                sock.sendall(PUT)
                if arrives:
                    assert sock.recv(4096).startswith(b"HTTP/1.1 200")
                else:
                    with pytest.raises(TimeoutError):
                        sock.recv(4096)
            with socket.create_connection(relay.address(socket.AF_INET)) as sock:
                sock.setsockopt(socket.IPPROTO_IP, 21, 64)  # what has no token has no such limit
                sock.settimeout(60)
                sock.sendall(GET)
                assert sock.recv(4096).startswith(b"HTTP/1.1 401")


def test_where_the_token_would_not_arrive_nothing_does(lone_relay, send, told):
    with Simulator(InstanceState()) as simulator, lone_relay(simulator, 0) as relay:
        address = relay.address(socket.AF_INET)
        with socket.create_connection(address) as sock:
            sock.settimeout(0.3)
            sock.sendall(PUT)
            with pytest.raises(TimeoutError):
                sock.recv(1)
        told(relay, ["withheld"])
        assert send(address, [GET]).status == 401
