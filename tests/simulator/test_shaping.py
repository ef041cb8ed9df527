"""What faults make of answers."""

import pytest

from imds_probe.simulator.faults import Fault
from imds_probe.simulator.messages import Answer
from imds_probe.simulator.shaping import instead, shaped, status_shown

TOKEN = Answer(200, b"A" * 56, limits_hops=True)


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        ("content-length-too-long", "156"),
        ("content-length-too-short", "28"),
        ("content-length-negative", "-1"),
        ("content-length-not-a-number", "many"),
    ],
)
def test_wrong_lengths(kind, length):
    answer = shaped(TOKEN, Fault(kind))
    assert (answer.content_length, answer.body) == (length, TOKEN.body)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("token-empty", b""), ("token-crlf", TOKEN.body + b"\r\nX-Injected: yes\r\n")],
)
def test_exact_tokens(kind, expected):
    assert shaped(TOKEN, Fault(kind)).body == expected


def test_other_tokens():
    binary = shaped(TOKEN, Fault("token-binary")).body
    with pytest.raises(UnicodeDecodeError):
        binary.decode()
    assert shaped(TOKEN, Fault("token-spaces")).body.count(b" ") == 3
    html = shaped(TOKEN, Fault("token-html"))
    assert html.status == 200
    assert html.last == (("Content-Type", "text/html"),)
    assert html.body.startswith(b"<!DOCTYPE html>")


def test_a_refused_token_stays_refused():
    refused = Answer(403)
    assert shaped(refused, Fault("token-html")) == refused


def test_faults_of_delivery_change_nothing():
    assert shaped(TOKEN, Fault("drip")) == TOKEN


def test_instead():
    moved = instead(Fault("redirect", location="http://192.0.2.1/", status=301), http_1_0=False)
    assert (moved.status, moved.first) == (301, (("Location", "http://192.0.2.1/"),))
    assert instead(Fault("redirect", location="/"), http_1_0=False).status == 302
    assert instead(Fault("status"), http_1_0=True) == Answer(503, http_1_0=True)
    assert instead(Fault("status", status=429, retry_after_s=2), http_1_0=False).first == (("Retry-After", "2"),)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, 200),
        (Fault("drip"), 200),
        (Fault("endless-headers"), 200),
        (Fault("reset-mid-answer"), 200),
        (Fault("reset-mid-answer", at_byte=5), 0),
        (Fault("reset-before-answer"), 0),
        (Fault("silence-after-request"), 0),
        (Fault("close"), 0),
        (Fault("garbage"), 0),
    ],
)
def test_the_status_that_is_seen(fault, status):
    assert status_shown(TOKEN, fault) == status
