from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from watched_calls import NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_hours_that_were_watched_whole_with_their_served_calls(path: Path) -> None:
    hour = 1000
    begin = hour * 3600.0
    refused = replace(SEEN, at=begin + 3600 + 5, status=401)
    ours = replace(SEEN, at=begin + 3600 + 6, user_agent="imds-probe/1")
    v2 = replace(SEEN, at=begin + 3600 + 7, version="v2")
    with History(path) as history:
        history.record([(replace(SEEN, at=begin + 1), None)], begin - 10, begin + 1800)
        history.record([(each, None) for each in (refused, ours, v2)], begin + 1800.5, begin + 3 * 3600 + 60)
        history.record([], begin + 5 * 3600, begin + 6 * 3600, dropped=3)
        assert history.v1_by_hour(begin - 7200, begin + 9 * 3600) == {1000: 1, 1001: 1, 1002: 0}
        assert history.v1_by_hour(begin + 1, begin + 9 * 3600) == {1001: 1, 1002: 0}


def test_an_hour_with_what_could_not_be_confirmed_is_not_compared(path: Path) -> None:
    hour = int(NOW // HOUR_S)
    with History(path) as history:
        history.record([], (hour - 3) * HOUR_S, (hour - 2) * HOUR_S)
        history.record([], (hour - 2) * HOUR_S, (hour - 1) * HOUR_S, 0, {"veth2": 1})
        assert history.v1_by_hour(NOW - DAY, NOW) == {hour - 3: 0}
