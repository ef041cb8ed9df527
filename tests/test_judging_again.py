import gzip
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from golden_reports import golden_report
from many_facts import many_facts
from observed import CATALOG, FACTS, OLD_CLOUD_INIT, SSM_AGENT, changed, container, report_of, with_containers
from report_schema import check
from reports_made import TROUBLED

import imds_probe
from imds_probe.assessment import report_on
from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.software import Installed
from imds_probe.judging_again import changes, judged_again
from imds_probe.report import dump
from imds_probe.report_document import read
from imds_probe.rules import RULES
from imds_probe.rules.judging import select

sys.path.append(str(Path(__file__).parent / "reports"))
import keep


def again(report, catalog=CATALOG):
    stored = read(json.loads(dump(report)))
    return stored, judged_again(stored, catalog)


@pytest.mark.parametrize("many", [200, pytest.param(1000, marks=pytest.mark.soak)])
def test_by_the_same_catalog_all_verdicts_are_the_same_to_the_byte(many):
    states = set()
    for facts in many_facts(many):
        before = report_of(facts)
        stored, after = again(before)
        assert set(facts.sections) <= set(stored.facts.sections)
        assert stored.facts.lacking == ()
        states.add(before.verdict.state)
        first, second = before.to_json(), after.to_json()
        for rule in (*first["rules"], *second["rules"]):
            rule["duration_ms"] = 0.0  # measured
        assert json.dumps(second) == json.dumps(first)
    assert states == {"ready", "needs-hop-limit", "not-ready", "unknown"}


def test_what_was_accepted_on_the_day_of_the_run_is_accepted_again():
    before = golden_report("ready-accepted")
    stored, after = again(before)
    assert after.verdict == before.verdict
    assert after.findings == before.findings
    made = changes(stored, after)
    assert (made.added, made.gone) == ((), ())


def test_many_reports_keep_to_the_schema():
    for facts in many_facts(100, seed=2):
        check(report_of(facts).to_json())


def test_a_newer_catalog_changes_what_it_should_and_nothing_else(tmp_path):
    catalog = json.loads((Path(imds_probe.__file__).parent / "catalog/os_software.json").read_text())
    row = next(row for row in catalog["components"] if row["id"] == SSM_AGENT.component)
    row["minimum"] = "99.0.0.0"
    row.pop("backports", None)
    (tmp_path / "newer.json").write_text(json.dumps({"schema": catalog["schema"], "components": [row]}))
    newer = Catalog.load([tmp_path / "newer.json"])
    concerned = 0
    for facts in many_facts(200, seed=3):
        before = report_of(facts)
        stored, after = again(before, newer)
        if not any(entry.component == SSM_AGENT.component for entry in facts[Installed].software):
            assert replace(after, rules=()) == replace(before, rules=(), facts=after.facts)
            continue
        concerned += 1
        made = changes(stored, after)
        assert {each.subject for each in (*made.added, *made.gone)} <= {SSM_AGENT.component}
        assert made.now.state in (made.was.state, "not-ready", "unknown")
    assert concerned > 20


def test_what_the_kept_reports_come_to_is_on_file():
    assert keep.judged() == json.loads(keep.JUDGED.read_text()), (
        "a change of rules or catalog changed what stored reports come to. If that is meant: "
        "PYTHONPATH=tests .venv/bin/python tests/reports/keep.py --judge"
    )


def test_kept_reports_are_of_every_verdict_and_of_the_first_release_too():
    names = list(json.loads(keep.JUDGED.read_text()))
    assert {report["verdict"]["state"] for _, report in keep.kept()} == {
        "ready",
        "needs-hop-limit",
        "not-ready",
        "unknown",
    }
    assert {name.partition("/")[0] for name in names} == {"code", "distances", "lab", "release-0"}


def test_kept_reports_tell_nothing_of_the_machine_that_ran_the_tests():
    told = {
        found
        for _, report in keep.kept()
        for found in re.findall(r"(?<!\w)/(?:root|home)/|pyenv|pytest-|/[a-z]+/[a-z]+/\.venv", json.dumps(report))
    }
    assert told <= {"/srv/project/.venv"}


def test_a_report_is_kept_without_the_places_of_the_machine(tmp_path):
    report = report_of(FACTS).to_json()
    report["host"]["hostname"] = str(keep.HERE / "x")
    report["platform"]["method"] = f"{sys.base_prefix}/bin/python3 {Path.home()}/.cache/imds-probe/zoo"
    (tmp_path / "one.json").write_text(json.dumps(report))
    assert keep.keep(tmp_path, tmp_path / "kept.jsonl.gz") == 1
    (line,) = gzip.decompress((tmp_path / "kept.jsonl.gz").read_bytes()).decode().splitlines()
    kept = json.loads(line)["report"]
    assert (kept["host"]["hostname"], kept["platform"]["method"]) == (
        "host.example",
        "/usr/bin/python3 /srv/cache/zoo",
    )


@pytest.mark.parametrize("key", ["containers", "software", "imds", "callers", "platform"])
def test_what_a_report_lacks_makes_rules_unjudged_and_the_verdict_unknown(key):
    document = report_of(FACTS).to_json()
    del document[key]
    stored = read(document)
    after = judged_again(stored, CATALOG)
    reasons = {each.reason for each in changes(stored, after).not_judged}
    assert reasons == {f"could not be judged again: the report has no {key}"}
    assert after.verdict.state == "unknown"
    assert (after.verdict.switch, after.verdict.rollback) == (None, None)


def test_without_a_record_of_package_managers_a_report_is_never_ready():
    document = report_of(FACTS).to_json()
    assert document["verdict"]["state"] == "ready"
    stored = read({**document, "collectors": [], "software": []})
    made = changes(stored, judged_again(stored, CATALOG))
    assert (made.now.state, [each.rule for each in made.not_judged]) == ("unknown", ["software"])


def test_obstacles_are_missed_by_who_looked_for_them():
    looked = changed(FACTS, collectors=(*FACTS.collectors, CollectorRun("obstacles", "ok", 1.0)))
    document = report_of(looked).to_json()
    del document["obstacles"]
    stored = read(document)
    made = changes(stored, judged_again(stored, CATALOG))
    assert [each.rule for each in made.not_judged] == ["obstacles"]


def test_containers_of_the_first_release_had_no_environment():
    document = report_of(with_containers(container("web", 1, "lost"))).to_json()
    del document["containers"][0]["environment"]
    stored = read(document)
    made = changes(stored, judged_again(stored, CATALOG))
    assert ("containers", "could not be judged again: the report has no containers[].environment") in {
        (each.rule, each.reason) for each in made.not_judged
    }
    assert (made.was.state, made.now.state, made.gone) == ("needs-hop-limit", "unknown", ())
    none = report_of(FACTS).to_json()
    assert judged_again(read(none), CATALOG).verdict.state == "ready"


def test_callers_and_software_of_the_first_release_know_their_container_by_its_name():
    troubled = report_of(TROUBLED).to_json()
    caller = {**troubled["callers"]["by"][0], "container": "web"}
    software = {**troubled["software"][0], "container": "other", "also_in": ["web"]}
    del caller["container_id"], software["container_ids"]
    document = {**troubled, "callers": {**troubled["callers"], "by": [caller]}, "software": [software]}
    facts = read(document).facts
    web = facts[Containers].seen[0].id
    assert facts.get(Callers).by[0].container_id == web
    assert facts[Installed].software[0].container_ids == (web,)


def test_namesakes_of_the_first_release_are_not_taken_for_each_other():
    """What one of them was seen doing would make the other's need observed."""
    containers = with_containers(container("web"), replace(container("web"), id="f" * 64))
    troubled, both = report_of(TROUBLED).to_json(), report_of(containers).to_json()
    caller = {**troubled["callers"]["by"][0], "container": "web"}
    del caller["container_id"]
    document = {**both, "callers": {**troubled["callers"], "by": [caller]}}
    assert read(document).facts.get(Callers).by[0].container_id is None


def test_rules_that_were_left_out_stay_left_out():
    report = report_on(
        changed(FACTS, software=(OLD_CLOUD_INIT,)), CATALOG, select(RULES, (), ("software",)), report_of(FACTS).probe
    )
    stored, after = again(report)
    assert stored.deselected == {"software"}
    assert after.verdict == report.verdict


def test_findings_are_told_apart_by_what_they_are_about():
    stored, _ = again(report_of(changed(FACTS, software=(OLD_CLOUD_INIT,))))
    other = judged_again(stored, CATALOG)
    reworded = replace(other, findings=tuple(replace(each, summary="other words") for each in other.findings))
    assert (changes(stored, reworded).added, changes(stored, reworded).gone) == ((), ())
    none = replace(other, findings=())
    assert [each.id for each in changes(stored, none).gone] == [each.id for each in stored.findings]
