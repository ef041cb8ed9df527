from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL, NOW, SEEN

from imds_probe.facts.switched import REFUSED_MAX, WatchedSince
from imds_probe.watch.history import History
from imds_probe.watch.history_file import MEMORY
from imds_probe.watch.history_format import HOUR_S
from imds_probe.watch.history_refused import SAME_MOMENT_S, together

START = NOW - NOW % HOUR_S  # the beginning of an hour
REFUSED = replace(SEEN, status=401)
AGAIN = replace(SEEN, version="v2")


@pytest.fixture
def history():
    with History(MEMORY) as opened:
        yield opened


def at(seconds: float, seen=REFUSED, **changes: object):
    return replace(seen, at=START + seconds, **changes), None


def since(history: History, began: float = 0.0, now: float = 10 * HOUR_S) -> WatchedSince:
    return history.refused_since(START + began, START + now)


def test_who_was_refused_and_asked_again_has_nothing_that_failed(history):
    history.record([at(60), at(61, AGAIN), at(120)], START, START + 300)
    history.record([at(121, AGAIN)], START + 300, START + 600)  # over two writes
    (found,) = since(history).refused
    assert (found.caller.refused, found.recovered, found.failed_last, found.failed_ago_s) == (2, 2, None, None)


def test_who_never_asked_again_says_when_that_was_last(history):
    history.record([at(60), at(90)], START, START + 300)
    history.record([at(HOUR_S + 60), at(HOUR_S + 61, AGAIN)], START + 300, START + 2 * HOUR_S)
    (found,) = since(history).refused
    assert (found.caller.refused, found.recovered, found.caller.count) == (3, 3, 3)  # the same process, within the hour
    history.record([at(5 * HOUR_S)], START + 2 * HOUR_S, START + 6 * HOUR_S)
    (found,) = since(history).refused
    assert (found.caller.refused, found.recovered, found.failed_ago_s) == (4, 3, 5 * HOUR_S)
    assert found.failed_last == found.caller.last_seen
    assert found.with_token_last is not None
    assert found.with_token_last < found.failed_last


def test_what_was_called_before_the_switch_is_not_among_it(history):
    """Also what was refused in an earlier time in which tokens were required."""
    history.record([at(60), at(70, SEEN)], START, START + 300)
    assert since(history).refused
    assert since(history, began=HOUR_S).refused == ()
    assert since(history, began=100).refused == ()


def test_the_probe_and_what_is_served_or_forbidden_is_not_among_it(history):
    root = replace(CURL, uid=0)
    history.record(
        [
            at(1, user_agent="imds-probe/1", caller=root),
            at(2, SEEN),
            at(3, status=403),
            at(4, version="v2"),
        ],
        START,
        START + 300,
    )
    assert since(history) == WatchedSince(300.0)


def test_it_was_served_with_a_token_only_by_the_same_name_and_for_the_same_kind_of_thing(history):
    history.record(
        [
            at(60),
            at(100, AGAIN, caller=replace(CURL, unit="other.service", pid=8)),
            at(101, AGAIN, path="/latest/user-data"),
            at(102, AGAIN, status=401),
        ],
        START,
        START + 300,
    )
    (found,) = since(history).refused
    assert found.with_token_last is None
    history.record([at(7200, AGAIN, caller=replace(CURL, pid=99))], START + 300, START + 8000)
    (found,) = since(history).refused
    assert found.recovered == 0  # another process
    assert found.with_token_last is not None


def test_only_what_was_watched_without_a_loss_counts_as_watched(history):
    history.record([], START, START + 1000)
    history.record([], START + 1000, START + 1500, 3)
    history.record([], START + 2000, START + 3000)
    assert since(history).watched_s == 2000
    assert since(history, began=500).watched_s == 1500
    assert since(history, now=2500).watched_s == 1500
    later = history.refused_since(START, START + 3000, known_since=START + 600)
    assert later.watched_s == 1400


def test_one_that_was_refused_a_moment_ago_may_ask_again_yet(history):
    history.record([at(60)], START, START + 300)
    assert since(history, now=60 + SAME_MOMENT_S - 1).refused[0].may_recover
    assert not since(history, now=60 + SAME_MOMENT_S).refused[0].may_recover


def test_of_many_those_that_failed_are_shown(history):
    names = [replace(CURL, exe=f"/opt/{number}", pid=number) for number in range(REFUSED_MAX + 3)]
    calls = [at(number / 10, caller=caller) for number, caller in enumerate(names)]
    calls += [at(60, AGAIN, caller=caller) for caller in names[:5]]
    history.record(calls, START, START + 300)
    found = since(history)
    assert (len(found.refused), found.left_out) == (REFUSED_MAX, 3)
    assert sum(each.failed_last is None for each in found.refused) == 2


def test_what_is_watched_besides_counts_once():
    def watched(*calls, began: float, ended: float) -> WatchedSince:
        with History(MEMORY) as opened:
            opened.record(calls, START + began, START + ended)
            return since(opened, now=ended)

    other = replace(CURL, exe="/opt/other", pid=8)
    written = watched(at(60), began=0, ended=300)
    both = together(written, watched(at(60), at(400), at(401, caller=other), began=50, ended=500))
    assert both.watched_s == 450
    assert [(each.caller.program, each.caller.refused) for each in both.refused] == [
        ("/usr/bin/curl", 2),
        ("/opt/other", 1),
    ]
    assert together(written, watched(began=50, ended=60)) == written
