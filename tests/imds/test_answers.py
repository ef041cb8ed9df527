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


CONTINUED = b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"
PADDED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n001c\r\n" + TOKEN[:28] + b"\r\n" + b"001C;x=y\r\n"
PADDED += TOKEN[28:] + b"\r\n0000\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "needless"),
    [
        (PLAIN, 0),
        (PLAIN.replace(b"\r\n", b"\n"), 0),
        (PLAIN.replace(b"close\r\n", b"close\n"), 0),
        (CHUNKED, 2),
        (PADDED, 2),
        (CONTINUED + PLAIN, 0),
        (CONTINUED * 3 + CHUNKED, 2),
        (CONTINUED + b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 0),
    ],
    ids=["length", "bare newlines", "mixed newlines", "chunked", "zeros", "continue", "continue thrice", "no body"],
)
def test_every_beginning_waits_for_more_or_is_in_trouble_when_nothing_more_comes(data, needless):
    for length in range(len(data) - needless):  # what comes after the line of the last chunk is not missed
        assert read(data[:length]) is None
        ended = read(data[:length], ended=True)
        assert (bool(ended.trouble), ended.body) == (True, b"")
    for length in range(len(data) - needless, len(data) + 1):
        assert read(data[:length]).trouble == ""


def test_what_comes_after_the_answer_is_not_of_it():
    assert read(PLAIN + b"HTTP/1.1 403 Forbidden\r\n\r\n").body == TOKEN
    assert read(CHUNKED + PLAIN).body == TOKEN


def test_without_a_length_the_end_is_where_the_connection_ends():
    assert read(ENDLESS) is None
    assert read(ENDLESS[:-1], ended=True).body == TOKEN[:-1]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN, 200),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304),
        (b"HTTP/1.0 503 \xe9\xff\r\nContent-Length: 0\r\n\r\n", 503),
        (b"HTTP/1.1 405\r\nContent-Length: 0\r\n\r\n", 405),
        (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", 302),
    ],
)
def test_other_answers(data, status):
    answer = read(data)
    assert (answer.status, answer.trouble) == (status, "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        TOKEN,
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nServer: EC2ws\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        CONTINUED,
        CONTINUED * 60,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nAAAAA\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nAAAAA\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"14\r\n" + b"A" * 20 + b"\r\n",
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


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"A" * 2000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"A" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + b"A" * 1001,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101,
        CONTINUED * 70,
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_nonsense_and_floods_are_not_waited_for(data):
    assert read(data).trouble


def test_a_body_as_long_as_may_be():
    for head, tail in (
        (b"Content-Length: 1000\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n", b"\r\n0\r\n"),
    ):
        assert read(b"HTTP/1.1 200 OK\r\n" + head + b"A" * 1000 + tail) == Answer(200, None, b"A" * 1000)


LENGTHS = [b"-1", b"many", b"1e3", b"", b"+56", b"5_6", b"0x38", b"56, 56", b"\xb2", b"5\r\n 6", b"9" * 19, b"9" * 900]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("ended", [False, True])
def test_a_length_that_is_none(length, ended):
    answer = read(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: " + length + b"\r\n\r\n" + TOKEN, ended)
    assert answer == Answer(200, "x", trouble="Content-Length is no number")


@pytest.mark.parametrize("second", [b"56", b"5", b"x"])
def test_more_than_one_length_is_none(second):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 56\r\ncontent-length: " + second
    assert read(head + b"\r\n\r\n" + TOKEN, ended=True) == Answer(200, None, trouble="Content-Length is no number")


@pytest.mark.parametrize("length", [b"57", b"1000", b"9" * 18])
def test_a_length_beyond_the_body_is_waited_for(length):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + TOKEN
    assert read(data) is None
    answer = read(data, ended=True)
    assert answer == Answer(200, None, trouble=f"{int(length) - 56} bytes are missing")


def test_bytes_beyond_ascii_in_headers():
    answer = read(
        b"HTTP/1.1 200 \xc3\xa9\r\nServer: \xff\x00\xe9\x1b[31m\r\nX: \xfe\r\nContent-Length: 2\r\n\r\n\xff\xfe"
    )
    assert (answer.status, answer.body, answer.trouble) == (200, b"\xff\xfe", "")
    assert "\xff" in answer.server  # who prints it makes it printable


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.booleans())
def test_no_bytes_whatever_raise(data, ended):
    for answer in (read(data, ended), read(PLAIN[:40] + data, ended), read(CHUNKED[:52] + data, ended)):
        assert answer is None or isinstance(answer, Answer)
        assert answer is not None or not ended


WORDS = [
    b"HTTP/1.1 ",
    b"200 OK",
    b"100",
    b"204",
    b"\r\n",
    b"\n",
    b"\r",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked",
]
WORDS += [b"5", b"0", b"-", b";", b":", b" ", b"AAAAA", b"\xff", b"Connection: close"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join), st.booleans())
def test_nothing_that_resembles_an_answer_raises(data, ended):
    answer = read(data, ended)
    assert answer is not None or not ended
    assert answer is None or answer.trouble == "" or answer.body == b""


@st.composite
def answers(draw):
    """A valid answer whose end can be told, its status and its body; and from where on it is whole."""
    status = draw(st.sampled_from([200, 400, 401, 403, 404, 429, 503]))
    newline = draw(st.sampled_from([b"\r\n", b"\n"]))
    body = draw(st.binary(max_size=80))
    lines = [
        b"HTTP/1.1 %d Some reason" % status,
        *draw(st.lists(st.sampled_from([b"Server: EC2ws", b"A: " + b"5" * 9]))),
    ]
    before = draw(st.sampled_from([b"", CONTINUED, CONTINUED + CONTINUED]))
    if not draw(st.booleans()):
        whole = newline.join([before + lines[0], *lines[1:], b"Content-Length: %d" % len(body), b"", body])
        return status, body, whole, len(whole)
    pieces, left = [], body
    while left:
        size = draw(st.integers(1, len(left)))
        form = draw(st.sampled_from([b"%x", b"%X", b"%04x", b"%x;name=value"]))
        pieces.append(form % size + newline + left[:size] + b"\r\n")
        left = left[size:]
    last = draw(st.sampled_from([b"0", b"000"])) + newline
    data = newline.join([before + lines[0], *lines[1:], b"Transfer-Encoding: chunked", b"", b"".join(pieces) + last])
    return status, body, data + newline, len(data)


@settings(max_examples=200, deadline=None)
@given(answers(), st.data())
def test_a_valid_answer_cut_anywhere_is_never_another_one(made, data):
    status, body, whole, enough = made
    assert (read(whole).status, read(whole).body, read(whole).trouble) == (status, body, "")
    cut = data.draw(st.integers(0, len(whole)))
    for ended in (False, True):
        answer = read(whole[:cut], ended)
        if cut >= enough:
            assert (answer.status, answer.body, answer.trouble) == (status, body, "")
        else:
            assert answer.trouble if ended else answer is None
