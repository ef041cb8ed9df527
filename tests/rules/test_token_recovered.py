from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import CATALOG, ENDED, LOST, RAISED, SINCE, WEB, judged, received, watched
from observed import IMDS

from imds_probe.facts.containers import Containers, Reach
from imds_probe.rules.hop_need import needed_hop_limit

TOKENS_ARRIVE = (replace(WEB, reach=(Reach("ipv4", "ok", "", distance=1, needs_hop_limit=2),)),)
NODE = replace(LOST, program="/usr/bin/node", exe="/usr/bin/node")


@pytest.mark.parametrize("by", [replace(LOST, program="/usr/bin/curl", exe="/usr/bin/curl", script="/opt/job"), LOST])
def test_a_program_that_fell_back_and_has_received_tokens_since_blocks_no_more(by):
    (found,) = judged(by, received(by, pid=by.pid), containers=TOKENS_ARRIVE, imds=RAISED)
    assert (found.id, found.severity, found.implies) == ("imdsv1-fallback-past", "info", None)
    assert found.summary.endswith(f"it has received tokens since, last at {SINCE}")


def test_behind_a_relay_the_tokens_may_be_anothers_until_a_day_was_silent():
    relayed = (replace(WEB, reach=(Reach("ipv4", "ok", "", confirmed=False),)),)
    (found,) = judged(LOST, received(LOST, pid=LOST.pid), containers=relayed, imds=RAISED)
    assert found.implies == "not-ready"
    late = received(LOST, pid=LOST.pid, last_seen="2023-11-16T00:00:00Z")
    (found,) = judged(LOST, late, containers=relayed, imds=RAISED)
    assert found.id == "imdsv1-fallback-past"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (received(NODE), "another process of the program, and the first may run yet"),
        (received(NODE, last_seen=LOST.first_seen, pid=NODE.pid), "a token from before"),
        (received(NODE, token="lost", pid=NODE.pid), "a token that was lost again"),
        (received(replace(NODE, script="/opt/other"), pid=NODE.pid), "another script's"),
        (received(replace(NODE, container_id="8" * 64), pid=NODE.pid), "another container's"),
    ],
)
def test_what_may_ask_without_a_token_yet_has_to_be_started_again(token, why):
    (found,) = judged(NODE, token, containers=TOKENS_ARRIVE, imds=RAISED)
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready"), why
    assert "Restart the program" in found.fix.text


@pytest.mark.parametrize(
    ("since", "first", "implies"),
    [
        ("2023-11-15T22:13:19Z", NODE.first_seen, "not-ready"),
        ("2023-11-15T22:13:20Z", NODE.first_seen, None),
        ("2023-11-15T22:13:20Z", "2023-11-13T22:00:00Z", "not-ready"),  # it called about once a day before
        ("2023-11-18T23:00:00Z", "2023-11-13T22:00:00Z", None),
        ("2023-11-99T23:00:00Z", NODE.first_seen, "not-ready"),  # no such day
    ],
)
def test_of_several_processes_a_silence_that_is_longer_than_theirs_counts(since, first, implies):
    by = replace(NODE, first_seen=first)
    (found,) = judged(by, received(NODE, last_seen=since), containers=TOKENS_ARRIVE, imds=RAISED)
    assert found.implies == implies


def test_who_calls_without_a_token_since_is_another_finding():
    again = replace(LOST, token="answered", last_seen="2023-11-14T23:30:00Z")
    past, blocks = sorted(
        judged(LOST, received(LOST, pid=LOST.pid), again, containers=TOKENS_ARRIVE, imds=RAISED),
        key=lambda each: each.implies or "",
    )
    assert (past.implies, blocks.implies) == (None, "not-ready")
    late = replace(LOST, last_seen="2023-11-14T23:30:00Z")
    (found,) = judged(late, received(LOST, pid=LOST.pid), containers=TOKENS_ARRIVE, imds=RAISED)
    assert found.implies == "not-ready"


@pytest.mark.parametrize(
    ("limit", "by", "said"),
    [
        (1, (), "hop limit 2 cures that"),
        (2, (), "the hop limit is 2 now, and 2 suffices"),
        (4, (), "the hop limit is 4 now, and 2 suffices"),
        (2, (received(replace(ENDED, container_id="8" * 64)),), f"received tokens since, last at {SINCE}"),
        (None, (), "hop limit 2 cures that"),
    ],
)
def test_what_ended_before_the_hop_limit_was_raised_blocks_no_more_and_keeps_the_limit(limit, by, said):
    facts = {"imds": replace(IMDS, hop_limit=limit)}
    (found,) = judged(ENDED, *by, **facts)
    assert said in found.summary
    assert found.implies == ("needs-hop-limit" if "cures" in said else None)
    assert needed_hop_limit(watched(ENDED, *by, **facts), CATALOG) == 2


def test_that_something_has_ended_is_believed_only_where_all_containers_were_seen():
    unseen = Containers((WEB,), ("podman was not asked",))
    (found,) = judged(ENDED, imds=RAISED, containers=unseen.containers, containers_unseen=unseen.containers_unseen)
    assert (found.id, found.implies) == ("imdsv1-caller", "not-ready")
