from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CURL, NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch import history_boot as module
from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_who_called_in_the_hours_of_a_boot_and_never_after_is_not_forgotten(tmp_path):
    """Whoever was seen again later is judged by what was seen then."""
    booted = NOW - 60 * 86400
    agent = replace(CURL, exe="/opt/agent", unit="agent.service")
    with History(tmp_path / "history.db") as history:
        at_boot = [replace(SEEN, at=booted + 30, caller=each) for each in (CURL, agent)]
        history.record([(seen, None) for seen in at_boot], booted, booted + 60)
        went_on = [replace(SEEN, at=booted + day * DAY, caller=agent, path="/latest/user-data") for day in (1, 2, 3)]
        history.record([(each, None) for each in went_on], booted, NOW)
        hours = range(int(booted // 3600), int(booted // 3600) + 2)
        assert history.at_boot(hours) == (2, 1)
        assert history.at_boot(range(hours.start - 5, hours.start - 3)) == (0, 0)
        assert history.evidence(NOW, 1000).by == ()
        (caller,) = history.evidence(NOW, 1000, at_boot=hours).by
        assert (caller.program, caller.count, caller.first_seen <= caller.last_seen) == (
            "/usr/bin/curl",
            1,
            True,
        )
        assert history.lost_at() is None


@pytest.mark.parametrize(
    "changes", [{"uid": 1000}, {"script": "/opt/another"}, {"unit": "other.service"}, {"container": "1" * 64}]
)
def test_another_caller_of_the_same_program_does_not_stand_for_the_one_of_a_boot(path: Path, changes) -> None:
    booted = NOW - 60 * DAY
    job = replace(CURL, script="/opt/at-boot", unit="cron.service")
    hours = range(int(booted // 3600), int(booted // 3600) + 2)
    with History(path) as history:
        history.record([(replace(SEEN, at=booted + 30, caller=job), None)], booted, booted + 60)
        later = replace(job, **changes)
        history.record([(replace(SEEN, at=booted + 90_000, caller=later), later.container)], booted, NOW)
        assert history.at_boot(hours) == (1, 1)
        (caller,) = history.evidence(NOW, 1000, at_boot=hours).by
        assert caller.script == "/opt/at-boot"
        went_on = [replace(SEEN, at=booted + day * DAY, caller=job) for day in range(1, module.MENDED_DAYS + 1)]
        history.record([(each, None) for each in went_on], booted, NOW)
        assert history.at_boot(hours) == (1, 0)


def test_a_unit_of_the_boot_that_was_restarted_by_hand_has_not_been_changed_by_that(path: Path) -> None:
    """It is silent again, as nobody starts it until the next boot."""
    booted = NOW - 60 * DAY
    job = replace(CURL, script="/opt/at-boot", unit="at-boot.service")
    hours = range(int(booted // 3600), int(booted // 3600) + 2)
    by_hand = [replace(SEEN, at=booted + 2 * DAY + hour * 3600, caller=job) for hour in range(5)]
    with History(path) as history:
        history.record([(replace(SEEN, at=booted + 30, caller=job), None)], booted, booted + 60)
        history.record([(each, None) for each in by_hand], booted, NOW)
        assert history.at_boot(hours) == (1, 1)
        (caller,) = history.evidence(NOW, 1000, at_boot=hours).by
        assert (caller.script, caller.count) == ("/opt/at-boot", 1)


def test_calls_of_a_boot_that_take_nothing_do_not_count(path: Path) -> None:
    booted = NOW - 60 * DAY
    hours = range(int(booted // 3600), int(booted // 3600) + 2)
    azure = replace(SEEN, at=booted + 30, path="/metadata/instance", status=404)
    with History(path) as history:
        history.record([(azure, None), (replace(azure, path="/metadata/identity"), None)], booted, booted + 60)
        assert history.at_boot(hours) == (0, 0)
        history.record(
            [(replace(azure, path="/latest/…", status=status), None) for status in (200, 401, None)], NOW, NOW
        )
        assert history.at_boot(hours) == (3, 3)
