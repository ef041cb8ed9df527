from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import APP, NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_a_time_with_losses_is_not_observed(path: Path) -> None:
    with History(path) as history:
        history.record([], NOW, NOW + 60)
        history.record([], NOW + 60, NOW + 120, dropped=3)
        history.record([], NOW + 120, NOW + 180)
        evidence = history.evidence(NOW + 180, 180)
    assert (evidence.observed_s, evidence.dropped_packets) == (120, 3)


def test_what_could_not_be_confirmed_makes_its_time_unobserved_and_is_said(path: Path) -> None:
    with History(path) as history:
        history.record([], NOW - 300, NOW - 200)
        history.record([], NOW - 200, NOW - 100, 0, {"veth2": 2, "veth3": 5})
        history.record([], NOW - 100, NOW - 60, 1, {"veth2": 2})
        history.record([], NOW - 60, NOW)
        found = history.evidence(NOW, DAY)
    assert (found.observed_s, found.unconfirmed, found.dropped_packets, found.imdsv1) == (160, 9, 1, 0)
    assert found.senders == ("5: veth3", "4: veth2")
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = list(database.execute("select ended - began, dropped, unconfirmed from intervals order by began"))
    assert rows == [(100, 0, 0), (140, 1, 9), (60, 0, 0)]


def test_what_was_watched_of_a_call_is_kept(path: Path) -> None:
    seen = replace(
        SEEN,
        caller=replace(APP, container="1" * 64),
        token="lost",
        token_ttl=1,
        distance=1,
        interface="veth7",
        origin="process",
        netns=7,
        image="app:1",
        forwarded=True,
    )
    with History(path) as history:
        history.record([(seen, "web"), (replace(seen, status=404), "web")], NOW - 60, NOW)
        (found,) = history.evidence(NOW, DAY).by
    kept = (found.script, found.started_by, found.token, found.token_ttl, found.distance, found.interface, found.origin)
    assert kept == ("/opt/a.py", "cron", "lost", 1, 1, "veth7", "process")
    assert (found.netns, found.image, found.forwarded, found.count, found.served) == (7, "app:1", True, 2, 1)


@pytest.mark.parametrize(("asked", "harmless"), [("/latest/…", False), ("/openstack/latest/meta_data.json", True)])
def test_who_was_not_seen_to_be_answered_may_have_been_served(path: Path, asked: str, harmless: bool) -> None:
    with History(path) as history:
        history.record([(replace(SEEN, path=asked, status=None), None)], NOW - 60, NOW)
        found = history.evidence(NOW, DAY)
    assert (found.by[0].is_harmless, found.losing) == (harmless, 0 if harmless else 1)
