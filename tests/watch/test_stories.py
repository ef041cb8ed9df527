from __future__ import annotations

from dataclasses import replace

import pytest
from watched_calls import CURL

from imds_probe.watch.caller import Caller
from imds_probe.watch.lives import Life
from imds_probe.watch.stories import story_of

SCRIPT, SH = "/usr/local/bin/register-dns", "/bin/sh"
CRON = replace(CURL, pid=50, comm="cron", exe="/usr/sbin/cron", parents=(), acts_for=(50, 5))
SHELL = replace(CURL, pid=50, comm="sh", exe="/usr/bin/dash", script="/opt/all.sh", started_by="sshd", acts_for=(50, 5))
CURLS = Life(100, 99, "/usr/bin/curl", began=9.0, runs=1)


def told(*lives: Life, running: dict[int, Caller] | None = None) -> tuple:
    known, there = {each.process: each for each in lives}, running or {}
    story = story_of(CURLS, known.get, there.get)
    return story.script, story.started_by, story.client, story.noted_s


@pytest.mark.parametrize(
    ("lives", "running", "found"),
    [
        ([Life(99, 50, SCRIPT, began=8.0, runs=1)], {50: CRON}, (SCRIPT, "cron", (99, None), 8.0)),
        (
            [
                Life(99, 98, SCRIPT, began=8.5),
                Life(98, 97, SCRIPT, began=8.0, runs=2),
                Life(97, 50, SH, began=7.0, runs=1),
            ],
            {50: CRON},
            (SCRIPT, "cron", (98, None), 8.0),
        ),
        ([Life(99, 50, SH, began=8.0, runs=1)], {50: CRON}, (None, "cron", (99, None), 8.0)),
        ([Life(99, 50, SCRIPT, began=8.0, runs=1)], {50: SHELL}, (SCRIPT, "/opt/all.sh", (99, None), 8.0)),
        ([Life(99, 50, SCRIPT, began=8.0, runs=1)], {}, (SCRIPT, None, (99, None), 8.0)),
        (
            [Life(99, 98, SCRIPT, began=8.0, runs=1), Life(98, 50, "/opt/nightly", began=7.0, runs=1)],
            {50: CRON},
            (SCRIPT, "nightly", (99, None), 8.0),
        ),
        ([Life(99, 50, "not/absolute", began=8.0, runs=1)], {50: CRON}, (None, "absolute", (99, None), 8.0)),
        ([], {99: SHELL}, ("/opt/all.sh", "sshd", (50, 5), 0.0)),
        ([], {99: CRON}, (None, "cron", None, 0.0)),
        ([], {}, (None, None, None, 0.0)),
    ],
)
def test_the_story_of_a_curl_that_has_ended(lives, running, found) -> None:
    assert told(*lives, running=running) == found


def test_what_runs_still_speaks_for_itself() -> None:
    """By its file alone, nobody can tell a daemon that was begun during the watch from a script."""
    began = Life(99, 1, "/usr/sbin/cron", began=3.0, runs=1)
    assert told(began, running={99: CRON}) == (None, "cron", None, 0.0)
    dying = replace(SHELL, script=None, whole=False)
    script = Life(99, 50, SCRIPT, began=8.0, runs=1)
    assert told(script, running={99: dying, 50: CRON}) == (SCRIPT, "cron", (99, None), 8.0)


def test_parents_in_a_circle_end() -> None:
    assert told(Life(99, 98, SH, began=2.0, runs=1), Life(98, 99, SH, began=1.0, runs=1))[0] is None


def test_what_a_caller_knows_itself_stays() -> None:
    story = story_of(CURLS, {99: Life(99, 50, SCRIPT, began=8.0, runs=1)}.get, {50: CRON}.get)
    found = story.told(replace(CURL, script="/opt/x.sh", started_by="…", whole=False))
    assert (found.script, found.started_by, found.acts_for, found.noted_s) == ("/opt/x.sh", "cron", (99, None), 8.0)


def test_a_script_that_only_asks_leaves_its_name_to_the_one_that_runs_it() -> None:
    story = story_of(CURLS, {99: Life(99, 50, SCRIPT, began=8.0, runs=1)}.get, {50: CRON}.get)
    httpie = replace(CURL, exe="/usr/bin/python3.11", script="/usr/bin/http", whole=False)
    assert story.told(httpie).script == SCRIPT
    assert story_of(CURLS, {}.get, {}.get).told(httpie).script == "/usr/bin/http"
