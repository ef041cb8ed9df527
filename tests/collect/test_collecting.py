import threading
import time

import pytest

from imds_probe.collect.collecting import HANGS, Collecting
from imds_probe.collect.collector import Collected, Collector
from imds_probe.errors import ProbeError


def collector(collector_id, **declared):
    return Collector(collector_id, lambda _: Collected(), (), "this", **declared)


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


def test_a_bug_is_not_hidden(collecting):
    with pytest.raises(ZeroDivisionError):
        run(collecting, "bug", lambda: 1 / 0)


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
    assert said == ["looking at dpkg"]
