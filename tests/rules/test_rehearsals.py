from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import AGENT, with_code
from observed import CATALOG, FACTS, changed, report_of, with_imds
from rehearsals_made import APP, BEGAN, CODE, REHEARSAL, rehearsed

from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser
from imds_probe.rules import rehearsals
from imds_probe.rules.rehearsals import NAMED_MAX, RULE
from imds_probe.rules.rule import NothingToJudge

OLD = replace(APP, outcome="gave-up", refused=2)


def judged(facts):
    found = RULE.judge(facts, CATALOG)
    return [] if isinstance(found, NothingToJudge) else found


def ids(facts):
    return [each.id for each in judged(facts)]


def test_who_gave_up_blocks_with_the_cause_by_its_code():
    code = replace(CODE, speaks="v1", line=3)
    facts = rehearsed(OLD, facts=with_code(code))
    (found,) = [each for each in judged(facts) if each.id == "rehearsal-gave-up"]
    assert found.summary == (
        f"/opt/app.py (python3, web.service) was refused 2 times in the rehearsal of {BEGAN}, and did not ask with a token: "
        "its own code asks without a token: /opt/app.py:3"
    )
    assert (found.subject, found.implies, found.severity) == ("web.service", "not-ready", "blocker")
    assert found.evidence[0] == "the unit web.service was rehearsed at hop limit 1"
    verdict = report_of(facts).verdict
    assert (verdict.state, verdict.confidence) == ("not-ready", "high")
    assert "experiment" in verdict.evidence


def test_without_a_known_cause_the_order_is_to_change_it():
    (found, *_) = judged(rehearsed(OLD))
    assert found.summary.endswith("did not ask with a token") and "rehearse it again" in found.fix.text


def test_many_are_counted():
    many = [replace(OLD, script=f"/opt/{number}.py", pids=()) for number in range(NAMED_MAX + 2)]
    found = [each for each in judged(rehearsed(*many)) if each.id == "rehearsal-gave-up"]
    assert len(found) == NAMED_MAX + 1 and found[-1].summary.startswith("2 more programs")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, []),
        (rehearsed(APP), ["rehearsal-passed", "rehearsal-silent"]),
        (rehearsed(APP, facts=changed(FACTS, software=())), ["rehearsal-passed"]),
        (rehearsed(replace(OLD, stale="/opt/app.py was changed")), ["rehearsal-silent", "rehearsal-stale"]),
        (rehearsed(OLD, facts=with_imds(tokens="required")), []),
        (rehearsed(OLD, facts=with_imds(endpoint="disabled")), ["rehearsal-silent"]),
        (changed(FACTS, collectors=(CollectorRun("rehearsals", "failed", 1.0, "damaged"),)), ["rehearsals-not-read"]),
    ],
)
def test_what_is_said(facts, expected):
    assert ids(facts) == expected


def test_who_did_not_ask_is_named_with_how_he_is_known_and_how_to_have_him_ask():
    known = with_code(replace(AGENT, path="/opt/b.py", pids=(9,)), facts=changed(FACTS, software=()))
    facts = rehearsed(APP, facts=known)
    (found,) = [each for each in judged(facts) if each.id == "rehearsal-silent"]
    assert found.summary == "1 known caller of this host was not rehearsed, or did not ask: /opt/b.py"
    assert found.evidence == ("/opt/b.py: its code asks",)
    assert "from their start" in found.fix.text
    restarted = judged(rehearsed(APP, facts=facts, restarted=True))
    assert "6 hours" in next(each for each in restarted if each.id == "rehearsal-silent").fix.text


def test_what_is_stale_says_why():
    (found,) = [
        each
        for each in judged(rehearsed(replace(APP, stale="/opt/app.py was changed")))
        if each.id == "rehearsal-stale"
    ]
    assert found.evidence == (f"/opt/app.py (python3, web.service), {BEGAN}: /opt/app.py was changed",)
    assert found.implies is None


def test_a_damaged_record_leaves_it_unknown():
    facts = changed(FACTS, collectors=(*FACTS.collectors, CollectorRun("rehearsals", "failed", 1.0, "it is damaged")))
    report = report_of(facts)
    assert report.verdict.state == "unknown"
    (found,) = [each for each in report.findings if each.id == "rehearsals-not-read"]
    assert found.evidence == ("it is damaged",) and found.settled_by


def test_one_rehearsal_in_a_line():
    said = rehearsals._of(replace(REHEARSAL, restarted=True, ended_by="the check failed"))
    assert said == "the unit web.service was rehearsed at hop limit 1, with a restart; it ended early: the check failed"
    said = rehearsals._of(replace(REHEARSAL, unidentified=1))
    assert said.endswith("at hop limit 1; processes that could not be identified were refused once")
    said = rehearsals._of(replace(REHEARSAL, lapsed_s=120.0))
    assert said.endswith("at hop limit 1; it had no effect for 2 min of its time")


@pytest.mark.parametrize(
    ("unit", "named"),
    [
        ("web.service", "web.service"),
        ("getty@tty1.service", "getty@tty1.service"),
        ("my app.service", r"'my\x20app.service'"),
        ("$(id>x).service", r"'\x24\x28id\x3ex\x29.service'"),
        ("é.service", r"'\xc3\xa9.service'"),
        ("user 1000: $(id>x).service", None),
        ("user 1000: web.service", None),
        ("-u.service", None),
        ("app@*.service", None),  # kept without what was made up for one run: no unit is called that
        ("run-*.service", None),
        ("a\nb.service", None),
        ("\udcff.service", None),
        (f"{'a' * 300}.service", None),
        ("session-1.scope", None),
        (None, None),
    ],
)
def test_the_command_names_a_service_of_the_system_as_one_word(unit, named):
    sdk = SdkUse(None, None, ("/srv/a",), 1, (SdkUser(9, "python3", unit),))
    library = SdkSoftware("botocore", "pypi", "botocore", "1.34.0", "dist-info", "/srv/a", pids=(9,), sdk=sdk)
    known = changed(FACTS, software=(library,))
    (found,) = [each for each in judged(rehearsed(APP, facts=known)) if each.id == "rehearsal-silent"]
    expected = () if named is None else (f"imds-probe rehearse --unit {named} --restart-unit",)
    assert found.fix.commands == expected
