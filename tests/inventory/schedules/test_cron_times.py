from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.cron_times import HARDLY_EVER, nickname, when
from imds_probe.inventory.schedules.recurrence import DAY, HOUR
from imds_probe.inventory.schedules.scheduled import When


@pytest.mark.parametrize(
    ("fields", "how_often", "every_s"),
    [
        ("* * * * *", "every minute", 60),
        ("-*/5 * * * *", "every 5 minutes", 300),
        ("0 * * * *", "hourly", HOUR),
        ("30 3 * * *", "daily", DAY),
        ("0 0 * * 7", "weekly", 7 * DAY),
        ("0 0 * * sun,SAT", "at least every 6 days", 6 * DAY),
        ("0 8 * * mon-fri", "at least every 3 days", 3 * DAY),
        ("0 8 1 * *", "monthly", 31 * DAY),
        ("0 8 1 jan *", "yearly", 366 * DAY),
        ("0 8 1 */6 *", "every 184 days", 184 * DAY),
        ("0 8 1,15 * fri", "at least every 7 days", 7 * DAY),
        ("0 8 */2 * fri", "at least every 21 days", 21 * DAY),
        ("0~59 0-23/2 * * *", "every 2 hours", 2 * HOUR),
        ("5/20 * * * *", "every 20 minutes", 1200),
    ],
)
def test_five_fields(fields: str, how_often: str, every_s: int) -> None:
    assert when(fields.split()) == When("scheduled", how_often, every_s)


@pytest.mark.parametrize(
    "fields",
    [
        *(
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-3 * * * *",
            "*/0 * * * *",
            "x * * * *",
        ),
        *("1-2-3 * * * *", "² * * * *", "99999999999999999999 * * * *", "~x * * * *x"),
    ],
)
def test_what_is_no_time(fields: str) -> None:
    assert when(fields.split()) is None


def test_a_day_that_there_is_not_is_said() -> None:
    assert when(["0", "0", "30", "2", "*"]) == When("scheduled", HARDLY_EVER)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("@daily", When("scheduled", "daily", DAY)),
        ("@Midnight", When("scheduled", "daily", DAY)),
        ("@hourly", When("scheduled", "hourly", HOUR)),
        ("@annually", When("scheduled", "yearly", 366 * DAY)),
        ("@reboot", When("boot", "at each boot")),
        ("@never", None),
    ],
)
def test_nicknames(word: str, expected: When | None) -> None:
    assert nickname(word) == expected
