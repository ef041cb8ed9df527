from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import with_code
from observed import FACTS, SSM_AGENT, changed, container, report_of, with_containers, with_imds
from rehearsals_made import APP, BEGAN, CODE, REHEARSAL, rehearsed
from watched_calls import CALLER

from imds_probe.facts.code import NotRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.rehearsals import Rehearsals
from imds_probe.rules.rehearsed import (
    all_rehearsed,
    beside,
    fit,
    giving_up,
    rehearsed_code,
    rehearsed_processes,
    rehearsed_software,
    stale,
    unrehearsed,
)

TOKEN = f"it asked with a token in the rehearsal of {BEGAN}"
AGAIN = f"it was refused without a token and then asked with one in the rehearsal of {BEGAN}"
LOOKED = (CollectorRun("code", "ok", 1.0), CollectorRun("sdks", "nothing", 1.0))


def test_the_newest_rehearsal_in_which_a_caller_asked_counts():
    old = replace(REHEARSAL, began="2026-11-01T00:00:00Z", callers=(replace(APP, outcome="gave-up"),))
    assert len(giving_up(FACTS.with_(Rehearsals((old,))))) == 1
    assert giving_up(FACTS.with_(Rehearsals((REHEARSAL, old)))) == ()
    for outcome in ("silent", "other"):  # says nothing, so that the one before counts
        newer = replace(REHEARSAL, callers=(replace(APP, outcome=outcome),))
        assert len(giving_up(FACTS.with_(Rehearsals((newer, old))))) == 1
    hours = replace(old, lasted_s=7200.0)
    again = replace(REHEARSAL, callers=(replace(APP, outcome="recovered"),))
    earlier = replace(REHEARSAL, lasted_s=7200.0)
    changed_since = replace(hours, callers=(replace(APP, outcome="gave-up", stale="it was changed"),))
    for newer, gave_up in (
        ((REHEARSAL, hours), 1),  # minutes of an SDK do not outweigh hours
        ((REHEARSAL, REHEARSAL, hours), 1),
        ((replace(REHEARSAL, lasted_s=7200.0), hours), 0),
        ((REHEARSAL, earlier, hours), 0),
        ((again, hours), 0),
        ((REHEARSAL, again, hours), 0),
        ((REHEARSAL, changed_since), 0),
        ((replace(REHEARSAL, callers=(replace(APP, script="/opt/b.py"),)), hours), 1),
    ):
        assert len(giving_up(FACTS.with_(Rehearsals(newer)))) == gave_up
    gone = replace(REHEARSAL, callers=(replace(APP, stale="it was changed"),))
    assert fit(FACTS.with_(Rehearsals((gone, REHEARSAL)))) == ()


@pytest.mark.parametrize(
    ("outcome", "rehearsed_limit", "hops", "counts"),
    [
        ("token", 2, 1, True),
        ("token", 3, 1, False),  # the switch does not set as much
        ("gave-up", 2, 1, True),
        ("gave-up", 1, 1, False),  # the switch sets more
        ("token", 1, 0, True),
    ],
)
def test_the_hop_limit_matters_in_a_container(outcome, rehearsed_limit, hops, counts):
    inside = container("web", hops, "ok")
    facts = with_containers(inside)
    caller = replace(APP, outcome=outcome, container_id=inside.identity, container="web")
    assert (stale(replace(REHEARSAL, hop_limit=rehearsed_limit), caller, facts) == "") == counts
    assert stale(replace(REHEARSAL, hop_limit=rehearsed_limit), replace(APP, outcome=outcome), facts) == ""


@pytest.mark.parametrize(
    ("code", "caller", "said"),
    [
        (CODE, APP, TOKEN),
        (CODE, replace(APP, outcome="recovered"), AGAIN),
        (CODE, replace(APP, outcome="gave-up"), ""),
        (replace(CODE, pids=(7, 8)), APP, ""),
        (replace(CODE, every_s=60.0), APP, ""),  # and what that starts may ask for something else
        (replace(CODE, standing_s=60.0), APP, ""),  # it was changed since
        (replace(CODE, standing_s=7200.0), APP, TOKEN),
        (replace(CODE, pids=(), runs="boot"), APP, TOKEN),
        (replace(CODE, pids=(), runs="boot", path="/opt/b.py"), APP, ""),
        (replace(CODE, pids=(), on_host=False, container_ids=("c",)), APP, ""),
        (NotRead("/usr/bin/python3", "why", pids=(7,)), APP, TOKEN),
        (NotRead("/usr/bin/python3", "why"), APP, TOKEN),
        (replace(CODE, pids=(), runs="scheduled"), replace(APP, uid=1000), ""),  # any user can start root's script
        (replace(CODE, pids=(), runner_uid=1000), replace(APP, uid=1000), TOKEN),
        (replace(CODE, started_by=("/etc/rc.local, at each boot",)), replace(APP, uid=1000), ""),
        (replace(CODE, started_by=("web.service, at each boot",)), replace(APP, uid=1000), TOKEN),
        (NotRead("/usr/bin/python3", "why"), replace(APP, uid=1000), ""),
        (NotRead("/usr/bin/python3", "why", owner_uid=1000), replace(APP, uid=1000), TOKEN),
    ],
)
def test_what_a_rehearsal_tells_of_a_program(code, caller, said):
    assert rehearsed_code(code, rehearsed(caller)) == said


@pytest.mark.parametrize(
    ("outcome", "state", "said"),
    [
        ("token", "unknown", f"{TOKEN}, which does not show that the request without a token was at work"),
        ("recovered", "ready", AGAIN),
    ],
)
def test_a_request_without_a_token_that_was_read_has_to_have_been_at_work(outcome, state, said):
    report = report_of(rehearsed(replace(APP, outcome=outcome), facts=with_code(CODE)))
    assert report.verdict.state == state
    found = [each for each in report.findings if each.id in ("code-undecided", "code-settled")]
    assert [said in line for each in found for line in each.evidence] == [True]


def test_of_several_processes_each_has_to_have_asked_and_the_worse_is_said():
    other = replace(APP, script="/opt/b.py", outcome="recovered", pids=(8,))
    facts = rehearsed(APP, other)
    assert rehearsed_processes((7, 8), facts) == TOKEN
    assert rehearsed_processes((8,), facts) == AGAIN
    assert rehearsed_processes((7, 9), facts) == "" == rehearsed_processes((), facts)


def test_a_package_is_known_by_its_programs_or_by_its_name():
    agent = replace(APP, program="/usr/bin/amazon-ssm-agent", script=None, unit="amazon-ssm-agent.service")
    assert rehearsed_software(SSM_AGENT, rehearsed(agent)) == TOKEN
    assert rehearsed_software(SSM_AGENT, rehearsed(APP)) == ""
    own = replace(CODE, component=SSM_AGENT.component, pids=(9,))
    assert rehearsed_software(SSM_AGENT, rehearsed(agent, facts=with_code(own))) == ""


def test_confidence_is_high_only_where_every_known_caller_asked():
    bare = changed(FACTS, software=(), collectors=(*FACTS.collectors, *LOOKED))
    facts = rehearsed(replace(APP, outcome="recovered"), facts=with_code(CODE, facts=bare))
    facts = changed(facts, collectors=bare.collectors)
    assert unrehearsed(facts) == () and all_rehearsed(facts)
    verdict = report_of(facts).verdict
    assert (verdict.state, verdict.confidence) == ("ready", "high")
    assert "experiment" in verdict.evidence
    with_another = changed(facts, software=(SSM_AGENT,))
    assert [each.name for each in unrehearsed(with_another)] == ["amazon-ssm-agent"]
    verdict = report_of(with_another).verdict
    assert (verdict.state, verdict.confidence) == ("ready", "medium")
    assert not all_rehearsed(changed(facts, collectors=FACTS.collectors))  # nobody looked for all
    assert not all_rehearsed(rehearsed(APP, facts=bare))  # nobody is known


@pytest.mark.parametrize(
    ("before", "after", "all_did"),
    [
        ({"unidentified": 1}, None, False),
        ({"unidentified": 1}, {}, True),
        ({"unidentified": 1}, {"kind": "host", "target": "host"}, True),
        ({"unidentified": 1}, {"target": "b.service"}, False),
        ({"unidentified": 1}, {"lasted_s": 60.0}, False),
        ({}, {"unidentified": 1}, False),
        ({"lapsed_s": 60.0}, None, True),
        ({"lapsed_s": 61.0}, None, False),  # more than a tenth of it
        ({"unidentified": 1}, {"lapsed_s": 61.0}, False),
    ],
)
def test_nobody_says_that_all_asked_where_some_could_not_be_identified_or_led(before, after, all_did):
    bare = changed(FACTS, software=(), collectors=(*FACTS.collectors, *LOOKED))
    told = [replace(REHEARSAL, **each) for each in (after, before) if each is not None]
    facts = with_code(CODE, facts=bare).with_(Rehearsals(tuple(told)))
    assert all_rehearsed(changed(facts, collectors=bare.collectors)) == all_did


@pytest.mark.parametrize(("standing_s", "is_known_again"), [(60.0, False), (7200.0, True), (None, True)])
def test_code_that_was_changed_since_is_unrehearsed(standing_s, is_known_again):
    code = replace(CODE, pids=(), runs="boot", standing_s=standing_s)
    facts = rehearsed(APP, facts=with_code(code, facts=changed(FACTS, software=())))
    assert (unrehearsed(facts) == ()) == is_known_again


def test_a_call_that_was_seen_outweighs_it_and_both_are_named():
    caller = replace(CALLER, program="/usr/bin/python3", script="/opt/app.py", unit="web.service")
    assert beside([caller], rehearsed(APP)) == (f"{TOKEN}, which does not outweigh a call that was seen",)
    assert beside([CALLER], rehearsed(APP)) == ()
    run = replace(APP, script="/tmp/jenkins2938472938472.sh")  # the watch keeps no name that was made up for one run
    assert beside([replace(caller, script="/tmp/jenkins*.sh")], rehearsed(run)) != ()
    assert beside([replace(caller, script="/tmp/other*.sh")], rehearsed(run)) == ()


def test_where_no_container_is_known_the_present_hop_limit_counts():
    caller = replace(APP, container_id="c")
    assert stale(replace(REHEARSAL, hop_limit=2), caller, with_imds(hop_limit=2)) == ""
    assert "is now 1" in stale(replace(REHEARSAL, hop_limit=2), caller, with_imds(hop_limit=None))
