from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import APP, CURL, NOW
from watched_calls import OF_ROLE as SEEN

from imds_probe.watch import history_counting as module
from imds_probe.watch.history import History
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S


def test_it_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 3)
    calls = [(replace(SEEN, caller=replace(CURL, exe=f"/{number}")), None) for number in range(20)]
    with History(path) as history:
        history.record([*calls, *calls], NOW - 60, NOW)
        evidence = history.evidence(NOW, DAY)
    assert {each.program for each in evidence.by} == {"/0", "/1", "/2", "others"}
    assert evidence.imdsv1 == 40


def test_ten_thousand_callers_and_more_stay_bounded(path: Path) -> None:
    """By programs and paths: a scanner may ask for anything."""
    calls = [
        (replace(SEEN, path=f"/{number}", caller=replace(CURL, exe=f"/bin/{number}", command="x" * 300)), None)
        for number in range(module.CALLERS_MAX + 2000)
    ]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        evidence = history.evidence(NOW, DAY)
    assert evidence.imdsv1 == len(calls)
    assert len(evidence.by) == module.CALLERS_MAX + 1
    assert next(each for each in evidence.by if each.program == "others").count == 2000
    assert path.stat().st_size < 20_000_000


def test_as_many_hours_of_callers_as_can_be_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOURS_MAX", 5)
    with History(path) as history:
        for hour in range(10):
            history.record(
                [(replace(SEEN, at=NOW + hour * HOUR_S), None)], NOW + hour * HOUR_S, NOW + hour * HOUR_S + 1
            )
        found = history.evidence(NOW + 10 * HOUR_S, DAY)
    assert {each.program: each.count for each in found.by} == {"/usr/bin/curl": 5, "others": 5}


def test_what_follows_on_is_one_interval_and_a_gap_is_none(path: Path) -> None:
    with History(path) as history:
        for began, ended in ((0, 60), (60, 120), (120, 180), (300, 360)):
            history.record([], NOW + began, NOW + ended)
        assert history.evidence(NOW + 360, 360).observed_s == 240
        assert history.evidence(NOW + 330, 60).observed_s == 30
        rows = history._database.execute("select count(*) from intervals").fetchone()
    assert rows == (2,)


def test_a_program_is_the_hosts_only_if_it_always_was(path: Path) -> None:
    with History(path) as history:
        for on_host in (True, False, True):
            history.record([(replace(SEEN, caller=replace(CURL, on_host=on_host)), None)], NOW - 60, NOW)
        (caller,) = history.evidence(NOW, DAY).by
    assert (caller.on_host, caller.count) == (False, 3)


def test_who_sent_is_bounded_and_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SENDERS_MAX", 3)
    with History(path) as history:
        history.record([], NOW - 60, NOW, 0, {f"veth{number}": 1 for number in range(20)})
        senders = history.evidence(NOW, DAY).senders
        assert "17: others" in senders
        assert len(senders) == 4
        history.forget(NOW + 2 * HOUR_S)
        assert history._database.execute("select count(*) from senders").fetchone() == (0,)


@pytest.mark.parametrize("which", ["scripts", "containers", "addresses"])
def test_a_thousand_that_live_for_seconds_take_no_more_room_than_some(path: Path, which: str) -> None:
    """And what came of their token requests stays known, with the image."""
    made = [
        replace(SEEN, caller=replace(APP, script=f"/tmp/{number}.sh"), token="lost")
        if which == "scripts"
        else replace(SEEN, caller=replace(APP, container=f"{number:064}"), token="lost", image="app:1")
        if which == "containers"
        else replace(SEEN, caller=None, client=f"10.0.{number // 250}.{number % 250}", token="unseen")
        for number in range(1000)
    ]
    with History(path) as history:
        for number in range(0, 1000, 100):
            history.record(
                [(each, "name" if which == "containers" else None) for each in made[number : number + 100]],
                NOW,
                NOW + 1,
            )
        rare = replace(SEEN, caller=replace(CURL, exe="/usr/bin/rare"))
        history.record([(rare, None)], NOW, NOW + 1)
        found = history.evidence(NOW + 2, DAY).by
    assert len(found) <= module.FAMILY_MAX + 2
    assert sum(each.count for each in found) == 1001
    assert "/usr/bin/rare" in {each.program for each in found}
    several = max(found, key=lambda each: each.count)
    assert (several.count, several.token) == (1000 - module.FAMILY_MAX, made[0].token)
    if which == "containers":
        assert (several.image, several.container, several.container_id) == ("app:1", "others", None)


def test_scripts_with_names_made_up_for_each_run_keep_what_lasts_of_their_names(path: Path) -> None:
    agent = replace(CURL, script="/usr/bin/check_mk_agent", unit="")
    calls = [
        *((replace(SEEN, caller=replace(CURL, script=f"/tmp/jenkins{10**9 + run}.sh")), None) for run in range(500)),
        *((replace(SEEN, caller=replace(agent, unit=f"x@{run}-{run}-0.service")), None) for run in range(500)),
    ]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    counts = {(each.script, each.unit): each.count for each in found}
    assert counts["/tmp/jenkins*.sh", "web.service"] == 500 - module.FAMILY_MAX
    assert counts["/usr/bin/check_mk_agent", "x@*.service"] == 500
    assert len(found) == module.FAMILY_MAX + 2
    assert "others" not in {each.script for each in found}


def test_images_of_a_new_name_each_time_are_bounded_too(path: Path) -> None:
    calls = [
        (replace(SEEN, caller=replace(APP, container=f"{number:064}"), image=f"app:{number}"), "name")
        for number in range(500)
    ]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert len(found) <= module.FAMILY_MAX + module.IMAGES_MAX + 2
    assert sum(each.count for each in found) == 500
