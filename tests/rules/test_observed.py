from __future__ import annotations

import pytest
from observed import FACTS, changed, report_of

from imds_probe.facts.collector_run import CollectorRun


def judged(run: CollectorRun):
    report = report_of(changed(FACTS, collectors=(*(each for each in FACTS.collectors if each.id != run.id), run)))
    return report.verdict.state, [each for each in report.findings if each.id == "not-observed"]


@pytest.mark.parametrize("name", ["platform", "options", "identity", "host", "obstacles", "watch", "callers-joined"])
def test_what_failed_is_not_seen_and_said(name):
    state, (finding,) = judged(CollectorRun(name, "failed", 1.0, "it is locked", "the colour of the host"))
    assert state == "unknown"
    assert finding.summary == "imds-probe could not observe the colour of the host"
    assert finding.evidence == ("it is locked",)


@pytest.mark.parametrize("name", ["options", "host", "obstacles", "container-obstacles"])
def test_so_is_what_there_was_no_time_for(name):
    state, (finding,) = judged(CollectorRun(name, "skipped", 0.0, "the run's time limit came first", "the colour"))
    assert state == "unknown"
    assert finding.settled_by[0] == "a run with more time (--timeout)"
    assert "--timeout" in finding.fix.text


def test_all_that_there_was_no_time_for_is_one_finding():
    late = [
        CollectorRun(name, "skipped", 0.0, "the run's time limit came first", f"the {name}")
        for name in ("host", "obstacles", "owner")
    ]
    report = report_of(changed(FACTS, collectors=(*FACTS.collectors, *late)))
    (finding,) = [each for each in report.findings if each.id == "not-observed"]
    assert finding.summary == "the run's time limit came before imds-probe could observe the host, the obstacles"
    assert finding.evidence == (
        "host: the run's time limit came first",
        "obstacles: the run's time limit came first",
    )


@pytest.mark.parametrize("name", ["acceptances", "control-plane", "owner", "standing", "repositories", "tokens-seen"])
def test_what_only_clears_or_tells_needs_no_time(name):
    assert judged(CollectorRun(name, "skipped", 0.0, "the run's time limit came first", "it")) == ("ready", [])


@pytest.mark.parametrize("status", ["ok", "nothing", "partial"])
def test_what_did_not_fail_is_no_matter_of_this_rule(status):
    assert judged(CollectorRun("host", status, 1.0, "why", "something")) == ("ready", [])


@pytest.mark.parametrize("name", ["dpkg", "container-software", "settings", "sdks", "callers"])
def test_what_another_rule_says_is_said_once(name):
    state, said = judged(CollectorRun(name, "failed", 1.0, "it is locked", "something"))
    assert (state, said) == ("unknown", [])


def test_repositories_without_metadata_decide_nothing_and_a_bug_does():
    run = CollectorRun("repositories", "failed", 1.0, "apt has no package lists on disk", "the versions")
    assert judged(run) == ("ready", [])
    state, (finding,) = judged(CollectorRun("repositories", "failed", 1.0, "KeyError", "the versions", bug=True))
    assert state == "unknown"
    assert "Report the bug" in finding.fix.text


def test_a_report_of_before_names_the_collector_where_it_says_no_more():
    _, (finding,) = judged(CollectorRun("uptime", "failed", 1.0, "it is locked"))
    assert finding.summary == "imds-probe could not observe the part of the host that the collector uptime inspects"
