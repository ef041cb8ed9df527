from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


@pytest.mark.parametrize(
    ("watched", "calls", "silent_days"),
    [
        (((60, 0),), (), 60),
        (((60, 0),), (40,), 40),  # since the last call
        (((60, 30), (29.9, 0)), (), 60),  # a gap that is too small to matter
        (((60, 30), (20, 0)), (), 20),
        (((60, 1),), (), 0),  # not now
        ((), (), 0),
    ],
)
def test_for_how_long_nobody_called(path: Path, watched, calls, silent_days) -> None:
    with History(path) as history:
        for day in calls:
            at = NOW - day * DAY
            history.record([(replace(SEEN, at=at), None)], at, at)
        for began, ended in watched:
            history.record([], NOW - began * DAY, NOW - ended * DAY)
        harmless = replace(SEEN, at=NOW - 5 * DAY, path="/computeMetadata/v1/", status=404)
        history.record([(harmless, None)], harmless.at, harmless.at)
        assert history.evidence(NOW, 14 * DAY, 0.99).silent_s == pytest.approx(silent_days * DAY, abs=60)
        history.record([], NOW - 61 * DAY, NOW, 3)  # in time with losses nobody knows
        assert history.evidence(NOW, 14 * DAY, 0.99).silent_s == pytest.approx(silent_days * DAY, abs=60)
