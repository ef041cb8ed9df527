from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL, NOW, SEEN

from imds_probe.facts.switched import REFUSED_MAX, WatchedSince
from imds_probe.timestamp import rfc3339
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
    assert (found.with_token_last, found.longest_gap_s) == (None, 4 * HOUR_S - 60)  # it was answered before that
    history.record([at(5 * HOUR_S + 60, SEEN)], START + 6 * HOUR_S, START + 7 * HOUR_S)  # after a rollback
    assert since(history).refused[0].failed_last == found.failed_last


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


def test_it_was_answered_with_a_token_only_by_the_same_name_and_for_the_same_path(history):
    history.record(
        [
            at(60),
            at(100, AGAIN, caller=replace(CURL, unit="other.service", pid=8)),
            at(101, AGAIN, path="/latest/meta-data/tags/instance/Name", caller=replace(CURL, pid=8)),
            at(102, AGAIN, status=401),
        ],
        START,
        START + 300,
    )
    (found,) = since(history).refused
    assert (found.with_token_last, found.successor_last) == (None, None)
    history.record([at(7200, AGAIN, caller=replace(CURL, pid=99), status=404)], START + 300, START + 8000)
    (found,) = since(history).refused
    assert found.recovered == 0  # another process
    assert found.with_token_last == found.successor_last == rfc3339(START + 7200)


def test_a_caller_that_failed_at_two_paths_is_answered_only_once_it_is_at_both(history):
    app = replace(CURL, exe="/opt/app")
    first = {"path": "/latest/meta-data/ami-id", "caller": app}
    second = {"path": "/latest/meta-data/hostname", "caller": app}
    history.record([at(60, **first), at(61, **second)], START, START + 300)
    history.record([at(7200, AGAIN, **first)], START + 300, START + 7300)
    assert since(history).refused[0].with_token_last is None
    history.record([at(7400, AGAIN, **second)], START + 7300, START + 7500)
    assert since(history).refused[0].with_token_last == rfc3339(START + 7400)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"container": "a" * 64, "unit": None}, {"container": "b" * 64, "unit": None}),
        ({"exe": "/opt/app-1/bin/curl"}, {"exe": "/opt/app-2/bin/curl"}),
    ],
)
def test_what_takes_the_place_of_a_caller_succeeds_it(history, before, after):
    """A container of the same image, whatever its tag, and another version of the program in the same unit."""
    image = "shop/app" if "container" in before else None
    old, new = (image and f"{image}:{tag}" for tag in (1, 2))
    history.record([at(60, caller=replace(CURL, **before), image=old)], START, START + 300)
    again = at(7200, AGAIN, caller=replace(CURL, pid=99, **after), image=new)
    history.record([again, at(7300, AGAIN, path="/latest/user-data")], START + 300, START + 8000)
    (found,) = since(history).refused
    assert (found.with_token_last, found.successor_last) == (None, rfc3339(START + 7200))


@pytest.mark.parametrize(("namespace", "succeeds"), [("team-a", True), ("team-b", False)])
def test_a_pod_of_another_kubernetes_namespace_succeeds_nobody(history, namespace, succeeds):
    one, other = (replace(CURL, container=letter * 64, unit=None) for letter in "ab")
    (seen, _), (again, _) = at(60, caller=one, image="shop/app:1"), at(7200, AGAIN, caller=other, image="shop/app:1")
    history.record([(seen, "team-a/report-1/main")], START, START + 300)
    history.record([(again, f"{namespace}/report-2/main")], START + 300, START + 8000)
    (found,) = since(history).refused
    assert (found.successor_last is not None) == succeeds


def test_what_loses_nothing_takes_no_room_from_who_is_broken(history):
    broken = at(60, caller=replace(CURL, exe="/opt/pay", unit="pay.service", pid=5000))
    names = [replace(CURL, exe=f"/tmp/{number}", uid=1000, unit=None, pid=number) for number in range(REFUSED_MAX + 1)]
    calls = [at(70, method="HEAD", path="/", caller=each) for each in names]
    history.record([broken, *calls, at(71, path="/computeMetadata/v1/")], START, START + 300)
    assert [each.caller.program for each in since(history).refused] == ["/opt/pay"]
    assert since(history).left_out == 0
    history.record([at(80, caller=each) for each in names * 2], START + 300, START + 600)
    found = since(history)
    assert (found.refused[0].caller.program, found.left_out) == ("/opt/pay", 2)  # root's are shown first


def test_what_the_service_never_had_was_not_there_before_the_switch_either(history):
    known, other = (replace(CURL, exe="/opt/app", unit=each, pid=ord(each[0])) for each in ("a.service", "b.service"))
    history.record(
        [at(60, path="/nosuch/x", status=404, caller=known), at(61, path="/nosuch/x", status=200, caller=other)],
        START,
        START + 300,
    )
    calls = [at(7260, path="/nosuch/x", caller=each) for each in (known, other)]
    history.record([*calls, at(7261, path="/latest/meta-data/hostname", caller=known)], START + 7200, START + 7500)
    found = {(each.caller.unit, each.caller.path_class): each.had_nothing for each in since(history, 7200).refused}
    assert found == {("a.service", "other"): True, ("b.service", "other"): False, ("a.service", "meta-data"): False}


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
    both = together(written, watched(at(60), at(400), at(401, caller=other), began=50, ended=500), both=True)
    assert both.watched_s == 450
    assert [(each.caller.program, each.caller.refused) for each in both.refused] == [
        ("/usr/bin/curl", 2),
        ("/opt/other", 1),
    ]
    assert together(written, watched(began=50, ended=60), both=True) == written
    later = together(written, watched(at(400), began=350, ended=500), both=False)
    assert (later.watched_s, later.refused[0].caller.refused) == (450, 2)


def test_who_asked_again_while_it_was_watched_besides_has_failed_before_all_the_same():
    with History(MEMORY) as written, History(MEMORY) as besides:
        written.record([at(60)], START, START + 300)
        besides.record([at(3600), at(3601, AGAIN)], START + 3600, START + 3660)
        before, now = since(written, now=3700), since(besides, now=3700)
    (both,) = together(before, now, both=False).refused
    assert (both.failed_last, both.failed_ago_s) == (before.refused[0].failed_last, 3640)
    assert (both.caller.refused, both.recovered, both.with_token_last) == (2, 1, None)
