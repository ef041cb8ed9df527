import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imds_probe.imds.answers import Answer, read_answer

LIMIT = 1000
TOKEN = b"A" * 56
PLAIN = b"HTTP/1.1 200 OK\r\nServer: EC2ws\r\nContent-Length: 56\r\nConnection: close\r\n\r\n" + TOKEN
CHUNKS = b"1c\r\n" + TOKEN[:28] + b"\r\n1c\r\n" + TOKEN[28:] + b"\r\n0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
ENDLESS = b"HTTP/1.0 200 OK\r\nServer: EC2ws\r\n\r\n" + TOKEN


def read(data, ended=False):
    return read_answer(data, ended=ended, limit_bytes=LIMIT)


@pytest.mark.parametrize(
    ("data", "ended", "server"), [(PLAIN, False, "EC2ws"), (CHUNKED, False, None), (ENDLESS, True, "EC2ws")]
)
def test_a_whole_answer(data, ended, server):
    assert read(data, ended) == Answer(200, server, TOKEN)


@pytest.mark.parametrize(("data", "needless"), [(PLAIN, 0), (CHUNKED, 4)])
def test_every_beginning_waits_for_more_or_is_in_trouble_when_nothing_more_comes(data, needless):
    for length in range(len(data) - needless):  # what comes after the size of the last chunk is not missed
        assert read(data[:length]) is None
        ended = read(data[:length], ended=True)
        assert (bool(ended.trouble), ended.body) == (True, b"")


def test_without_a_length_the_end_is_where_the_connection_ends():
    assert read(ENDLESS) is None
    assert read(ENDLESS[:-1], ended=True).body == TOKEN[:-1]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, 200),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", 302),
    ],
)
def test_other_answers(data, status):
    answer = read(data)
    assert (answer.status, answer.trouble) == (status, "")


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\r\n\r\n",
        b"\xff\xfe\x00\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nAAAA\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"A" * 1001,
        b"A" * 2001,
    ],
)
def test_nonsense_and_floods(data):
    assert read(data, ended=True).trouble


def test_a_flood_is_not_waited_for():
    assert read(b"HTTP/1.1 200 OK\r\n\r\n" + b"A" * 2000).trouble


@pytest.mark.parametrize("length", [b"-1", b"many", b"1e3", b"9" * 5000])
def test_a_length_that_is_none_never_makes_a_token_of_less_or_more(length):
    answer = read(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + TOKEN, ended=True)
    assert answer.trouble or answer.body == TOKEN


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.booleans())
def test_no_bytes_whatever_raise(data, ended):
    for answer in (read(data, ended), read(PLAIN[:40] + data, ended)):
        assert answer is None or isinstance(answer, Answer)
        assert answer is not None or not ended
