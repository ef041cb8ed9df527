"""Tokens look like EC2's, live as long as asked and leave no trace in text."""

import base64
import re

import pytest

from imds_probe.simulator import tokens as module
from imds_probe.simulator.tokens import Clock, Tokens, redact


@pytest.mark.parametrize(("http_1_0", "head"), [(False, "AQAEA"), (True, "AQAAA")])
def test_the_shape_of_the_captures(http_1_0, head):
    for _ in range(200):
        token = Tokens(Clock()).issue(60, http_1_0=http_1_0)
        assert re.fullmatch(rf"{head}[A-Za-z0-9_-]{{49}}==", token)
        assert len(base64.urlsafe_b64decode(token)) == 40


def test_a_token_lives_for_its_ttl_by_the_clock():
    clock = Clock()
    tokens = Tokens(clock)
    token = tokens.issue(60)
    assert 59 < tokens.remaining_s(token) <= 60
    clock.jump(59)
    assert 0 < tokens.remaining_s(token) <= 1
    clock.jump(1)
    assert tokens.remaining_s(token) is None
    assert tokens.issued() == (token,)


def test_the_dates_follow_a_jump():
    clock = Clock()
    before = clock.unix_s()
    clock.jump(3600)
    assert clock.unix_s() - before >= 3600


def test_a_token_of_another_instance_is_none():
    assert Tokens(Clock()).remaining_s(Tokens(Clock()).issue(60)) is None


def test_tokens_differ():
    tokens = Tokens(Clock())
    assert len({tokens.issue(60) for _ in range(1000)}) == 1000


def test_memory_is_bounded_and_the_newest_stay(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 50)
    tokens = Tokens(Clock())
    issued = [tokens.issue(60) for _ in range(120)]
    assert len(tokens.issued()) <= 50
    assert all(tokens.remaining_s(token) for token in issued[-40:])


@pytest.mark.parametrize("http_1_0", [False, True])
def test_tokens_in_text_are_hidden(http_1_0):
    token = Tokens(Clock()).issue(60, http_1_0=http_1_0)
    assert redact(f"/latest/{token}/x?{token.replace('=', '%3D')}") == "/latest/<token>/x?<token>"
    assert redact(f"{token[:-2]}") == "<token>"
    assert redact("/latest/meta-data/") == "/latest/meta-data/"
