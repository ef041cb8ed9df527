from exposition_reader import samples
from golden_reports import CASES
from prometheus_client.parser import text_string_to_metric_families
from reports_made import BARE, STARTED, UNTRIED, hostile, report
from since_switch_seen import FOR_GOOD, since

from imds_probe.sinks.exposition import exposition

EXPECTED = {
    ("verdict", "not-ready"): 1,
    ("verdict", "unknown"): 0,
    ("verdict", "needs-hop-limit"): 0,
    ("verdict", "ready"): 0,
    ("hop_limit",): 1,
    ("hop_limit_needed",): 2,
    ("tokens_required",): 0,
    ("imdsv1_calls",): 3,
    ("watch_coverage_ratio",): 0.5,
    ("containers_token_lost",): 1,
    ("accepted_risks",): 0,
    ("last_run_timestamp_seconds",): STARTED,
}


def test_what_was_found():
    found = samples(exposition(report()).decode())
    blockers = {labels[1]: value for labels, value in found.items() if labels[0] == "blockers"}
    assert blockers["software-too-old"] == 1
    assert sum(blockers.values()) == sum(f["severity"] == "blocker" for f in report()["findings"])
    assert {labels: value for labels, value in found.items() if labels[0] != "blockers"} == EXPECTED


def test_what_is_not_known_has_no_sample():
    found = {labels[0] for labels in samples(exposition(report(BARE)).decode())}
    assert found - {"blockers"} == {"verdict", "accepted_risks", "last_run_timestamp_seconds"}


def test_a_hop_limit_that_has_to_be_tried_is_none():
    assert ("hop_limit_needed",) not in samples(exposition(report(UNTRIED)).decode())


def test_accepted_risks_and_when_the_first_counts_again():
    found = samples(exposition(report(CASES["ready-accepted"]())).decode())
    assert found[("accepted_risks",)] == 2
    assert found[("accepted_until_timestamp_seconds",)] == 1796169600  # date -ud 2026-12-02 +%s


def test_of_a_switched_host_refused_callers_and_clean_hours_are_told():
    found = samples(exposition(report(since(FOR_GOOD))).decode())
    assert {
        name: found[(name,)] for name in ("tokens_required", "switched_hours", "clean_hours", "refused_callers")
    } == {
        "tokens_required": 1,
        "switched_hours": 24,
        "clean_hours": 4,
        "refused_callers": 1,
    }
    unwatched = samples(exposition(report(since(watched=None))).decode())
    assert ("switched_hours",) in unwatched
    assert not {("clean_hours",), ("refused_callers",)} & set(unwatched)


def test_samples_have_no_timestamps():
    for made in (report(), hostile()):
        families = text_string_to_metric_families(exposition(made).decode())
        assert {sample.timestamp for family in families for sample in family.samples} == {None}


def test_hostile_text_stays_a_label():
    text = exposition(hostile(100)).decode()
    [info] = [family for family in text_string_to_metric_families(text) if family.name == "imds_probe_info"]
    assert set(info.samples[0].labels) == {"version", "schema", "instance_id", "region"}
    assert text.count("\nimds_probe_info{") == 1
    assert all(len(line) < 8192 and line.isprintable() for line in text.split("\n"))
