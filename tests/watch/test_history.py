from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from watched_calls import CURL, NOW
from watched_calls import SEEN as ANY

from imds_probe.timestamp import rfc3339
from imds_probe.watch import history as module
from imds_probe.watch.history import History, path_class
from imds_probe.watch.history_file import HistoryError
from imds_probe.watch.history_format import HOUR_S

DAY = 24 * HOUR_S
SEEN = replace(ANY, at=NOW - 100, path="/latest/meta-data/iam/security-credentials/role")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("/latest/api/token", "token"),
        ("/latest/meta-data/iam/security-credentials/my-role", "credentials"),
        ("/2021-07-15/meta-data/iam/info", "credentials"),
        ("/latest/meta-data/instance-id", "meta-data"),
        ("/latest/dynamic/instance-identity/document", "identity"),
        ("/latest/user-data", "user-data"),
        ("/latest/", "other"),
        ("/", "other"),
        ("/…", "other"),
        ("/latest/meta-data/…", "other"),  # which EC2 is not known to have
        ("/latest/meta-data/tags/instance/…", "meta-data"),
        ("/computeMetadata/v1/", "other-cloud"),
        ("/openstack/latest/", "other-cloud"),
    ],
)
def test_what_a_request_is_after(given: str, found: str) -> None:
    assert path_class(given) == found


def test_callers_are_counted_and_the_time_is_kept(path: Path) -> None:
    calls = [(SEEN, None), (replace(SEEN, status=401), None), (replace(SEEN, version="v2"), "web")]
    with History(path) as history:
        history.record(calls, NOW - 600, NOW)
        evidence = history.evidence(NOW, DAY)
    assert (evidence.imdsv1, evidence.imdsv2, evidence.observed_s, evidence.dropped_packets) == (2, 1, 600, 0)
    assert evidence.coverage == pytest.approx(600 / DAY, abs=1e-6)
    first, second = evidence.by
    assert (first.version, first.program, first.unit, first.path_class) == (
        "v1",
        "/usr/bin/curl",
        "web.service",
        "credentials",
    )
    assert (first.count, first.refused, first.last_seen) == (2, 1, rfc3339(SEEN.at))
    assert (second.container, second.count) == ("web", 1)


def test_what_follows_on_is_one_interval_and_a_gap_is_none(path: Path) -> None:
    with History(path) as history:
        for began, ended in ((0, 60), (60, 120), (120, 180), (300, 360)):
            history.record([], NOW + began, NOW + ended)
        assert history.evidence(NOW + 360, 360).observed_s == 240
        assert history.evidence(NOW + 330, 60).observed_s == 30
        rows = history._database.execute("select count(*) from intervals").fetchone()
    assert rows == (2,)


def test_a_time_with_losses_is_not_observed(path: Path) -> None:
    with History(path) as history:
        history.record([], NOW, NOW + 60)
        history.record([], NOW + 60, NOW + 120, dropped=3)
        history.record([], NOW + 120, NOW + 180)
        evidence = history.evidence(NOW + 180, 180)
    assert (evidence.observed_s, evidence.dropped_packets) == (120, 3)


def test_the_window_leaves_out_what_was_before(path: Path) -> None:
    with History(path) as history:
        history.record([(replace(SEEN, at=NOW - 10 * DAY), None)], NOW - 11 * DAY, NOW - 9 * DAY)
        assert history.evidence(NOW, DAY).imdsv1 == 0
        assert history.evidence(NOW, 14 * DAY).imdsv1 == 1
        history.forget(NOW - 5 * DAY)
        assert history.evidence(NOW, 14 * DAY).by == ()
        assert history.evidence(NOW, 14 * DAY).observed_s == 0


def test_it_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 3)
    calls = [(replace(SEEN, caller=replace(CURL, exe=f"/{number}")), None) for number in range(20)]
    with History(path) as history:
        history.record([*calls, *calls], NOW - 60, NOW)
        evidence = history.evidence(NOW, DAY)
    assert {each.program for each in evidence.by} == {"/0", "/1", "/2", "others"}
    assert evidence.imdsv1 == 40


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


def test_it_is_read_while_it_is_written(path: Path) -> None:
    with History(path) as writing:
        writing.record([(SEEN, None)], NOW - 60, NOW)
        writing._database.execute("begin immediate")  # the daemon is busy
        with History(path, read_only=True) as reading:
            assert reading.evidence(NOW, DAY).imdsv1 == 1
            with pytest.raises(HistoryError):
                reading.record([], NOW, NOW + 1)
        writing._database.rollback()


WRITER = """
import sys, time
from pathlib import Path
from test_history import NOW, SEEN
from imds_probe.watch.history import History

with History(Path(sys.argv[1])) as history:
    sys.stdin.readline()
    begin = int(sys.argv[2])
    for number in range(begin, begin + 10_000):
        history.record([(SEEN, None)], NOW + number, NOW + number + 1)
        print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_killed_again_and_again_it_holds_what_was_recorded(path: Path, kills: int) -> None:
    """In the middle of a write mostly: it does nothing else. All that it said it had written is there, and no half of anything."""
    env = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parents[1]}:{Path(__file__).parent}"}
    chance, written, begin = random.Random(50), 0, 0
    for _ in range(kills):
        argv = [sys.executable, "-c", WRITER, path, str(begin)]
        child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin and child.stdout
        child.stdin.write(b"go\n")
        child.stdin.flush()
        first = child.stdout.readline()
        time.sleep(chance.uniform(0, 0.01))
        child.send_signal(signal.SIGKILL)
        last = int((first + child.stdout.read()).rpartition(b"\n")[0].split()[-1])
        child.communicate()
        with History(path, read_only=True) as history:
            evidence = history.evidence(NOW + 10_000_000, 20_000_000)
        assert evidence.imdsv1 == evidence.observed_s  # each call with its second, or neither
        assert 0 <= evidence.imdsv1 - written - (last - begin + 1) <= 1
        written, begin = evidence.imdsv1, begin + 10_000
    with History(path) as history:
        assert history.set_aside is None


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


@pytest.mark.parametrize("damage", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with History(path) as history:
        assert history.set_aside
        assert history.set_aside.read_bytes() == damage
        history.record([(SEEN, None)], NOW - 60, NOW)
        assert history.evidence(NOW, DAY).imdsv1 == 1
    with pytest.raises(HistoryError):
        History(_written(path.with_name("other.db"), damage), read_only=True)


def test_text_that_utf_8_cannot_encode_is_kept_as_text(path: Path) -> None:
    """From a name of bytes or somebody's JSON."""
    odd = replace(SEEN, user_agent="\ud800", path="/\udcff", caller=replace(CURL, exe="/bin/\udcff", command="\udcff"))
    with History(path) as history:
        history.record([(odd, "web\ud800")], NOW - 60, NOW)
        (found,) = history.evidence(NOW, DAY).by
    assert (found.program, found.container) == ("/bin/\\udcff", "web\\ud800")
    assert repr(found).encode()


def test_as_many_hours_of_callers_as_can_be_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOURS_MAX", 5)
    with History(path) as history:
        for hour in range(10):
            history.record(
                [(replace(SEEN, at=NOW + hour * HOUR_S), None)], NOW + hour * HOUR_S, NOW + hour * HOUR_S + 1
            )
        found = history.evidence(NOW + 10 * HOUR_S, DAY)
    assert {each.program: each.count for each in found.by} == {"/usr/bin/curl": 5, "others": 5}


def test_a_reader_never_sets_anything_aside(path: Path) -> None:
    with History(path) as history:
        history.record([(SEEN, None)], NOW - 60, NOW)
    with History(path, read_only=True) as history:
        for write in (lambda: history.record([], NOW, NOW + 1), lambda: history.forget(NOW)):
            with pytest.raises(HistoryError):
                write()
        assert history.evidence(NOW, DAY).imdsv1 == 1
    assert [each.name for each in path.parent.iterdir() if "damaged" in each.name] == []


def test_containers_of_one_name_are_not_one(path: Path) -> None:
    calls = [(replace(SEEN, caller=replace(CURL, container=each * 64)), "web") for each in "12"]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert sorted(each.container_id for each in found) == ["1" * 64, "2" * 64]


def test_where_there_is_none_it_says_what_writes_one(path: Path) -> None:
    with pytest.raises(HistoryError, match="is missing"):
        History(path, read_only=True)
    with pytest.raises(HistoryError, match="cannot be written"):
        History(path.parent / "no/such/directory/history.db")


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.sync()
    return path


def test_users_who_run_a_program_of_one_path_are_not_one(path: Path) -> None:
    calls = [(replace(SEEN, caller=replace(CURL, uid=uid, on_host=not uid)), None) for uid in (0, 4242, None)]
    with History(path) as history:
        history.record(calls, NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.program, each.uid, each.on_host, each.count) for each in found} == {
        ("/usr/bin/curl", 0, True, 1),
        ("/usr/bin/curl", 4242, False, 1),
        ("/usr/bin/curl", None, True, 1),
    }


def test_a_program_is_the_hosts_only_if_it_always_was(path: Path) -> None:
    with History(path) as history:
        for on_host in (True, False, True):
            history.record([(replace(SEEN, caller=replace(CURL, on_host=on_host)), None)], NOW - 60, NOW)
        (caller,) = history.evidence(NOW, DAY).by
    assert (caller.on_host, caller.count) == (False, 3)


def test_a_path_that_anybody_may_have_mounted_is_not_that_program(path: Path) -> None:
    own = replace(CURL, exe_by_anybody=True)
    with History(path) as history:
        history.record([(SEEN, None), (replace(SEEN, caller=own), None)], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert [(each.program, each.exe) for each in found] == [
        ("/usr/bin/curl", "/usr/bin/curl"),
        ("/usr/bin/curl (not verified)", "/usr/bin/curl"),
    ]


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


def test_an_hour_with_what_could_not_be_confirmed_is_not_compared(path: Path) -> None:
    hour = int(NOW // HOUR_S)
    with History(path) as history:
        history.record([], (hour - 3) * HOUR_S, (hour - 2) * HOUR_S)
        history.record([], (hour - 2) * HOUR_S, (hour - 1) * HOUR_S, 0, {"veth2": 1})
        assert history.v1_by_hour(NOW - DAY, NOW) == {hour - 3: 0}


def test_who_sent_is_bounded_and_forgotten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SENDERS_MAX", 3)
    with History(path) as history:
        history.record([], NOW - 60, NOW, 0, {f"veth{number}": 1 for number in range(20)})
        senders = history.evidence(NOW, DAY).senders
        assert "17: others" in senders
        assert len(senders) == 4
        history.forget(NOW + 2 * HOUR_S)
        assert history._database.execute("select count(*) from senders").fetchone() == (0,)


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"caller": replace(CURL, uid=4242)}, False),  # anybody may say that he is the probe
        ({"caller": replace(CURL, container="1" * 64)}, False),
        ({"caller": None}, False),
        ({"caller": replace(CURL, uid=None)}, False),
        ({"caller": None, "outgoing": False}, False),
        ({"caller": replace(CURL, uid=None), "outgoing": False}, False),
        ({"user_agent": "curl/8"}, False),
    ],
)
def test_only_root_on_the_host_is_believed_to_be_the_probe(changes, ours: bool) -> None:
    assert module.is_ours(replace(SEEN, **{"user_agent": "imds-probe/1.0"} | changes)) is ours


@pytest.mark.parametrize("caller", [None, replace(CURL, uid=None)])
def test_who_is_not_known_and_says_that_he_is_the_probe_hides_no_call(path: Path, caller) -> None:
    """A process of anybody's that ended too soon, or that nothing shows: it accuses nobody, and the time counts as not watched."""
    claimed = replace(SEEN, caller=caller, user_agent="imds-probe/1.0")
    with History(path) as history:
        history.record([(claimed, None)], NOW - 600, NOW)
        evidence = history.evidence(NOW, DAY)
    assert (evidence.imdsv1, evidence.imdsv1_by_probe, evidence.by) == (0, 0, ())
    assert (evidence.unconfirmed, evidence.observed_s) == (1, 0)
    assert evidence.senders == (f"1: {module.CLAIMED}",)
    with History(path) as history:
        history.record(
            [(replace(claimed, outgoing=False), None), (replace(claimed, version="v2"), None)], NOW, NOW + 60
        )
        later = history.evidence(NOW + 60, DAY)
    assert (later.imdsv1, later.imdsv2, later.unconfirmed, later.observed_s) == (1, 1, 1, 60)


def test_our_own_container_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_own_container", lambda: "1" * 64)
    for container, ours in (("1" * 64, True), ("2" * 64, False)):
        seen = replace(SEEN, user_agent="imds-probe/1.0", caller=replace(CURL, container=container))
        assert module.is_ours(seen) is ours


APP = replace(CURL, exe="/usr/bin/python3", script="/opt/a.py", started_by="cron")


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


def test_scripts_that_ask_by_one_program_are_not_one_nor_is_what_falls_back_one_with_what_does_not(path: Path) -> None:
    calls = [
        (replace(SEEN, caller=replace(APP, script=script), token=token), None)
        for script, token in (("/a", "lost"), ("/a", "none"), ("/b", "none"), (None, "none"))
    ]
    inline = [(replace(SEEN, path=each, caller=CURL), None) for each in ("/latest/user-data", "/latest/meta-data/mac")]
    with History(path) as history:
        history.record([*calls, *inline], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.script, each.token) for each in found} == {
        *(("/a", "lost"), ("/a", "none"), ("/b", "none"), (None, "none")),
        ("a command line that requests /latest/user-data", None),
        ("a command line that requests /latest/meta-data/mac", None),
    }


def test_of_whom_no_process_is_known_each_address_is_another(path: Path) -> None:
    unknown = replace(SEEN, caller=None)
    inside = replace(CURL, container="1" * 64)
    calls = [(replace(unknown, client=each), None) for each in ("10.0.0.5", "10.0.0.6")]
    with History(path) as history:
        history.record([*calls, (replace(unknown, inside=inside), "web")], NOW - 60, NOW)
        found = history.evidence(NOW, DAY).by
    assert {(each.program, each.client, each.container) for each in found} == {
        ("unknown", "10.0.0.5", None),
        ("unknown", "10.0.0.6", None),
        ("unknown", None, "web"),
    }


def test_a_request_for_no_content_is_of_its_own_kind(path: Path) -> None:
    with History(path) as history:
        history.record([(replace(SEEN, method="HEAD", path="/"), None)], NOW - 60, NOW)
        assert [each.path_class for each in history.evidence(NOW, DAY).by] == ["head"]


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
