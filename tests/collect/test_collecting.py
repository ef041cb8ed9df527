import time

import pytest

from imds_probe.collect.collecting import Collecting
from imds_probe.errors import ProbeError


def raising(error):
    def collect():
        raise error

    return collect


@pytest.fixture
def collecting():
    return Collecting(time.monotonic() + 60, lambda message: None)


def test_outcomes_are_told_apart(collecting):
    assert collecting.run("works", lambda: [1]) == [1]
    assert collecting.run("empty", list, lambda found: "" if found else "none here") == []
    assert collecting.run("expected", raising(ProbeError("locked", "Wait."))) is None
    assert collecting.run("system", raising(PermissionError(13, "Permission denied", "/secret"))) is None
    assert [(run.id, run.status, run.reason) for run in collecting.runs] == [
        ("works", "ok", ""),
        ("empty", "nothing", "none here"),
        ("expected", "failed", "locked. Wait."),
        ("system", "failed", "Permission denied: /secret"),
    ]


def test_a_bug_is_not_hidden(collecting):
    with pytest.raises(ZeroDivisionError):
        collecting.run("bug", lambda: 1 / 0)


def test_after_the_deadline_nothing_begins():
    collecting = Collecting(time.monotonic() - 1, lambda message: None)
    assert collecting.run("late", raising(AssertionError("was run"))) is None
    assert collecting.runs[0].status == "skipped"


def test_progress_names_what_is_looked_at():
    said = []
    Collecting(time.monotonic() + 60, said.append).run("dpkg", list)
    assert said == ["looking at dpkg"]
