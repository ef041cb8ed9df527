import threading
import time
from dataclasses import replace

import pytest
from reports_made import HOSTILE

from imds_probe.collect.collecting import HANGS, Collecting
from imds_probe.collect.collector import Collected, Collector
from imds_probe.errors import ProbeError
from imds_probe.facts.host import Host, OsRelease


def collector(collector_id, **declared):
    return Collector(collector_id, lambda _: Collected(), (int, str, bool), "this", **declared)


def raising(error):
    def collect():
        raise error

    return collect


def run(collecting, collector_id, collect, **declared):
    collecting.begin(collector(collector_id, **declared), collect)
    return collecting.ended()


@pytest.fixture
def collecting():
    return Collecting(time.monotonic() + 60, lambda message: None)


def test_outcomes_are_told_apart(collecting):
    assert run(collecting, "works", lambda: Collected((1,))).given == (1,)
    assert run(collecting, "empty", lambda: Collected(nothing="none here")).given == ()
    assert run(collecting, "half", lambda: Collected((2,), partial="the rest hides")).given == (2,)
    assert run(collecting, "expected", raising(ProbeError("locked", "Wait."))).given == ()
    assert run(collecting, "system", raising(PermissionError(13, "Permission denied", "/secret"))).given == ()
    runs = collecting.runs(("system", "works", "empty", "half", "expected", "never"))
    assert [(run.id, run.status, run.reason, run.means) for run in runs] == [
        ("system", "failed", "Permission denied: /secret", "this"),
        ("works", "ok", "", ""),
        ("empty", "nothing", "none here", ""),
        ("half", "partial", "the rest hides", "this"),
        ("expected", "failed", "locked. Wait.", "this"),
    ]


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), RecursionError(), LookupError()], ids=repr)
def test_a_bug_fails_its_collector_alone_and_is_told(error):
    told = []
    collecting = Collecting(time.monotonic() + 60, lambda _: None, lambda *bug: told.append(bug))
    assert run(collecting, "bug", raising(error)).given == ()
    assert run(collecting, "works", lambda: Collected((1,))).given == (1,)
    failed, works = collecting.runs(("bug", "works"))
    assert told == [("bug", error)]
    assert (failed.status, failed.bug, failed.means, works.status) == ("failed", True, "this", "ok")
    place = f"{type(error).__name__} at {__file__}:{raising.__code__.co_firstlineno + 2}"
    assert failed.reason == f"a bug in imds-probe: {place}; the log has the details"


def test_memory_that_does_not_suffice_is_no_bug():
    told = []
    collecting = Collecting(time.monotonic() + 60, lambda _: None, lambda *bug: told.append(bug))
    run(collecting, "large", raising(MemoryError()))
    assert (collecting.runs(("large",))[0].reason, told) == ("there was not enough memory", [])


HOST = Host("web", OsRelease("debian", "12", None), "6.1")


@pytest.mark.parametrize(
    "result",
    [
        None,
        (1,),
        Collected([1]),
        Collected((1.5,)),
        Collected((HOST, 1)),
        Collected((replace(HOST, hostname=7),)),
        Collected((replace(HOST, os=None),)),
        Collected((replace(HOST, os=replace(HOST.os, id_like=("x", b"y"))),)),
        Collected(nothing=None),
        Collected((1,), partial=3),
    ],
    ids=repr,
)
def test_what_it_did_not_declare_is_not_taken_from_it(result):
    given = (
        (Host,) if isinstance(result, Collected) and any(isinstance(each, Host) for each in result.given) else (int,)
    )
    collecting = Collecting(time.monotonic() + 60, lambda _: None)
    collecting.begin(Collector("garbage", lambda _: Collected(), given, "this"), lambda: result)
    assert collecting.ended() == Collected()
    (ran,) = collecting.runs(("garbage",))
    assert (ran.status, ran.bug) == ("failed", True)


def test_text_that_no_encoding_has_is_a_value_like_others(collecting):
    hostile = replace(HOST, hostname=HOSTILE)
    collecting.begin(Collector("names", lambda _: Collected(), (Host,), "this"), lambda: Collected((hostile,)))
    assert collecting.ended().given == (hostile,)


def test_where_no_thread_can_be_started_the_collector_has_failed(collecting, monkeypatch):
    def full(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("imds_probe.collect.collecting.Background", full)
    assert run(collecting, "one", lambda: Collected((1,))) == Collected()
    assert collecting.runs(("one",))[0].reason == "no thread could be started: can't start new thread"


def test_after_the_deadline_nothing_begins():
    collecting = Collecting(time.monotonic() - 1, lambda message: None)
    assert run(collecting, "late", raising(AssertionError("was run"))) == Collected()
    assert collecting.runs(("late",))[0].status == "skipped"


def test_one_that_hangs_is_left_behind_and_takes_nothing_from_others(collecting):
    over = threading.Event()
    collecting.begin(collector("hangs", time_s=0.05), lambda: Collected((over.wait(),)))
    assert collecting.ended().given == ()
    assert run(collecting, "works", lambda: Collected((1,))).given == (1,)
    over.set()
    hangs, works = collecting.runs(("hangs", "works"))
    assert (hangs.status, hangs.reason, works.status) == ("failed", HANGS, "ok")
    assert collecting.working == ()


def test_what_a_late_one_comes_back_with_is_not_taken_for_anothers(collecting):
    over, ended = threading.Event(), threading.Event()

    def late():
        over.wait()
        ended.set()
        return Collected(("late",))

    collecting.begin(collector("late", time_s=0.05), late)
    assert collecting.ended().given == ()
    over.set()
    ended.wait()
    found = []
    collecting.begin(collector("works"), lambda: Collected(("works",)))
    while collecting.working:
        found += collecting.ended().given
    assert found == ["works"]


def test_progress_names_what_is_looked_at():
    said = []
    run(Collecting(time.monotonic() + 60, said.append), "dpkg", Collected)
    assert said == ["dpkg"]
