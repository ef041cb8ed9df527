"""What the EC2 API says beside what was measured: each difference is a finding with both values, and no other is one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, IMDS, changed

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.facts.facts import Facts
from imds_probe.rules.control_plane import RULE
from imds_probe.rules.rule import NothingToJudge

AT = "2026-11-29T12:00:00Z"
OPTIONS = MetadataOptions("optional", 1, "enabled", "disabled", "disabled")


def facts(options: MetadataOptions | None = OPTIONS, *, pending: bool = False, **imds: object) -> Facts:
    changed_imds = changed(FACTS, imds=replace(IMDS, **imds))
    return changed_imds.with_(ControlPlane(AT, options, pending=pending))


def found(given: Facts) -> list[tuple[str, tuple[str, ...]]]:
    findings = RULE.judge(given, Catalog(()))
    assert not isinstance(findings, NothingToJudge)
    assert all(each.implies is None for each in findings)
    return [(each.id, each.evidence) for each in findings]


def test_where_both_say_the_same_there_is_nothing_to_say():
    assert found(facts()) == []
    assert found(facts(MetadataOptions())) == []


def test_a_change_that_is_not_yet_in_force():
    wanted = replace(OPTIONS, http_tokens="required", http_put_response_hop_limit=2)
    ((kind, evidence),) = found(facts(wanted, pending=True))
    assert kind == "metadata-options-pending"
    assert evidence == (
        f"the EC2 API at {AT}: HttpTokens=required, HttpPutResponseHopLimit=2, HttpEndpoint=enabled",
        "on the host: endpoint enabled, hop limit 1",
    )


def test_a_hop_limit_that_a_rule_falsifies():
    measured = tuple(replace(each, hop_limit=64, hop_limit_method="capture") for each in IMDS.endpoints)
    given = facts(hop_limit=64, endpoints=measured)
    ((kind, evidence),) = found(given)
    assert kind == "hop-limit-differs"
    assert evidence[:2] == (f"the EC2 API at {AT}: 1", "measured at 169.254.169.254 (capture): 64")
    by_api = tuple(replace(each, hop_limit=None, hop_limit_method="unknown") for each in IMDS.endpoints)
    assert found(facts(endpoints=by_api)) == []
    named = tuple(replace(each, address="127.0.0.1") for each in measured)
    assert found(facts(hop_limit=64, endpoints=named)) == []


@pytest.mark.parametrize(
    ("says", "seen", "differs"),
    [
        ("enabled", "unreachable", True),
        ("enabled", "disabled", True),
        ("disabled", "enabled", True),
        ("disabled", "disabled", False),
        ("disabled", "unreachable", False),
        ("enabled", "unknown", False),
        (None, "unreachable", False),
    ],
)
def test_whether_the_service_is_on(says, seen, differs):
    kinds = [kind for kind, _ in found(facts(replace(OPTIONS, http_endpoint=says), endpoint=seen))]
    assert kinds == (["endpoint-differs"] if differs else [])


@pytest.mark.parametrize("given", [FACTS, FACTS.with_(ControlPlane(AT))])
def test_where_nobody_was_asked_nothing_is_judged(given):
    assert isinstance(RULE.judge(given, Catalog(())), NothingToJudge)
