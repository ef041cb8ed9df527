import copy
import pickle

import pytest

from imds_probe.imds.token import Token, plausible

SECRET = "AQAEAGFzZWNyZXR0b2tlbnZhbHVl=="


def test_no_way_of_printing_shows_the_value():
    token = Token(SECRET, 60)
    shown = [
        repr(token),
        str(token),
        f"{token}",
        f"{token:>80}",
        f"{token!r}",
        "%s" % token,
        repr([token]),
        repr({"t": token}),
    ]
    assert not any(SECRET in text for text in shown)


def test_the_header_carries_the_value():
    assert Token(SECRET, 60).header() == {"X-aws-ec2-metadata-token": SECRET}


@pytest.mark.parametrize("store", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_stored(store):
    with pytest.raises(TypeError, match="not to be stored"):
        store(Token(SECRET, 60))


def test_expiry_follows_the_ttl():
    assert not Token(SECRET, 60).expired
    assert Token(SECRET, 0).expired


@pytest.mark.parametrize(
    "body",
    [b"", b"a" * 1025, b"two words", b"line\r\nX-Evil: 1", b"\xff\xfe\x00", b"<html>no</html>", b'{"a":1}', b"a\n"],
)
def test_what_cannot_be_a_token(body):
    assert not plausible(body)


@pytest.mark.parametrize("body", [b"AQAEAGFzZWNyZXR0b2tlbnZhbHVl==", b"no-padding_at_all", b"x" * 1024])
def test_what_can_be_a_token(body):
    assert plausible(body)
