from dataclasses import replace

import pytest
from observed import ENDPOINT, FACTS, changed, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.endpoint import RULE
from imds_probe.rules.rule import NothingToJudge

CATALOG = Catalog(())


def test_ec2_answering_is_nothing_to_report():
    assert RULE.judge(FACTS, CATALOG) == []


@pytest.mark.parametrize(
    ("state", "finding_id", "severity", "implies"),
    [
        ("disabled", "imds-disabled", "info", None),
        ("unreachable", "imds-unreachable", "warning", "unknown"),
        ("refuses-tokens", "token-request-refused", "blocker", "not-ready"),
        ("loses-tokens", "token-response-lost", "blocker", "not-ready"),
        ("unknown", "imds-answer-unusable", "warning", "unknown"),
    ],
)
def test_each_state_has_its_finding(state, finding_id, severity, implies):
    endpoint = replace(ENDPOINT, state=state, token_outcome="garbage", detail="what came")
    (finding,) = RULE.judge(with_imds(endpoint=state, endpoints=(endpoint,)), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == (finding_id, severity, implies)
    assert finding.evidence == ("169.254.169.254: token PUT garbage (what came)",)


@pytest.mark.parametrize(("name", "shown"), [("kube2iam", "kube2iam"), (None, "a server that does not name itself")])
def test_a_proxy_hides_the_instance(name, shown):
    (finding,) = RULE.judge(with_imds(answered_by=name), CATALOG)
    assert (finding.id, finding.implies) == ("imds-answered-by-proxy", "unknown")
    assert shown in finding.summary


def test_nothing_asked_nothing_judged():
    assert isinstance(RULE.judge(changed(FACTS, imds=None), CATALOG), NothingToJudge)
