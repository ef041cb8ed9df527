"""Each collector, join, question and rule in turn fails in every way: each run ends with a report, none with a better verdict."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from report_schema import check

from imds_probe import assessment, exitcodes, observation
from imds_probe.collect.collecting import HANGS
from imds_probe.collect.collector import Collected
from imds_probe.collect.collectors import COLLECTORS, JOINS, QUESTIONS
from imds_probe.commands.dispatch import main
from imds_probe.errors import ProbeError
from imds_probe.facts.host import Host, OsRelease
from imds_probe.facts.platform import Platform
from imds_probe.facts.software import Installed
from imds_probe.rules import RULES
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator

EXPECTED = (ProbeError("it is locked", "Wait."), PermissionError(13, "Permission denied", "/secret"))
BUGS = (ValueError("boom"), MemoryError(), RecursionError("too deep"), StopIteration(), AssertionError())
GARBAGE = (
    None,
    {"platform": {"is_ec2": True}},
    Collected(None),
    Collected((None,)),
    Collected((object(),)),
    Collected((Platform("yes", 1), Host(b"x", OsRelease(1, 2, 3), ()), Installed((None,)))),
    Collected(nothing=1),
)
BEFORE = {
    exitcodes.READY: scenarios.UPGRADED_PACKAGES,
    exitcodes.NOT_READY: scenarios.OLD_PACKAGES,
}
# Nobody but the host reaches an endpoint on loopback, as that of these runs is.
NO_CONCERN = ("running-containers", "containers")
NO_BETTER = (exitcodes.NOT_READY, exitcodes.UNKNOWN)


class Ran(NamedTuple):
    code: int
    report: dict[str, Any]
    said: str


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def service() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(
    params=[
        pytest.param(exitcodes.READY, id="ready"),
        pytest.param(exitcodes.NOT_READY, id="not-ready", marks=pytest.mark.soak),
    ]
)
def healthy(request, tmp_path) -> int:
    """The exit code of a run on the host in which nothing fails."""
    scenarios.write_host(tmp_path / "root", BEFORE[request.param], "i-0123456789abcdef0")
    return request.param


@pytest.fixture
def run(healthy, service, monkeypatch, tmp_path, capsys) -> Run:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url)
    monkeypatch.setattr("sys.excepthook", None)

    def call(*arguments: str) -> Ran:
        places = ("--root", str(tmp_path / "root"), "--state-directory", str(tmp_path))
        code = main(["run", *places, "--output", "json", *arguments])
        said = capsys.readouterr()
        return Ran(code, check(json.loads(said.out)), said.err)

    return call


# A part has one fault of each kind in the suite, each part another one, and all of them in the soak test.
whole = pytest.mark.parametrize(
    "whole", [pytest.param(False, id="one"), pytest.param(True, id="all", marks=pytest.mark.soak)]
)


def some(faults: Sequence[Any], at: int, *, whole: bool) -> Sequence[Any]:
    return faults if whole else (faults[at % len(faults)],)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


def faulty(monkeypatch, name: str, parts: tuple[Any, ...], at: int, **changes: object) -> None:
    """One of a list of parts, changed; it applies in any case."""
    changed = replace(parts[at], **changes)
    monkeypatch.setattr(observation, name, (*parts[:at], changed, *parts[at + 1 :]))


def record(report: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in report["collectors"] if each["id"] == name]
    return found


def test_nothing_fails_by_itself(run, healthy):
    ran = run()
    assert (ran.code, ran.said) == (healthy, "")
    assert {each["status"] for each in ran.report["collectors"]} <= {"ok", "nothing", "partial", "skipped"} | (
        {"failed"} if healthy == exitcodes.NOT_READY else set()  # the repositories of the host have no metadata
    )


@whole
@pytest.mark.parametrize("at", range(len(COLLECTORS)), ids=[each.id for each in COLLECTORS])
def test_a_collector_that_raises_or_gives_garbage(run, healthy, monkeypatch, at, whole):
    name = COLLECTORS[at].id
    for error in (*some(EXPECTED, at, whole=whole), *some(BUGS, at, whole=whole)):
        faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, collect=raising(error), applies=lambda _: True)
        ran = run()
        assert ran.code in ((healthy,) if name in NO_CONCERN and error in EXPECTED else NO_BETTER), error
        failed = record(ran.report, name)
        assert (failed["status"], failed["bug"]) == ("failed", error in BUGS)
        assert ("this is a bug in imds-probe, in " + name in ran.said) == (failed["bug"] and error is not BUGS[1])
    for garbage in some(GARBAGE, at, whole=whole):
        faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, collect=lambda _, it=garbage: it, applies=lambda _: True)
        ran = run()
        assert ran.code in NO_BETTER, garbage
        assert record(ran.report, name)["bug"]
        assert f"this is a bug in imds-probe, in {name}" in ran.said
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, applies=raising(BUGS[0]))
    assert run().code in NO_BETTER


@pytest.mark.parametrize("at", range(len(COLLECTORS)), ids=[each.id for each in COLLECTORS])
def test_a_collector_that_hangs(run, healthy, monkeypatch, at):
    over = threading.Event()
    hanging = {"collect": lambda _: Collected((over.wait(),)), "applies": lambda _: True, "time_s": 0.2}
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, **hanging)
    try:
        ran = run()
    finally:
        over.set()
    assert ran.code in ((healthy,) if COLLECTORS[at].id in NO_CONCERN else NO_BETTER)
    assert record(ran.report, COLLECTORS[at].id)["reason"] == HANGS


@whole
@pytest.mark.parametrize("at", range(len(JOINS)), ids=[each.id for each in JOINS])
def test_a_join_that_raises_or_gives_garbage(run, monkeypatch, at, whole):
    garbage = (lambda _: "x", lambda _: Host(1, 2, 3))
    for join in (*map(raising, some((EXPECTED[0], *BUGS), at, whole=whole)), *some(garbage, at, whole=whole)):
        faulty(monkeypatch, "JOINS", JOINS, at, join=join)
        ran = run()
        assert ran.code in NO_BETTER
        assert record(ran.report, JOINS[at].id)["status"] == "failed"


@pytest.mark.parametrize("at", range(len(QUESTIONS)), ids=[each.id for each in QUESTIONS])
def test_a_question_that_raises_or_gets_garbage(run, healthy, monkeypatch, at):
    asked = {"subjects": lambda *_: [1]}
    for error in EXPECTED:
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=raising(error), **asked)
        ran = run()
        assert (ran.code, record(ran.report, QUESTIONS[at].id)["status"]) == (healthy, "failed")
    for error in BUGS:
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=raising(error), **asked)
        assert run().code in NO_BETTER
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, subjects=raising(error))
        assert run().code in NO_BETTER
    for garbage in GARBAGE:
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=lambda *_, it=garbage: it, **asked)
        assert run().code in NO_BETTER


@whole
@pytest.mark.parametrize("at", range(len(RULES)), ids=[each.id for each in RULES])
def test_a_rule_that_raises_or_gives_garbage(run, monkeypatch, at, whole):
    garbage = (lambda *_: None, lambda *_: ["x"])
    for find in (*map(raising, some((*EXPECTED, *BUGS), at, whole=whole)), *some(garbage, at, whole=whole)):
        changed = replace(RULES[at], find=find)
        monkeypatch.setattr(assessment, "RULES", (*RULES[:at], changed, *RULES[at + 1 :]))
        ran = run()
        assert ran.code in NO_BETTER
        assert ran.report["rules"][at]["status"] == "error"


@pytest.mark.parametrize("name", ["metadata_need", "requirement", "decide"])
def test_what_makes_the_report_of_it_raises(run, healthy, monkeypatch, name):
    function = raising(ValueError("boom"))
    function.__name__ = name
    monkeypatch.setattr(assessment, name, function)
    ran = run()
    reached = bool(
        {"metadata_need": ran.report["containers"], "requirement": ran.report["software"], "decide": 1}[name]
    )
    assert ran.code in (NO_BETTER if reached else (healthy,))
    assert ("this is a bug in imds-probe, in " + name.replace("_", " ") in ran.said) == reached
