from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, INSTANCE, changed, report_of
from since_switch_seen import (
    FOR_GOOD,
    HOUR_S,
    MENDED,
    RECOVERED,
    SINCE,
    SWITCHED,
    as_caller,
    since,
)

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.acceptances import Acceptance, Acceptances
from imds_probe.facts.callers import REJECTED, MetricCompared
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.control_plane import AccountDefaults, ControlPlane, MetadataOptions
from imds_probe.facts.facts import Facts
from imds_probe.facts.owner import Owner
from imds_probe.facts.switched import SwitchedBefore, WatchedSince
from imds_probe.findings import Found
from imds_probe.render.text import Style, render
from imds_probe.rules.rule import NothingToJudge
from imds_probe.rules.switched import NAMED_MAX, RULE

WAY_BACK = (
    "aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 --http-tokens optional "
    "--http-put-response-hop-limit 1 --http-endpoint enabled"
)


def judged(facts: Facts) -> list[Found]:
    found = RULE.find(facts, Catalog(()))
    assert isinstance(found, list)
    return found


def test_where_tokens_were_never_required_there_is_nothing_to_judge():
    assert isinstance(RULE.judge(FACTS, Catalog(())), NothingToJudge)


def test_who_is_refused_for_good_is_named_with_the_way_back_and_blocks():
    (found,) = judged(since(FOR_GOOD))
    assert (found.kind.id, found.severity, found.implies, found.subject) == (
        "refused-for-good",
        "blocker",
        "not-ready",
        "web.service",
    )
    assert found.summary == (
        "/usr/bin/curl (web.service) was refused 3 times since IMDSv1 was turned off on or before 2026-11-22, last at "
        "2026-11-22T20:00:00Z, and did not ask again with a token"
    )
    assert found.evidence == ("requested /latest/meta-data/", "last refused: process 7", "User-Agent: curl/8")
    assert found.fix is not None
    assert found.fix.commands[0] == WAY_BACK
    report = report_of(since(FOR_GOOD))
    assert (report.verdict.state, report.verdict.confidence) == ("not-ready", "high")
    assert report.verdict.rollback is not None
    assert report.verdict.rollback.aws_cli == WAY_BACK
    assert "imdsv1-refused" not in {each.id for each in report.findings}


@pytest.mark.parametrize(
    ("changes", "subject", "named"),
    [
        ({"container": "shop", "container_id": "c" * 64, "unit": None}, "shop", "/usr/bin/curl in shop"),
        (
            {"script": "/opt/register.sh", "started_by": "cron", "unit": "cron.service"},
            "/opt/register.sh",
            "/opt/register.sh, started by cron (curl, cron.service)",
        ),
        (
            {"program": "unknown", "pid": None, "unit": None, "uid": None, "client": "10.0.0.9", "interface": "tap0"},
            "unknown",
            "an unknown process behind tap0 at 10.0.0.9",
        ),
    ],
)
def test_it_is_named_by_what_somebody_would_mend(changes, subject, named):
    (found,) = judged(since(as_caller(FOR_GOOD, **changes)))
    assert found.subject == subject
    assert found.summary.startswith(f"{named} was refused 3 times")


def test_where_the_account_enforces_tokens_there_is_no_way_back():
    account = AccountDefaults(MetadataOptions(), http_tokens_enforced=True)
    plane = ControlPlane("2026-11-22T00:00:00Z", MetadataOptions("required"), account=account)
    (found,) = judged(changed(since(FOR_GOOD), control_plane=plane))
    assert found.fix is not None
    assert "EC2 refuses to make tokens optional again" in found.fix.text
    assert not any("modify-instance" in each for each in found.fix.commands)


def test_of_an_instance_that_eks_owns_there_is_no_command_but_to_replace_the_node():
    owned = replace(INSTANCE, owner=Owner("eks-auto-mode", "general-purpose", ()))
    facts = changed(since(FOR_GOOD), instance=owned)
    (found,) = judged(facts)
    assert found.fix is not None
    assert "Replace its node" in found.fix.text
    assert not any("modify-instance" in each for each in found.fix.commands)
    for report in (report_of(facts), report_of(changed(FACTS, instance=owned))):
        assert report.verdict.switch is not None
        assert (report.verdict.switch.aws_cli, report.verdict.rollback) == ("", None)
        assert "modify-instance-metadata-options" not in render(report, Style())
        assert "kubectl delete node" in " ".join(render(report, Style()).split())


def test_a_test_that_expects_the_refusal_can_be_accepted():
    entry = Acceptance("refused-for-good", "web.service", "tests the refusal", "sre", "2027-01-31", "a.toml:1")
    facts = changed(since(FOR_GOOD), acceptances=Acceptances("2026-11-23", (entry,)))
    report = report_of(facts)
    assert report.verdict.state == "ready"
    assert [each.subject for each in report.verdict.accepted] == ["web.service"]
    assert report.verdict.switched is not None
    assert (report.verdict.switched.state, report.verdict.switched.accepted_callers) == ("clean", 1)


@pytest.mark.parametrize(
    ("finding", "subject", "state"),
    [
        ("imdsv1-caller", "web.service", "ready"),
        ("imdsv1-caller", "*", "ready"),
        ("code-imdsv1", "web.service", "ready"),
        ("rehearsal-gave-up", "web.service", "ready"),
        ("imdsv1-caller", "db.service", "not-ready"),
        ("imdsv1-before-window", "web.service", "not-ready"),
        ("code-not-read", "*", "not-ready"),
        ("software-too-old", "*", "not-ready"),
    ],
)
def test_whoever_accepts_that_the_switch_breaks_a_caller_accepts_that_it_is_refused(finding, subject, state):
    """What was only unknown before the switch is news after it."""
    entry = Acceptance(finding, subject, "the job ends in March", "team", "2027-01-31", "a.toml:3")
    accepted = Acceptances("2026-11-23", (entry,))
    report = report_of(changed(since(FOR_GOOD), acceptances=accepted))
    (refused,) = [each for each in report.findings if each.id == "refused-for-good"]
    ids = {each.id for each in report.findings}
    assert report.verdict.state == state
    if state == "not-ready":
        assert refused.accepted is None and "acceptance-unused" in ids
        return
    assert refused.accepted is not None and refused.accepted.reason == "the job ends in March"
    assert "acceptance-unused" not in ids
    assert [(each.id, each.subject) for each in report.verdict.accepted] == [("refused-for-good", "web.service")]
    assert report.verdict.switched is not None
    assert (report.verdict.switched.state, report.verdict.switched.accepted_callers) == ("clean", 1)
    # Of many callers it has its own finding.
    louder = replace(FOR_GOOD, caller=replace(FOR_GOOD.caller, refused=9))
    many = [as_caller(louder, unit=f"{letter}.service") for letter in "abcdefghijklmnopqrstuv"]
    assert len(many) > NAMED_MAX
    named = report_of(changed(since(*many, FOR_GOOD), acceptances=accepted)).verdict.accepted
    assert ("web.service" if subject != "*" else "more callers") in [each.subject for each in named]
    # A day that has passed accepts nothing.
    late = report_of(changed(since(FOR_GOOD), acceptances=replace(accepted, day="2027-02-01")))
    assert late.verdict.state == "not-ready"
    assert "acceptance-expired" in {each.id for each in late.findings}


def test_a_token_that_is_lost_on_the_way_is_another_trouble_than_a_caller_that_never_asks_for_one():
    lost = as_caller(FOR_GOOD, token="lost", token_ttl=1, distance=1, container="ci", container_id="9" * 64, uid=None)
    entry = Acceptance("imdsv1-caller", "*", "the job ends in March", "team", "2027-01-31", "a.toml:3")
    report = report_of(changed(since(lost), acceptances=Acceptances("2026-11-23", (entry,))))
    assert (report.verdict.state, report.verdict.accepted) == ("needs-hop-limit", ())


def test_who_asks_again_with_a_token_is_no_trouble():
    (found,) = judged(since(RECOVERED))
    assert (found.kind.id, found.severity, found.implies) == ("refused-recovered", "info", None)
    assert found.summary == (
        "1 caller was refused 3 times since IMDSv1 was turned off on or before 2026-11-22, and asked again with a token each time: "
        "/usr/bin/curl (web.service)"
    )
    (found,) = judged(since(MENDED))
    assert (found.kind.id, found.severity) == ("refused-no-more", "info")
    assert report_of(since(RECOVERED, as_caller(MENDED, unit="b.service"))).verdict.state == "ready"


def test_one_that_was_only_just_refused_has_its_time():
    (found,) = judged(since(replace(FOR_GOOD, failed_ago_s=1.0, may_recover=True)))
    assert (found.kind.id, found.severity, found.implies) == ("refused-just-now", "warning", None)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"failed_ago_s": 15 * 24 * HOUR_S}, "refused-long-ago", "has made no refused request for 15 d"),
        ({"had_nothing": True}, "refused-had-nothing", "the service had nothing at such paths (404)"),
    ],
)
def test_what_has_broken_nobody_now_is_a_warning(changes, kind, said):
    facts = since(replace(FOR_GOOD, **changes))
    (found,) = judged(facts)
    assert (found.kind.id, found.severity, found.implies) == (kind, "warning", None)
    assert said in found.summary
    assert report_of(facts).verdict.state == "ready"


def test_when_it_was_refused_last_is_said_and_not_when_it_called_last():
    (found,) = judged(since(as_caller(FOR_GOOD, last_seen="2026-11-22T23:00:00Z")))
    assert "last at 2026-11-22T20:00:00Z" in found.summary


def test_callers_that_a_report_does_not_hold_leave_it_unknown():
    facts = since(watched=WatchedSince(24 * HOUR_S, (RECOVERED,), left_out=3))
    assert ("refused-left-out", "unknown") in [(each.kind.id, each.implies) for each in judged(facts)]
    verdict = report_of(facts).verdict
    assert verdict.state == "unknown"
    assert verdict.switched is not None
    assert verdict.switched.state == "refused-unseen"
    assert verdict.switched.summary.endswith("The report leaves out 3 of the callers that were refused since then")


def test_somebody_at_an_address_who_asked_again_may_be_somebody_else():
    unknown = as_caller(RECOVERED, pid=None, program="virtual machine", unit=None, uid=None, client="10.0.0.9")
    assert report_of(since(RECOVERED)).verdict.forgeable == ()
    (said,) = report_of(since(unknown)).verdict.forgeable
    assert said.startswith("1 refused caller counts as asking with a token because somebody at the same address did: ")


@pytest.mark.parametrize(("status", "state"), [("failed", "not-ready"), ("skipped", "not-ready"), ("ok", "ready")])
def test_where_nothing_says_since_when_a_refusal_blocks(status, state):
    run = CollectorRun("tokens-seen", status, 0.0, "it failed", "since when tokens are required")
    facts = changed(since(FOR_GOOD), switched=None)
    report = report_of(changed(facts, collectors=(*facts.collectors, run)))
    assert report.verdict.state == state
    (found,) = [each for each in report.findings if each.id == "imdsv1-refused"]
    assert found.severity == ("warning" if status == "ok" else "blocker")


def test_where_the_token_was_lost_the_hop_limit_is_the_cure():
    lost = as_caller(
        FOR_GOOD, token="lost", container="shop", container_id="c" * 64, distance=1, token_ttl=1, unit=None
    )
    (found,) = judged(since(lost))
    assert found.implies == "needs-hop-limit"
    assert found.fix is not None
    assert "hop limit" in found.fix.text


def test_many_are_counted_together():
    found = judged(since(*(as_caller(FOR_GOOD, unit=f"u{number}.service") for number in range(NAMED_MAX + 2))))
    assert len(found) == NAMED_MAX + 1
    assert found[-1].summary == (
        "2 more callers were refused since IMDSv1 was turned off on or before 2026-11-22, and did not ask again with a token"
    )
    assert found[-1].implies == "not-ready"


def test_until_credentials_have_run_out_it_is_too_early():
    early = since(age_s=HOUR_S, watched=WatchedSince(HOUR_S / 2))
    (found,) = judged(early)
    assert (found.kind.id, found.implies) == ("switch-recent", None)
    assert found.summary == (
        "IMDSv1 was turned off on or before 2026-11-22, and imds-probe has watched for 30 min since then; programs that keep "
        "credentials may fail up to 6 h after the switch"
    )
    assert judged(since()) == []


def test_where_two_runs_bound_the_switch_to_a_day_it_is_named():
    (found,) = judged(since(RECOVERED, optional_last=SINCE))
    assert "3 times since IMDSv1 was turned off on 2026-11-22, and asked" in found.summary


def test_where_nobody_watches_it_says_so():
    (found,) = judged(since(watched=None))
    assert (found.kind.id, found.severity) == ("switch-not-watched", "info")


def test_a_switch_that_was_undone_is_said():
    earlier = (SwitchedBefore(SINCE, "2026-11-22T05:00:00Z"),)
    facts = changed(FACTS, switched=replace(SWITCHED, since=None, watched=None, earlier=earlier))
    (found,) = judged(facts)
    assert (found.kind.id, found.severity) == ("switch-undone", "info")
    assert report_of(facts).verdict.switched is None


def test_refused_calls_that_were_not_seen_leave_it_unknown():
    metric = MetricCompared(20, 9, 2, SINCE, "2026-11-22T20:00:00Z", REJECTED)
    (found,) = judged(since(metric=metric))
    assert (found.kind.id, found.implies) == ("rejected-unseen", "unknown")
    assert "did not see 7 of them" in found.summary
    assert judged(since(metric=replace(metric, seen=9))) == []


def test_a_report_that_knows_of_no_record_is_judged_as_before():
    facts = changed(since(FOR_GOOD), switched=None)
    assert "imdsv1-refused" in {each.id for each in report_of(facts).findings}
    assert INSTANCE.instance_id in WAY_BACK
