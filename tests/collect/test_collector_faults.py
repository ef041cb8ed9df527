"""Each collector, join, question and rule in turn fails in every way: each run ends with a report, none with a better verdict."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from listed_processes import list_processes
from report_schema import check

from imds_probe import assessment, exitcodes, observation
from imds_probe.assessment import report_on
from imds_probe.collect.collecting import HANGS
from imds_probe.collect.collector import Collected
from imds_probe.collect.collectors import COLLECTORS, JOINS, QUESTIONS
from imds_probe.commands.dispatch import main
from imds_probe.errors import ProbeError
from imds_probe.facts.host import Host, OsRelease
from imds_probe.facts.platform import Platform
from imds_probe.facts.software import Installed
from imds_probe.report import Report
from imds_probe.rules import RULES
from imds_probe.simulator import scenarios
from imds_probe.simulator.server import Simulator
from imds_probe.verdict import EXIT_CODES

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
# Since when tokens are required is of no concern where they are not.
NO_CONCERN = ("tokens-seen",)
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
def healthy(request, tmp_path, monkeypatch) -> int:
    """The exit code of a run on the host in which nothing fails."""
    scenarios.write_host(tmp_path / "root", BEFORE[request.param], "i-0123456789abcdef0")
    list_processes(tmp_path / "root", monkeypatch)
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


# In the suite a part has one fault of those that anybody meets and one of the others, each part another one; all in the soak test.
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


def raises(monkeypatch, run, healthy, at, error) -> None:
    name = COLLECTORS[at].id
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, collect=raising(error), applies=lambda _: True)
    ran = run()
    assert ran.code in ((healthy,) if name in NO_CONCERN and error in EXPECTED else NO_BETTER), error
    failed = record(ran.report, name)
    assert (failed["status"], failed["bug"]) == ("failed", error in BUGS)
    assert ("this is a bug in imds-probe, in " + name in ran.said) == (failed["bug"] and error is not BUGS[1])


def gives(monkeypatch, run, healthy, at, garbage) -> None:
    name = COLLECTORS[at].id
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, collect=lambda _: garbage, applies=lambda _: True)
    ran = run()
    assert ran.code in NO_BETTER, garbage
    assert record(ran.report, name)["bug"]
    assert f"this is a bug in imds-probe, in {name}" in ran.said


def cannot_say_whether_it_applies(monkeypatch, run, healthy, at, error) -> None:
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, applies=raising(error))
    assert run().code in NO_BETTER


def hangs(monkeypatch, run, healthy, at, _) -> None:
    over = threading.Event()
    hanging = {"collect": lambda _: Collected((over.wait(),)), "applies": lambda _: True, "time_s": 0.2}
    faulty(monkeypatch, "COLLECTORS", COLLECTORS, at, **hanging)
    try:
        ran = run()
    finally:
        over.set()
    assert ran.code in ((healthy,) if COLLECTORS[at].id in NO_CONCERN else NO_BETTER)
    assert record(ran.report, COLLECTORS[at].id)["reason"] == HANGS


# One after the other of different kinds, so that neighbours in the list of collectors have not the same.
OTHER = [
    fault
    for each in itertools.zip_longest(
        [(raises, error) for error in BUGS],
        [(gives, garbage) for garbage in GARBAGE],
        [(cannot_say_whether_it_applies, BUGS[0])] * 3,
        [(hangs, None)] * 3,
    )
    for fault in each
    if fault
]


@whole
@pytest.mark.parametrize("at", range(len(COLLECTORS)), ids=[each.id for each in COLLECTORS])
def test_a_collector_that_raises_gives_garbage_or_hangs(run, healthy, monkeypatch, at, whole):
    for error in some(EXPECTED, at, whole=whole):
        raises(monkeypatch, run, healthy, at, error)
    for fault, what in some(OTHER, at, whole=whole):
        fault(monkeypatch, run, healthy, at, what)


@whole
@pytest.mark.parametrize("at", range(len(JOINS)), ids=[each.id for each in JOINS])
def test_a_join_that_raises_or_gives_garbage(run, monkeypatch, at, whole):
    garbage = (lambda _: "x", lambda _: Host(1, 2, 3))
    for join in (*map(raising, some((EXPECTED[0], *BUGS), at, whole=whole)), *some(garbage, at, whole=whole)):
        faulty(monkeypatch, "JOINS", JOINS, at, join=join)
        ran = run()
        assert ran.code in NO_BETTER
        assert record(ran.report, JOINS[at].id)["status"] == "failed"


@whole
@pytest.mark.parametrize("at", range(len(QUESTIONS)), ids=[each.id for each in QUESTIONS])
def test_a_question_that_raises_or_gets_garbage(run, healthy, monkeypatch, at, whole):
    asked = {"subjects": lambda *_: [1]}
    for error in some(EXPECTED, at, whole=whole):
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=raising(error), **asked)
        ran = run()
        assert (ran.code, record(ran.report, QUESTIONS[at].id)["status"]) == (healthy, "failed")
    for error in some(BUGS, at, whole=whole):
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=raising(error), **asked)
        assert run().code in NO_BETTER
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, subjects=raising(error))
        assert run().code in NO_BETTER
    for garbage in some(GARBAGE, at, whole=whole):
        faulty(monkeypatch, "QUESTIONS", QUESTIONS, at, ask=lambda *_, it=garbage: it, **asked)
        assert run().code in NO_BETTER


@pytest.fixture
def judged(run, healthy, monkeypatch) -> Callable[[], Report]:
    """The report on the facts of one run, by the rules as they are then: nothing else comes of a rule."""
    kept: list[tuple[Any, ...]] = []
    with monkeypatch.context() as during:
        during.setattr(assessment, "report_on", lambda *given: kept.append(given) or report_on(*given))
        assert run().code == healthy
    return lambda: report_on(*kept[0])


RULE_FAULTS = (*map(raising, (*EXPECTED, *BUGS)), lambda *_: None, lambda *_: ["x"])


def with_rule(at: int, find: Callable[..., Any]) -> tuple[Any, ...]:
    return (*RULES[:at], replace(RULES[at], find=find), *RULES[at + 1 :])


def test_each_rule_that_raises_or_gives_garbage(judged, monkeypatch):
    for at in range(len(RULES)):
        for find in RULE_FAULTS:
            monkeypatch.setattr(assessment, "RULES", with_rule(at, find))
            report = judged()
            assert EXIT_CODES[report.verdict.state] in NO_BETTER, RULES[at].id
            assert report.rules[at].status == "error"
        check(report.to_json())


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(at, id=each.id, marks=[pytest.mark.soak] if at else [])  # one shows that the run comes to the same
        for at, each in enumerate(RULES)
    ],
)
def test_a_run_with_a_rule_that_raises_or_gives_garbage(run, monkeypatch, at):
    for find in (RULE_FAULTS[len(EXPECTED)], RULE_FAULTS[-1]):
        monkeypatch.setattr(assessment, "RULES", with_rule(at, find))
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
