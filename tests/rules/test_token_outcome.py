"""What came of a caller's last token request, also where the watch began after it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import CATALOG, LOST, PLAIN, judged, watched

from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.rules.hop_need import needed_hop_limit
from imds_probe.rules.token_outcome import outcome_of, plain

SCRIPT = "/usr/local/bin/app"
UNSEEN = replace(PLAIN, token="unseen", program="/usr/bin/curl", script=SCRIPT, pid=7)
# The same script's request for a token, by a curl of its own.
ASKED = replace(UNSEEN, version="v2", path_class="token", path="/latest/api/token", token="lost", token_ttl=1, pid=8)


def outcome(*by: CallerSeen) -> str | None:
    """That of the first one, beside the others."""
    return outcome_of(by[0], watched(*by)[Callers])


def test_a_process_that_lost_a_token_before_the_daemon_was_restarted_did_so_for_its_life():
    unseen = replace(PLAIN, token="unseen", user_agent="Boto3/1.43.11 Botocore/1.43.11")
    assert outcome(unseen, LOST) == "lost"
    assert outcome(replace(unseen, pid=8), LOST) == "unseen"
    (found,) = judged(unseen, replace(LOST, user_agent=unseen.user_agent))
    assert found.implies == "needs-hop-limit"


def test_of_a_process_that_is_no_sdk_it_is_not_known_whether_it_falls_back():
    unseen = replace(PLAIN, token="unseen")
    assert outcome(unseen, LOST) == outcome(unseen, replace(LOST, token="lost-before")) == "lost-before"
    lost = replace(LOST, program=UNSEEN.program, script=SCRIPT, pid=8)
    assert outcome(UNSEEN, lost, replace(lost, token="lost-before")) == "lost-before"


def test_a_script_that_lost_each_token_seen_had_lost_those_before():
    """Each request is another process's."""
    lost = replace(LOST, program=UNSEEN.program, script=SCRIPT, pid=8)
    assert outcome(UNSEEN, lost) == "lost"
    assert [each.implies for each in judged(UNSEEN, lost)] == ["needs-hop-limit"]
    assert outcome(UNSEEN, lost, replace(lost, token="none", pid=9)) == "unseen"
    assert outcome(UNSEEN, replace(lost, script="/usr/local/bin/other")) == "unseen"
    nameless = replace(UNSEEN, script=None)
    assert outcome(nameless, replace(lost, script=None)) == "unseen"


def test_so_it_had_where_the_watch_saw_it_ask_for_a_token_once_and_lose_it():
    assert outcome(UNSEEN, ASKED) == "lost"
    assert [each.implies for each in judged(UNSEEN, ASKED)] == ["needs-hop-limit"]


@pytest.mark.parametrize(
    "beside",
    [
        (replace(ASKED, token="answered", token_ttl=2),),  # a token arrives there
        (ASKED, replace(ASKED, token="answered")),
        (replace(ASKED, token="forbidden"),),
        (replace(ASKED, script="/usr/local/bin/other"),),  # another script of that container asks for tokens
        (replace(ASKED, container_id="9" * 64),),
        (replace(ASKED, pid=7),),  # one process may be two clients
        (ASKED, replace(UNSEEN, token="none", pid=9)),  # it also asks without having asked for one
        (replace(ASKED, path_class="meta-data", token=None),),
    ],
)
def test_what_else_was_seen_there_says_nothing_of_it(beside):
    assert outcome(UNSEEN, *beside) == "unseen"
    assert judged(UNSEEN, *beside)[0].implies == "not-ready"


def test_who_never_asks_for_a_token_is_not_cured_by_what_another_script_lost():
    never = replace(UNSEEN, token="none")
    assert outcome(never, ASKED) == "none"
    assert [each.implies for each in judged(never, ASKED)] == ["not-ready"]


def test_the_hop_limit_is_raised_for_what_has_ended_since():
    ended = [replace(each, container="build", container_id="9" * 64, image="ci/build:7") for each in (UNSEEN, ASKED)]
    (found,) = judged(*ended, containers=())
    assert found.implies == "needs-hop-limit"
    assert needed_hop_limit(watched(*ended, containers=()), CATALOG) == 2
    assert needed_hop_limit(watched(*ended[:1], containers=()), CATALOG) == 1


def test_a_token_that_was_lost_or_refused_is_a_reason_to_ask_without_one():
    assert [each for each in ("none", "unseen", "answered", "lost", "forbidden", None) if not plain(each)] == [
        "lost",
        "forbidden",
    ]
