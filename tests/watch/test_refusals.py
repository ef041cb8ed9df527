from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from watched_calls import CURL, NOW, SEEN

from imds_probe.watch import refusals
from imds_probe.watch.caller import Caller
from imds_probe.watch.refusals import UNKNOWN_WITHIN_S, WITHIN_S, Place, Refusals, is_refused
from imds_probe.watch.seen_call import SeenCall

PLACE = Place(1, 100, "/latest/meta-data")
REFUSED = replace(SEEN, status=401)
AGAIN = replace(SEEN, version="v2", at=SEEN.at + 1)


def recovered(*calls: SeenCall) -> int:
    """How many of these were followed by one with a token."""
    _, found = Refusals().after((each, PLACE) for each in calls)
    return found.total()


def as_process(pid: int, **changes: object) -> Caller:
    return replace(CURL, pid=pid, started=pid * 100, **changes)


def test_who_asks_again_with_a_token_has_recovered():
    assert recovered(REFUSED) == 0
    assert recovered(REFUSED, AGAIN) == 1
    assert recovered(AGAIN, REFUSED) == 1  # by when they were made, in whatever order they come
    assert recovered(REFUSED, replace(REFUSED, at=NOW), AGAIN, replace(REFUSED, at=NOW + 9)) == 2


@pytest.mark.parametrize("changes", [{"status": 404}, {"status": 500}, {"path": "/latest/meta-data"}])
def test_an_answer_of_any_kind_shows_that_its_token_was_taken(changes):
    assert recovered(REFUSED, replace(AGAIN, **changes)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/latest/meta-data/hostname"},
        {"status": 401},  # with an expired token
        {"status": 403},  # the service is turned off
        {"status": None},
        {"token": "answered", "method": "PUT"},  # a token alone is no metadata
        {"version": "v1"},
        {"at": SEEN.at - 1},
        {"at": SEEN.at + WITHIN_S + 1},
        {"caller": as_process(8)},
        {"caller": None},
    ],
)
def test_whatever_else_follows_is_no_recovery(changes):
    assert recovered(REFUSED, replace(AGAIN, **changes)) == 0


def test_only_a_refusal_for_want_of_a_token_counts():
    assert is_refused(REFUSED)
    assert not is_refused(replace(REFUSED, version="v2"))  # its token had expired
    assert not is_refused(replace(REFUSED, status=403))  # the service is turned off
    assert not is_refused(SEEN)


def test_a_number_that_became_anothers_is_another_process():
    calls = [replace(REFUSED, caller=as_process(7)), replace(AGAIN, caller=replace(as_process(7), started=99))]
    assert recovered(*calls) == 0


def test_what_a_script_asks_by_one_program_after_the_other_is_one_client():
    first, second = (as_process(pid, acts_for=(50, None)) for pid in (60, 61))
    assert recovered(replace(REFUSED, caller=first), replace(AGAIN, caller=second)) == 1
    became = replace(as_process(50), started=5000)  # the shell becomes the last that it starts
    assert recovered(replace(REFUSED, caller=first), replace(AGAIN, caller=became)) == 1


def test_where_no_process_is_known_it_is_who_calls_itself_so_at_an_address():
    refused = replace(REFUSED, caller=None)
    again = replace(AGAIN, caller=None)
    assert recovered(refused, again) == 1
    assert recovered(refused, replace(again, client="10.0.0.6")) == 0
    assert recovered(refused, replace(again, user_agent="other/1")) == 0
    assert recovered(refused, replace(again, at=SEEN.at + UNKNOWN_WITHIN_S + 1)) == 0  # somebody else at that address


def test_what_is_open_goes_on_and_nothing_is_changed_before_it_is_written():
    begun, none = Refusals().after([(REFUSED, PLACE)])
    assert not none
    later = Place(2, 101, "/latest/meta-data")
    more, _ = begun.after([(replace(REFUSED, at=NOW + 2), later)])
    for _ in range(2):  # what could not be written is taken again
        assert begun.after([(AGAIN, PLACE)])[1] == Counter({PLACE: 1})
        assert more.after([(replace(AGAIN, at=NOW + 3), PLACE)])[1] == Counter({PLACE: 1, later: 1})
    left, _ = more.after([(replace(AGAIN, at=NOW + 3), PLACE)])
    assert not left.after([(replace(AGAIN, at=NOW + 4), PLACE)])[1]


def test_of_more_clients_than_there_is_room_for_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(refusals, "CLIENTS_MAX", 2)
    assert remembered(*(as_process(pid) for pid in (1, 2, 3))) == [False, True, True]


@pytest.mark.parametrize("many", [{"uid": 1000}, {"container": "c" * 64}])
def test_whoever_has_most_makes_room(monkeypatch, many):
    monkeypatch.setattr(refusals, "CLIENTS_MAX", 3)
    assert remembered(as_process(1), *(as_process(pid, **many) for pid in (2, 3, 4, 5))) == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_of_one_user_the_process_that_asks_for_most_makes_room(monkeypatch):
    monkeypatch.setattr(refusals, "CLIENTS_MAX", 3)
    waiting, _ = Refusals().after(
        [(replace(REFUSED, caller=as_process(1)), PLACE)]
        + [(replace(REFUSED, at=NOW + 1 + each, path=f"/{each}", caller=as_process(2)), PLACE) for each in range(9)]
    )
    assert waiting.after([(replace(AGAIN, at=NOW + 20, caller=as_process(1)), PLACE)])[1]


def remembered(*callers: Caller) -> list[bool]:
    """Of which of these it is known still that they were refused, one after the other."""
    waiting, _ = Refusals().after((replace(REFUSED, at=NOW + each.pid, caller=each), PLACE) for each in callers)
    return [bool(waiting.after([(replace(AGAIN, at=NOW + 9, caller=each), PLACE)])[1]) for each in callers]
