"""Containers that receive no token, and of which the configuration accepts that they receive none after the switch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import ENDED, LOST, PLAIN
from observed import FACTS, IMDS, changed, container, report_of, with_containers
from rules.test_relays import MESH, behind_relay
from rules.test_sdks import INSIDE
from rules.test_sdks import LOST as SDK_LOST
from since_switch_seen import FOR_GOOD, as_caller, since
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.acceptances import Acceptance, Acceptances
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Reach
from imds_probe.facts.facts import Facts
from imds_probe.render.text import Style, render
from imds_probe.rules.hop_need import needed_hop_limit
from imds_probe.rules.kept_out import kept_out
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog.load()
ENTRY = Acceptance("hop-limit-too-low", "web", "pods have roles of their own", "team-k8s", "2027-01-31", "a.toml:3")
WEB = replace(container("web", 1, "lost"), reach=(Reach("ipv4", "lost", "", distance=1, needs_hop_limit=2),))
API = replace(WEB, id="b" * 64, name="api")
FAR = replace(WEB, reach=(Reach("ipv4", "lost", "", distance=2, needs_hop_limit=3),))
EVERY = replace(ENTRY, subject="*")


def accepting(facts: Facts, *entries: Acceptance, day: str = "2026-11-23") -> Facts:
    return changed(facts, acceptances=Acceptances(day, entries))


def calling(*by, **facts) -> Facts:
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    return changed(FACTS, callers=callers, **facts)


def open_ids(report) -> set[str]:
    return {each.id for each in report.findings if each.implies}


def limit_of(report):
    return report.verdict.switch.http_put_response_hop_limit


@pytest.mark.parametrize("entry", [ENTRY, EVERY])
def test_a_container_whose_need_is_accepted_raises_no_hop_limit_and_is_named_as_broken(entry):
    facts = with_containers(WEB)
    assert (report_of(facts).verdict.state, limit_of(report_of(facts))) == ("needs-hop-limit", 2)
    report = report_of(accepting(facts, entry))
    assert (report.verdict.state, limit_of(report)) == ("ready", 1)
    assert "--http-put-response-hop-limit 1 " in report.verdict.switch.aws_cli
    (risk,) = report.verdict.accepted
    assert (risk.id, risk.implies) == ("hop-limit-too-low", "not-ready")
    assert risk.summary == (
        "1 container receives no token at hop limit 1, and the hop limit is not raised for it: it will have no metadata after the "
        "switch: web"
    )
    assert report.verdict.confidence != "high"
    assert f"Accepted, and broken by the switch: {risk.summary}" in " ".join(render(report, Style()).split())
    assert "suffices" not in risk.summary
    assert not any(each.rule == "acceptances" for each in report.findings)
    assert report.verdict.price is None and report.verdict.instead == ()


def test_others_keep_their_hop_limit_which_also_serves_the_accepted_one():
    report = report_of(accepting(with_containers(WEB, API), ENTRY))
    assert (report.verdict.state, limit_of(report), report.verdict.accepted) == ("needs-hop-limit", 2, ())
    assert "acceptance-unusable" not in {each.id for each in report.findings}
    # It is broken where it needs more than the others.
    report = report_of(accepting(with_containers(FAR, API), ENTRY))
    assert (report.verdict.state, limit_of(report)) == ("needs-hop-limit", 2)
    assert [each.subject for each in report.verdict.accepted] == ["web"]
    report = report_of(accepting(with_containers(WEB, API), EVERY))
    assert (report.verdict.state, limit_of(report)) == ("ready", 1)
    assert "they will have no metadata after the switch: web, api" in report.verdict.accepted[0].summary


def test_an_entry_that_has_expired_or_names_another_leaves_the_need():
    for entry, day, said in (
        (replace(ENTRY, subject="db"), "2026-11-23", "acceptance-unused"),
        (ENTRY, "2027-02-01", "acceptance-expired"),
        (EVERY, "2027-02-01", "acceptance-expired"),
    ):
        report = report_of(accepting(with_containers(WEB), entry, day=day))
        assert (report.verdict.state, limit_of(report), report.verdict.accepted) == ("needs-hop-limit", 2, ())
        assert said in {each.id for each in report.findings}


def test_what_is_unknown_or_arrives_is_not_accepted_with_it():
    served = container("web", 1, "ok", 2)
    facts = changed(with_containers(served), imds=replace(IMDS, hop_limit=2))
    report = report_of(accepting(facts, EVERY))
    assert (limit_of(report), report.verdict.accepted) == (2, ())
    assert not kept_out(accepting(facts, EVERY), CATALOG).has(served, facts)
    assert "hop-limit-higher-than-needed" not in {each.id for each in report.findings}
    for unknown in (
        replace(container("web", 1, "error"), not_measured="it ended"),
        replace(WEB, reach=(Reach("ipv4", "lost", "", distance=63, needs_hop_limit=64),)),
    ):
        report = report_of(accepting(with_containers(unknown), EVERY))
        assert (report.verdict.state, report.verdict.accepted) == ("unknown", ())


def test_a_need_that_could_not_be_measured_is_left_out_as_well():
    facts = with_containers(behind_relay(), obstacles=(MESH,))
    before = report_of(facts)
    assert "token-lost-unmeasured" in open_ids(before)
    report = report_of(accepting(facts, EVERY))
    assert (report.verdict.state, report.verdict.switch.try_first) == ("ready", "")
    assert [each.id for each in report.verdict.accepted] == ["hop-limit-too-low"]


@pytest.mark.parametrize("entry", [ENTRY, EVERY])
def test_who_falls_back_there_is_broken_and_accepted_with_it(entry):
    script = replace(LOST, script="/srv/job.py", pid=8)
    facts = calling(LOST, script, containers=(WEB,))
    assert open_ids(report_of(facts)) == {"hop-limit-too-low", "imdsv1-fallback"}
    report = report_of(accepting(facts, entry))
    assert (report.verdict.state, limit_of(report)) == ("ready", 1)
    broken = [each for each in report.verdict.accepted if each.id == "imdsv1-fallback-kept-out"]
    assert {each.subject for each in broken} == {"web", "web: /srv/job.py"}
    assert all(each.summary.endswith("it will have no metadata after the switch") for each in broken)
    # What may be of a part that never asks for a token is not accepted with it.
    report = report_of(accepting(calling(replace(LOST, token="lost-before"), containers=(WEB,)), entry))
    assert (report.verdict.state, open_ids(report)) == ("unknown", {"imdsv1-fallback-doubtful"})
    # Who never asks for a token is broken whatever the hop limit is.
    report = report_of(accepting(calling(LOST, PLAIN, containers=(WEB,)), entry))
    assert (report.verdict.state, open_ids(report)) == ("not-ready", {"imdsv1-caller"})


def test_of_containers_that_have_ended_too_but_of_nothing_else():
    again = replace(ENDED, container_id="8" * 64)
    for by in ((ENDED,), (ENDED, again)):
        facts = calling(*by)
        assert report_of(facts).verdict.state == "needs-hop-limit"
        report = report_of(accepting(facts, EVERY))
        assert (report.verdict.state, limit_of(report)) == ("ready", 1)
        assert [each.id for each in report.verdict.accepted] == ["imdsv1-fallback-kept-out"]
    named = accepting(calling(ENDED), replace(ENTRY, subject="build"))
    assert report_of(named).verdict.state == "ready"
    two = accepting(calling(ENDED, again), replace(ENTRY, subject="build"))
    assert not kept_out(two, CATALOG).has_caller((ENDED, again), 2, two)
    machine = replace(
        LOST, program="/usr/bin/qemu", container=None, container_id=None, origin="virtual-machine", uid=0, netns=None
    )
    facts = accepting(calling(machine), EVERY)
    assert (report_of(facts).verdict.state, needed_hop_limit(facts, CATALOG)) == ("needs-hop-limit", 2)
    assert report_of(facts).verdict.accepted == ()


def test_an_sdk_there_has_no_finding_of_its_own():
    collectors = (*FACTS.collectors, CollectorRun("sdks", "ok", 1.0))
    facts = changed(with_containers(SDK_LOST), software=(INSIDE,), collectors=collectors)
    assert "sdk-falls-back" in open_ids(report_of(facts))
    report = report_of(accepting(facts, ENTRY))
    assert (report.verdict.state, [each.id for each in report.verdict.accepted]) == ("ready", ["hop-limit-too-low"])


def test_after_the_switch_its_refusal_is_accepted_and_that_of_others_is_not():
    lost = as_caller(FOR_GOOD, token="lost", token_ttl=1, distance=1, container="web", container_id=WEB.id, unit=None)
    facts = changed(since(lost), containers=(WEB,))
    assert report_of(facts).verdict.state == "needs-hop-limit"
    for entry in (ENTRY, EVERY):
        report = report_of(accepting(facts, entry))
        assert report.verdict.state == "ready"
        assert {each.id for each in report.verdict.accepted} == {"hop-limit-too-low", "refused-kept-out"}
        switched = report.verdict.switched
        assert (switched.state, switched.refused_callers, switched.accepted_callers) == ("clean", 0, 1)
        (summary,) = [each.summary for each in report.verdict.accepted if each.id == "hop-limit-too-low"]
        assert "it has no metadata: web" in summary
    plain = replace(FOR_GOOD, caller=replace(CALLER, refused=3, served=0, uid=0, count=3))
    report = report_of(accepting(changed(since(plain), containers=(WEB,)), EVERY))
    assert (report.verdict.state, open_ids(report)) == ("not-ready", {"refused-for-good"})
