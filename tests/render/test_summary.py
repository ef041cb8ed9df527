"""A report on one line, of 2,000 bytes at most."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from observed import FACTS, IMDS, INSTANCE, OLD_CLOUD_INIT, changed, container, report_of, with_containers
from reports_made import HOSTILE, TROUBLED, UNTRIED

from imds_probe.facts.control_plane import AccountDefaults, ControlPlane, MetadataOptions
from imds_probe.facts.standing import Standing
from imds_probe.render import summary

PLACES = 500


def line(report):
    made = summary.render(report)
    assert made.endswith("\n") and made.isascii() and len(made.splitlines()) == 1
    assert len(made) <= summary.LIMIT_BYTES
    return made


def test_what_a_fleet_is_asked():
    report = report_of(changed(FACTS, standing=Standing("ab", ())))
    assert json.loads(line(report)) == {
        "schema": summary.SCHEMA,
        "verdict": "ready",
        "confidence": "medium",
        "evidence": ["capability", "reachability"],
        "tokens": "optional",
        "hop_limit": 1,
        "hop_limit_needed": 1,
        "rollback": "not-asked",
        "valid_until": "2026-11-24T00:00:00Z",
        "digest": report.verdict.digest,
        "instance_id": "i-0123456789abcdef0",
        "started_at": "2026-11-23T00:00:00Z",
        "run_id": "0" * 32,
        "probe_version": "0.1.0",
        "counts": {
            **{"findings": len(report.findings), "blockers": 0, "warnings": 0, "accepted": 0},
            **{"containers": 0, "software": 1, "imdsv1_calls": None},
        },
        "blockers": [],
        "blockers_left_out": 0,
    }


def test_blockers_are_counted_by_their_kinds_the_gravest_first():
    read = json.loads(line(report_of(TROUBLED)))
    assert read["verdict"] == "not-ready"
    assert {"id": "software-too-old", "count": 1, "subject": "cloud-init"} in read["blockers"]
    assert read["counts"]["imdsv1_calls"] == 3


def test_what_takes_a_higher_hop_limit_is_one_of_them():
    read = json.loads(line(report_of(with_containers(container("web", 1, "lost")))))
    assert (read["verdict"], read["hop_limit_needed"]) == ("needs-hop-limit", 2)
    assert [each["id"] for each in read["blockers"]] == ["hop-limit-too-low"]


def test_a_hop_limit_that_has_to_be_tried_is_no_number_to_switch_with():
    read = json.loads(line(report_of(UNTRIED)))
    assert (read["verdict"], read["hop_limit_needed"]) == ("needs-hop-limit", None)


@pytest.mark.parametrize("enforced", [True, False])
def test_whether_the_switch_can_be_undone_where_the_account_was_asked(enforced):
    account = AccountDefaults(MetadataOptions(), enforced, "account")
    asked = ControlPlane("2026-11-23T00:00:00Z", MetadataOptions("optional", 1), account=account)
    read = json.loads(line(report_of(changed(FACTS, control_plane=asked))))
    assert read["rollback"] == ("refused" if enforced else "possible")


def test_the_worst_host_has_room():
    text = HOSTILE * 50
    containers = tuple(replace(container(f"{n:064}", 1, "lost"), name=f"{text}{n}", image=text) for n in range(PLACES))
    software = tuple(replace(OLD_CLOUD_INIT, version=f"{n}{text}", package=text) for n in range(PLACES))
    instance = replace(INSTANCE, instance_id=text, region=text)
    report = report_of(changed(TROUBLED, containers=containers, software=software[:20], instance=instance))
    blocker = next(each for each in report.findings if each.implies == "not-ready")
    many = tuple(replace(blocker, id=f"{text[:20]}-{n % 300}", subject=text) for n in range(10_000))
    report = replace(report, findings=many, probe=replace(report.probe, version=text))
    read = json.loads(line(report))
    assert read["counts"] == read["counts"] | {"findings": 10_000, "blockers": 10_000, "containers": PLACES}
    assert len(read["blockers"]) + read["blockers_left_out"] == 300
    assert read["blockers"]


def test_what_could_not_be_observed_is_null():
    read = json.loads(line(report_of(changed(FACTS, imds=None, instance=None, containers=None, software=()))))
    assert (read["tokens"], read["hop_limit"], read["counts"]["containers"], read["digest"]) == (None, None, None, None)
    assert read["tokens"] is None and IMDS.tokens == "optional"
