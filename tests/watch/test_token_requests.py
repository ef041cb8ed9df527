"""What came of token requests, from packets that are made up: which client made which one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL
from watched_packets import MD4

from imds_probe.watch import token_requests as module
from imds_probe.watch.caller import gone
from imds_probe.watch.connection import Call, Connection, TokenAnswer
from imds_probe.watch.requests import HttpRequestHead
from imds_probe.watch.token_requests import NEAR_S, NONE, UNSEEN, TokenRequests, outcome

BEGAN = 500  # when the watch did, in ticks
APP = replace(CURL, pid=7, started=600)
LOST = TokenAnswer(1, False, status=200, ttl=1)


def call(
    at: float, *, asks: bool = False, client: str = "172.17.0.2", agent: str = "x", answer: TokenAnswer = LOST
) -> Call:
    connection = Connection("ipv4", client, 4000, MD4, [((7, False), (b"", 1, b""))], at, 0, 0)
    head = HttpRequestHead("PUT" if asks else "GET", "/latest/", agent, with_token=False, asks_for_token=asks)
    return Call(at, head, connection, token=answer if asks else None)


@pytest.fixture
def requests() -> TokenRequests:
    return TokenRequests(lambda: BEGAN)


def nobody(_: Call) -> None:
    return None


def asked(requests: TokenRequests, caller=APP, at: float = 1.0, **how) -> None:
    asking = call(at, asks=True, **how)
    requests.asked(asking)
    requests.of(asking, caller)


def before(requests: TokenRequests, caller=APP, at: float = 2.0, **how) -> str:
    return requests.before(call(at, **how), caller, nobody).outcome


def test_the_same_process_address_and_name_fell_back_for_its_whole_life(requests: TokenRequests) -> None:
    agent = "aws-sdk-go/1.44.1"
    asked(requests, agent=agent)
    assert requests.before(call(2.0, agent=agent), APP, nobody) == ("lost", 1)
    assert before(requests, at=90_000.0, agent=agent) == "lost"


def test_whoever_is_no_sdk_fell_back_only_soon_after_it_lost_a_token(requests: TokenRequests) -> None:
    """A script asks for a token at its beginning; an old call further down does not use it."""
    asked(requests, agent="curl/8")
    assert before(requests, at=1.0 + NEAR_S, agent="curl/8") == "lost"
    assert requests.before(call(2.0 + NEAR_S, agent="curl/8"), APP, nobody) == ("lost-before", 1)
    asked(requests, at=3600.0, agent="curl/8")  # it asks each time
    assert before(requests, at=3601.0, agent="curl/8") == "lost"
    asked(requests, at=7200.0, agent="curl/8", answer=TokenAnswer(0, True, 403))
    assert before(requests, at=9000.0, agent="curl/8") == "forbidden"


@pytest.mark.parametrize(
    ("caller", "how"),
    [
        (replace(APP, pid=8), {}),  # the same program beside it
        (replace(APP, started=601), {}),  # one that has its number by now
        (APP, {"agent": "y"}),  # another library in the same process
        (APP, {"client": "172.17.0.3"}),
        (APP, {"at": 0.5}),  # it asked for a token only afterwards
    ],
)
def test_whoever_else_asks_without_a_token_did_not_ask_for_one(requests: TokenRequests, caller, how) -> None:
    asked(requests)
    assert before(requests, caller, **how) == "none"


def test_a_script_is_one_client_whatever_it_asks_with(requests: TokenRequests) -> None:
    script = (50, 600)
    asked(requests, replace(APP, pid=51, acts_for=script))
    assert before(requests, replace(APP, pid=52, acts_for=script)) == "lost"
    assert before(requests, replace(APP, pid=50, started=600)) == "lost"  # the shell became its last command
    assert before(requests, replace(APP, pid=53, acts_for=(54, 600))) == "none"
    assert before(requests, replace(APP, pid=52, acts_for=(50, None))) == "lost"  # it has ended


def test_the_sdk_that_names_itself_only_without_a_token_is_one_client(requests: TokenRequests) -> None:
    name = "aws-sdk-nodejs/2.1692.0 linux/v18.20.4 callback"
    asked(requests, agent="")
    assert before(requests, agent=name) == "lost"
    assert before(requests, agent="axios/1.7.9") == before(requests, agent="aws-sdk-js/3.700.0") == "none"
    assert before(requests, replace(APP, pid=8), agent=name) == "none"


def test_the_last_one_counts(requests: TokenRequests) -> None:
    asked(requests)
    asked(requests, at=3.0, answer=TokenAnswer(1, False, 200, 2, passed_on=True))
    assert before(requests, at=4.0) == "answered"
    asked(requests, at=2.0)  # handed on late
    assert before(requests, at=4.0) == "answered"


def test_one_that_is_not_handed_on_yet_counts_too(requests: TokenRequests) -> None:
    asking = call(1.0, asks=True, answer=TokenAnswer(1, False))
    requests.asked(asking)
    assert requests.before(call(2.0), APP, {asking: APP}.get).outcome == "unanswered"
    requests.of(asking, APP)
    assert requests._waiting == {}


def test_who_was_not_watched_from_the_beginning_may_have_asked_before(requests: TokenRequests) -> None:
    assert requests.before(call(2.0), replace(APP, started=BEGAN - 1), nobody) == UNSEEN
    assert requests.before(call(2.0), gone(7), nobody) == UNSEEN
    assert requests.before(call(2.0), None, nobody) == UNSEEN
    assert requests.before(call(2.0), replace(gone(7), noted_s=float("inf")), nobody) == NONE
    ticks = iter((BEGAN, 700))
    lossy = TokenRequests(lambda: next(ticks))
    assert before(lossy) == "none"
    lossy.lost_some()
    assert before(lossy) == "unseen"
    assert before(lossy, replace(APP, started=701)) == "none"


def test_a_token_request_of_nobody_knows_whom_may_be_anybodys_who_ran_then(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter((BEGAN, 700, 800, 900))
    requests = TokenRequests(lambda: next(ticks))
    asked(requests, None)
    assert before(requests) == "unseen"
    assert before(requests, agent="y") == before(requests, client="172.17.0.3") == "none"
    assert before(requests, replace(APP, started=701)) == "none"  # it began afterwards
    assert before(requests, replace(gone(7), noted_s=float("inf"))) == "none"
    asked(requests)
    assert before(requests) == "lost"
    monkeypatch.setattr(module, "CLIENTS_MAX", 1)
    asked(requests, None, client="172.17.0.9")
    assert len(requests._nobodys) == 1


def test_nor_is_it_known_whose_one_is_while_it_waits_for_its_answer(requests: TokenRequests) -> None:
    asking = call(1.0, asks=True)
    requests.asked(asking)
    assert (before(requests), before(requests, at=0.5), before(requests, agent="y")) == ("unseen", "none", "none")


def test_it_is_bounded_and_says_when_it_forgot(requests: TokenRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLIENTS_MAX", 3)
    monkeypatch.setattr(module, "WAITING_MAX", 3)
    monkeypatch.setattr(requests, "_now_ticks", lambda: 10_000)
    for pid in range(10):
        asked(requests, replace(APP, pid=pid))
    assert (len(requests._known), before(requests, replace(APP, pid=1))) == (3, "unseen")
    for number in range(10):
        requests.asked(call(float(number), asks=True))
    assert requests._waiting_count == 3


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (TokenAnswer(0, True, 200, 1), "answered"),
        (TokenAnswer(1, False, 200, 2, passed_on=True), "answered"),
        (TokenAnswer(1, False, 200, 1), "lost"),
        (TokenAnswer(2, False, 200, 2, passed_on=True), "lost"),  # it left this host, and ends in the next one
        (TokenAnswer(None, False, 200, 2, passed_on=True), "answered"),
        (TokenAnswer(1, False), "unanswered"),
        (TokenAnswer(0, True, 403), "forbidden"),
        (TokenAnswer(0, True, 404), "not-found"),
        (TokenAnswer(0, True, 405), "not-found"),
        (TokenAnswer(0, True, 400), "other"),
    ],
)
def test_what_comes_of_a_token_request(answer: TokenAnswer, found: str) -> None:
    assert outcome(answer) == found
