from __future__ import annotations

from dataclasses import replace

from watched_calls import CURL, NOW, SEEN

from imds_probe.timestamp import rfc3339
from imds_probe.watch import refusals_kept
from imds_probe.watch.history import History
from imds_probe.watch.history_file import MEMORY
from imds_probe.watch.refusals_kept import failed_of


def test_of_more_paths_than_there_is_room_for_none_is_taken_for_answered(monkeypatch):
    monkeypatch.setattr(refusals_kept, "PATHS_MAX", 1)
    first = replace(SEEN, at=NOW, status=401, path="/latest/meta-data/ami-id", caller=replace(CURL, exe="/opt/app"))
    second = replace(first, at=NOW + 1, path="/latest/meta-data/hostname")
    again = replace(second, at=NOW + 2, version="v2", status=200)
    with History(MEMORY) as history:
        history.record([(each, None) for each in (first, second, again)], NOW, NOW + 300)
        (found,) = history.refused_since(NOW, NOW + 3600).refused
        assert (found.caller.refused, found.recovered, found.failed_last) == (2, 1, rfc3339(NOW))
        history.record([(replace(second, at=NOW + 301), None)], NOW + 300, NOW + 400)
        other = replace(again, at=NOW + 402, caller=replace(CURL, exe="/opt/app", pid=9))
        history.record([(other, None), (replace(other, path=first.path), None)], NOW + 400, NOW + 500)
        (found,) = history.refused_since(NOW, NOW + 3600).refused
    assert (found.failed_last, found.with_token_last) == (rfc3339(NOW + 301), None)


def test_a_path_that_recovered_each_time_has_not_failed():
    rows = [("/a", 2, 2, 10.0), ("/b", 3, 2, 20.0), ("/b", 1, 1, 100.0), ("/b", 1, 1, 130.0)]
    counts, failed = failed_of(rows)
    assert (counts["refused"], counts["recovered"], failed) == (7, 6, {"/b": (20.0, 80.0)})
