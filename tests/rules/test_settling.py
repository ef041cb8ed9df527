"""A watched window is named where it settles a finding, and only there: settled.py says the same of it afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import BACKUP, DAY_S, PACKED, WINDOW_S, watched
from observed import FACTS, changed
from watched_calls import BOOT

from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.image import Image
from imds_probe.rules.settled import silent
from imds_probe.rules.settling import (
    AN_INSTANCE,
    ANSWERING,
    AS_ROOT,
    LONGER_WINDOW,
    MORE_TIME,
    WHOLE_BOOT,
    WINDOW,
    by_boot,
    by_reasons,
    by_run,
    by_watch,
    to_see,
)

QUIET = changed(FACTS, callers=watched())
# Each as it is after a whole window: started a few days ago, and its schedule as it was.
SETTLED = [
    replace(PACKED, oldest_s=3 * DAY_S),
    replace(PACKED, oldest_s=3 * DAY_S, runs="boot"),
    replace(BACKUP, every_s=DAY_S, standing_s=WINDOW_S),
    replace(BACKUP, every_s=DAY_S, standing_s=WINDOW_S, pids=(9,), oldest_s=3 * DAY_S),
]
BOOTED = [
    replace(BACKUP, runs="boot", standing_s=WINDOW_S),
    replace(BACKUP, runs="boot", every_s=DAY_S, standing_s=WINDOW_S),
]
NEVER = [
    replace(BACKUP, every_s=None, standing_s=WINDOW_S),
    replace(BACKUP, runs="boot"),
    replace(BACKUP, runs="boot", every_s=31 * DAY_S, standing_s=WINDOW_S),
]


@pytest.mark.parametrize("program", SETTLED)
def test_what_a_window_settles_is_told_to_watch(program):
    assert silent(program, QUIET)
    assert by_watch([program], FACTS) == (WINDOW,)


@pytest.mark.parametrize("program", BOOTED)
def test_what_a_boot_settles_is_told_to_watch_one(program):
    assert not silent(program, QUIET)
    assert silent(program, changed(FACTS, callers=watched(boots=(BOOT,))))
    assert by_watch([program], QUIET) == by_watch([program], FACTS) == (WHOLE_BOOT,)


@pytest.mark.parametrize("program", NEVER)
def test_what_no_window_settles_is_not(program):
    assert not silent(program, changed(FACTS, callers=watched(boots=(BOOT,))))
    assert by_watch([program], QUIET) == ()


def test_what_comes_less_often_than_the_window_takes_a_longer_one():
    monthly = replace(BACKUP, every_s=31 * DAY_S, standing_s=90 * DAY_S)
    assert not silent(monthly, QUIET)
    assert by_watch([monthly], QUIET) == (f"{LONGER_WINDOW} of 31 d or more",)
    longer = changed(FACTS, callers=replace(watched(), window_s=31 * DAY_S, observed_s=31 * DAY_S))
    assert silent(monthly, longer)
    assert by_watch([monthly], longer) == (WINDOW,)


def test_of_many_it_says_how_many_it_settles():
    assert by_watch([SETTLED[0], NEVER[0]], FACTS) == (f"{WINDOW}, for 1 of 2 programs",)
    half = ", for 1 of 2 programs"
    assert by_watch([SETTLED[0], BOOTED[0]], FACTS) == (WINDOW + half, WHOLE_BOOT + half)
    assert by_watch([], FACTS) == ()


def test_an_image_is_watched_on_an_instance():
    assert by_watch([NEVER[0]], changed(FACTS, image=Image())) == (AN_INSTANCE,)


def test_another_run_needs_time_or_root():
    skipped, failed = CollectorRun("sdks", "skipped", 0.0), CollectorRun("sdks", "failed", 0.0)
    assert by_run(skipped, FACTS, "else") == (MORE_TIME,)
    assert by_run(failed, replace(FACTS, privileged=False), "else") == (AS_ROOT,)
    assert by_run(failed, FACTS, "else") == by_run(None, FACTS, "else") == ("else",)


LATE, HIDING = "12 processes were not inspected: the run's time limit came first", "3 processes hide: run as root"
SILENT = "process 53 does not answer"


@pytest.mark.parametrize(
    ("reasons", "nouns"),
    [
        ((LATE,), (MORE_TIME,)),
        (("process 7 was not inspected: the reading took longer than allowed",), (MORE_TIME,)),
        ((SILENT,), (ANSWERING,)),
        (("the records of docker: its files do not answer",), (ANSWERING,)),
        ((HIDING,), (AS_ROOT,)),
        ((LATE, SILENT), (MORE_TIME, ANSWERING)),
        (("the network namespace of process 1 cannot be read",), ("else",)),
    ],
)
def test_another_run_needs_what_this_one_lacked(reasons, nouns):
    assert by_reasons(reasons, FACTS, "else") == nouns
    assert AS_ROOT in by_reasons(reasons, replace(FACTS, privileged=False), "else")


@pytest.mark.parametrize(
    ("reasons", "order"),
    [
        ((LATE,), "Give the run more time with --timeout."),
        (
            (SILENT,),
            "Restart a process that does not answer. Repair or unmount a file system that does not answer. Then",
        ),
        ((HIDING,), "Run imds-probe as root on the host."),
        ((LATE, SILENT), "Give the run more time with --timeout. Restart a process that does not answer."),
        (("the network namespace of process 1 cannot be read",), "else"),
    ],
)
def test_the_order_is_about_what_this_run_lacked_and_nothing_else(reasons, order):
    assert to_see(reasons, FACTS, "else").startswith(order)
    assert ("root" in to_see(reasons, FACTS, "else")) == (reasons == (HIDING,))
    assert to_see(reasons, replace(FACTS, privileged=False), "else").startswith("Run imds-probe as root on the host.")


def test_what_a_container_starts_is_told_to_watch_a_start_of_it():
    program = replace(BACKUP, runs="boot", on_host=False, container_ids=("a" * 64,), standing_s=WINDOW_S)
    assert by_watch([program], FACTS) == (WINDOW,)
    assert not by_boot(program)
