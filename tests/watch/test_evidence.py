from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CALLER, NOW

from imds_probe.timestamp import rfc3339
from imds_probe.watch.evidence import callers_of, covered, in_order, merged, named_alike


def seen(*by, observed_s=100.0, until=NOW):
    return callers_of(
        by,
        window_s=1000.0,
        observed_s=observed_s,
        needed_coverage=0.99,
        dropped=0,
        watched_until=None if until is None else rfc3339(until),
    )


def test_the_probe_is_counted_by_itself():
    found = seen(CALLER, replace(CALLER, probe=True, count=2), replace(CALLER, version="v2", count=5))
    assert (found.imdsv1, found.imdsv1_by_probe, found.imdsv2, found.coverage) == (CALLER.count, 2, 5, 0.1)
    assert not found.complete
    assert seen(observed_s=990.0).complete


@pytest.mark.parametrize(
    ("intervals", "length"),
    [([], 0), ([(0, 10), (20, 30)], 20), ([(0, 10), (5, 15)], 15), ([(0, 100), (10, 20), (90, 110)], 110)],
)
def test_time_is_counted_once(intervals, length):
    assert covered(intervals) == length


def test_v1_comes_first_then_who_calls_most():
    few, many, other = CALLER, replace(CALLER, count=9), replace(CALLER, version="v2", count=99)
    assert in_order([other, few, many]) == (many, few, other)


def test_a_watch_after_the_daemon_has_ended_is_added():
    late = replace(CALLER, count=2, refused=1, last_seen=rfc3339(NOW + 60))
    both = merged(seen(CALLER, until=NOW), seen(late, observed_s=60.0, until=NOW + 60), rfc3339(NOW))
    (caller,) = both.by
    assert (caller.count, caller.refused) == (CALLER.count + 2, CALLER.refused + 1)
    assert (caller.first_seen, caller.last_seen) == (CALLER.first_seen, late.last_seen)
    assert (both.observed_s, both.watched_until) == (160.0, rfc3339(NOW + 60))


def test_a_watch_beside_the_daemon_counts_nothing_twice():
    history = seen(replace(CALLER, count=7), until=NOW + 58, observed_s=158.0)
    watched = seen(replace(CALLER, count=2), replace(CALLER, program="/new"), observed_s=60.0, until=NOW + 60)
    both = merged(history, watched, rfc3339(NOW))
    assert {each.program: each.count for each in both.by} == {CALLER.program: 7, "/new": CALLER.count}
    assert both.observed_s == 158.0


@pytest.mark.parametrize(("until", "unconfirmed"), [(NOW, 5), (NOW + 58, 3)])
def test_what_neither_could_confirm_is_said_of_both(until, unconfirmed):
    history = replace(seen(until=until), unconfirmed=2, senders=("2: veth2",))
    watched = replace(seen(observed_s=60.0, until=NOW + 60), unconfirmed=3, senders=("2: veth2", "1: veth3"))
    both = merged(history, watched, rfc3339(NOW))
    assert (both.unconfirmed, both.senders) == (unconfirmed, ("2: veth2", "1: veth3"))


def test_users_of_one_program_stay_apart_and_what_was_once_not_shown_to_be_the_hosts_is_not():
    root, other = replace(CALLER, uid=0, on_host=True), replace(CALLER, uid=4242, on_host=False)
    both = merged(seen(root, other), seen(replace(root, on_host=False)), rfc3339(NOW))
    assert {(each.uid, each.on_host, each.count) for each in both.by} == {(0, False, 6), (4242, False, 3)}


def test_a_container_whose_name_was_not_known_yet_is_called_by_it():
    inside = replace(CALLER, container_id="1" * 64, container="1" * 12)
    named = replace(inside, container="web", image="app:1", path_class="token")
    other = replace(inside, container_id="2" * 64, container="2" * 12)
    found = named_alike([inside, named, other, CALLER])
    assert [(each.container, each.image) for each in found] == [
        ("web", "app:1"),
        ("web", "app:1"),
        ("2" * 12, None),
        (None, None),
    ]


@pytest.mark.parametrize(("until", "served"), [(NOW, 3), (NOW + 58, 2)])
def test_what_came_of_token_requests_stays_apart_and_what_was_served_is_added(until, served):
    plain, lost = replace(CALLER, token="none", served=1), replace(CALLER, token="lost", served=1)
    both = merged(seen(plain, lost, until=until), seen(replace(lost, served=2), until=NOW + 60), rfc3339(NOW))
    assert {(each.token, each.served) for each in both.by} == {("none", 1), ("lost", served)}
