from dataclasses import replace

import pytest
from observed import DROP_ALL, ENDPOINT, FACTS, changed, kept_away, report_of, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.endpoint import IMDS_KEPT_AWAY, RULE
from imds_probe.rules.rule import NothingToJudge
from imds_probe.watch.evidence import callers_of

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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("kube2iam", "kube2iam"),
        (None, "a server that does not name itself"),
        ("…", "a server of another name"),
    ],
)
def test_a_proxy_hides_the_instance(name, shown):
    (finding,) = RULE.judge(with_imds(answered_by=name), CATALOG)
    assert (finding.id, finding.implies) == ("imds-answered-by-proxy", "unknown")
    assert shown in finding.summary


WATCHED = callers_of((), window_s=100.0, observed_s=100.0, needed_coverage=0.99, dropped=0, watched_until=None)
NAMED = replace(ENDPOINT, address="127.0.0.1", answered_by="aws-vault")


@pytest.mark.parametrize(
    ("callers", "finding_id", "implies"),
    [
        (WATCHED, "imds-proxy-settled", None),
        (replace(WATCHED, imdsv1=1), "imds-answered-by-proxy", "unknown"),
        (replace(WATCHED, coverage=0.5), "imds-answered-by-proxy", "unknown"),
    ],
)
def test_a_proxy_that_gives_tokens_is_settled_by_a_watch(callers, finding_id, implies):
    (finding,) = RULE.judge(changed(with_imds(answered_by="kube2iam"), callers=callers), CATALOG)
    assert (finding.id, finding.implies) == (finding_id, implies)


@pytest.mark.parametrize("name", ["aws-vault", None])
def test_what_the_environment_names_is_what_was_asked_for(name):
    (finding,) = RULE.judge(with_imds(answered_by=name, endpoints=(NAMED,)), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == ("named-endpoint-answered", "info", None)
    assert "gave a token at 127.0.0.1, the address in AWS_EC2_METADATA_SERVICE_ENDPOINT" in finding.summary


@pytest.mark.parametrize("state", ["unreachable", "refuses-tokens", "loses-tokens", "unknown"])
def test_trouble_with_it_is_cured_there(state):
    endpoint = replace(NAMED, state=state, token_outcome="not-found", detail="HTTP status 404")
    (finding,) = RULE.judge(with_imds(endpoint=state, answered_by=None, endpoints=(endpoint,)), CATALOG)
    assert (finding.id, finding.implies) == ("named-endpoint-trouble", "unknown")
    assert finding.fix.text.startswith("Upgrade the server at 127.0.0.1 ")
    assert finding.fix.commands == ()
    assert "redirect" not in finding.fix.text


def test_trouble_that_ec2_itself_has_there_is_that_of_any_address():
    endpoint = replace(ENDPOINT, address="192.0.2.1", state="refuses-tokens", detail="HTTP status 403")
    (finding,) = RULE.judge(with_imds(endpoint="refuses-tokens", endpoints=(endpoint,)), CATALOG)
    assert (finding.id, finding.implies) == ("token-request-refused", "not-ready")


OWNER = replace(DROP_ALL, kind="reject", scope="not uid 33")


@pytest.mark.parametrize(
    ("obstacle", "who"),
    [
        (DROP_ALL, "all programs of this host"),
        (OWNER, "imds-probe, which asks as root,"),
        (replace(DROP_ALL, certain=False), "imds-probe, which asks as root,"),
        (replace(DROP_ALL, kind="setting", applies_to="any"), "imds-probe, which asks as root,"),
    ],
)
def test_a_rule_that_keeps_the_probe_away_may_stay(obstacle, who):
    """It is mostly intended: nothing shall be settled by undoing it alone."""
    (finding,) = RULE.judge(kept_away(obstacle), CATALOG)
    assert (finding.id, finding.implies) == ("imds-kept-away", "unknown")
    assert finding.summary.startswith(f"a rule, route or setting keeps {who} from the metadata service: ")
    assert finding.evidence[1].endswith(obstacle.quote)
    assert finding.settled_by == IMDS_KEPT_AWAY.settled_by
    assert not IMDS_KEPT_AWAY.not_acceptable
    (finding,) = RULE.judge(kept_away(obstacle, callers=WATCHED), CATALOG)
    assert (finding.id, finding.implies) == ("imds-kept-away-settled", None)
    assert finding.fix.text.startswith("Change nothing before the switch.")
    (finding,) = RULE.judge(kept_away(obstacle, callers=replace(WATCHED, imdsv1=1)), CATALOG)
    assert finding.implies == "unknown"


@pytest.mark.parametrize("obstacles", [(), (replace(DROP_ALL, applies_to="forward"),)])
def test_a_host_that_cannot_connect_without_a_cause_that_was_seen_is_not_settled_by_a_watch(obstacles):
    (finding,) = RULE.judge(kept_away(*obstacles, callers=WATCHED), CATALOG)
    assert (finding.id, finding.implies) == ("imds-unreachable", "unknown")


def test_a_watched_window_makes_a_host_that_rules_keep_away_ready():
    verdict = report_of(kept_away(OWNER, callers=WATCHED)).verdict
    assert verdict.state == "ready"
    assert verdict.reasons[0].endswith("and a rule keeps imds-probe from the metadata service")
    assert verdict.switch.http_put_response_hop_limit is None


def test_nothing_asked_nothing_judged():
    assert isinstance(RULE.judge(changed(FACTS, imds=None), CATALOG), NothingToJudge)
