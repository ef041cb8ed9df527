"""Each end of a request has one name, whoever met it; the real ends are in test_client.py and test_parallel.py."""

import errno
import http.client

import pytest

from imds_probe.imds.dialer import Conversation
from imds_probe.imds.outcomes import CLOSED, MALFORMED, RESET, SILENCE, classify, of_beginning, server_name, trouble_of
from imds_probe.imds.replies import Outcome

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")


@pytest.mark.parametrize(
    ("conversation", "status", "trouble", "expected"),
    [
        (Conversation(connect_error=TimeoutError()), None, "", Outcome.CONNECT_TIMEOUT),
        (Conversation(connect_error=REFUSED), None, "", Outcome.REFUSED),
        (Conversation(connect_error=ConnectionResetError()), None, "", Outcome.REFUSED),
        (Conversation(connect_error=NO_ROUTE), None, "", Outcome.UNREACHABLE),
        (Conversation(), None, "", Outcome.UNREACHABLE),
        (Conversation(connected=True), None, SILENCE, Outcome.ANSWER_LOST),
        (Conversation(connected=True, bytes_received=1), None, RESET, Outcome.GARBAGE),
        (Conversation(connected=True, bytes_received=1), 200, "cut off", Outcome.GARBAGE),
        (Conversation(connected=True, bytes_received=1), None, "", Outcome.GARBAGE),
        (Conversation(connected=True, bytes_received=1), 200, "", Outcome.OK),
        (Conversation(connected=True, bytes_received=1), 429, "", Outcome.THROTTLED),
        (Conversation(connected=True, bytes_received=1), 503, "", Outcome.THROTTLED),
        (Conversation(connected=True, bytes_received=1), 302, "", Outcome.UNEXPECTED),
    ],
)
def test_the_outcome(conversation, status, trouble, expected):
    outcome, detail = classify(conversation, status, trouble)
    assert outcome is expected
    assert detail


def test_a_lost_answer_is_said_with_its_cause():
    _, detail = classify(Conversation(connected=True), None, SILENCE)
    assert detail == "connected, but received no answer: the time limit came first"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n", Outcome.OK),
        (b"HTTP/1.0 200", Outcome.OK),
        (b"HTTP/1.1 401 Unauthorized", Outcome.UNAUTHORIZED),
        (b"HTTP/1.1 503 ", Outcome.THROTTLED),
        (b"HTTP/1.1 2000 OK", Outcome.GARBAGE),
        (b"HTTP/2 200", Outcome.GARBAGE),
        (b"\xff", Outcome.GARBAGE),
        (b"", Outcome.ANSWER_LOST),
    ],
)
def test_the_outcome_by_the_first_bytes(data, expected):
    assert of_beginning(data) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError("timed out"), SILENCE),
        (ConnectionResetError(errno.ECONNRESET, "reset"), RESET),
        (BrokenPipeError(errno.EPIPE, "pipe"), RESET),
        (http.client.RemoteDisconnected("closed"), CLOSED),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "No route to host"),
        (http.client.BadStatusLine("secret"), MALFORMED),
        (OSError(), MALFORMED),
    ],
)
def test_a_word_for_what_went_wrong(error, expected):
    assert trouble_of(error) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        ("EC2ws", "EC2ws"),
        ("nginx/1.24.0 (Ubuntu)", "nginx/1.24.0 …"),
        ("a\x1b[2J\xff", "…"),
        ("hunter2", "…"),
    ],
)
def test_a_server_is_named_where_it_is_known(value, shown):
    assert server_name(value) == shown
