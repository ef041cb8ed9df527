from dataclasses import replace

import pytest
from code_seen import AGENT, with_code
from observed import FACTS, changed, with_imds
from watched_calls import BOOT, CALLER

from imds_probe.facts.code import CodeRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.findings import Kind
from imds_probe.inventory.packages.managers import MANAGERS
from imds_probe.rules.precedence import INVENTORIES, TABLE, counted, deciding, is_sure
from imds_probe.watch.evidence import callers_of

BARE = changed(FACTS, collectors=(), software=())
USE = SdkUse(None, None, ("/srv/a",), 1)
LIBRARY = SdkSoftware("botocore", "pypi", "botocore", "1.34.0", "dist-info", "/srv/a", pids=(7,), sdk=USE)


def runs(*collectors):
    return changed(BARE, collectors=tuple(CollectorRun(name, status, 1.0) for name, status in collectors))


def watched(*calls, coverage=1.0):
    callers = callers_of(
        calls, window_s=10.0, observed_s=10.0 * coverage, needed_coverage=0.99, dropped=0, watched_until=None
    )
    return changed(BARE, callers=replace(callers, boots=(BOOT,)))


def had(facts):
    return [each.name for each in TABLE if each.had(facts)]


def test_each_package_manager_that_is_asked_counts():
    assert {each.id for each in MANAGERS} | {"container-software"} == set(INVENTORIES)


@pytest.mark.parametrize("manager", INVENTORIES)
def test_a_database_that_was_read_is_evidence_and_none_there_is_not(manager):
    assert counted(runs((manager, "ok"))) == counted(runs((manager, "partial"))) == {"capability"}
    assert not any(counted(runs((manager, status))) for status in ("nothing", "failed", "skipped"))


def test_libraries_are_evidence_where_no_package_manager_is():
    looked = runs(("dpkg", "nothing"), ("sdks", "ok"))
    assert counted(looked) == set()
    assert counted(changed(looked, software=(LIBRARY,))) == {"capability"}
    cut_short = changed(runs(("sdks", "partial")), software=(LIBRARY,))
    assert counted(cut_short) == set()


def test_code_is_evidence_where_some_of_it_was_read():
    assert counted(with_code(AGENT, facts=BARE)) == {"code"}
    unread = BARE.with_(CodeRead(programs=43))
    assert counted(unread) == counted(BARE) == set()
    assert counted(unread.with_(CodeRead(scheduled=3, scheduled_read=1))) == {"code"}


def test_code_that_nothing_starts_lies_there():
    for runs, lies in (("running", False), ("scheduled", False), ("once", True), ("lies", True)):
        assert ("lies on disk" in had(with_code(replace(AGENT, runs=runs), facts=BARE))) == lies
    assert "lies on disk" not in had(with_code(replace(AGENT, runs="lies", speaks="v2"), facts=BARE))


def test_the_strongest_comes_first_and_nothing_last():
    both = with_code(facts=changed(watched(CALLER), software=(replace(LIBRARY, pids=()),)))
    assert had(both) == [
        "seen calling IMDSv1",
        "code that is loaded or started",
        "watched for the whole window",
        "watched for a whole boot besides",
        "lies on disk",
        "nothing of these",
    ]
    assert had(BARE) == ["nothing of these"]
    assert counted(both) == {"code", "behaviour"}


@pytest.mark.parametrize(
    ("facts", "state", "sure"),
    [
        (watched(), "ready", True),
        (watched(), "needs-hop-limit", True),
        (watched(), "not-ready", False),
        (watched(coverage=0.5), "ready", False),
        (watched(CALLER, coverage=0.001), "not-ready", True),
        (watched(CALLER, coverage=0.001), "needs-hop-limit", False),
        (runs(("dpkg", "ok")), "ready", False),
        (with_code(AGENT, facts=BARE), "not-ready", False),
        (watched(), "unknown", False),
    ],
)
def test_only_what_was_seen_makes_sure(facts, state, sure):
    assert is_sure(facts, state) == sure


def test_each_says_what_it_decides():
    assert all(each.decides for each in TABLE)
    assert len({each.name for each in TABLE}) == len(TABLE)


def test_where_the_service_is_turned_off_what_was_not_seen_loses_nothing():
    made = [
        Kind(name, "warning", name, name, name, implies=implies).found("x", "x").by("r")
        for name, implies in {"a": "unknown", "b": "not-ready", "c": None}.items()
    ]
    assert [each.id for each in deciding(made, FACTS)] == ["a", "b"]
    assert [each.id for each in deciding(made, changed(FACTS, imds=None))] == ["a", "b"]
    assert [each.id for each in deciding(made, with_imds(endpoint="disabled"))] == ["b"]
