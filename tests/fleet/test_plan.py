import json

import fleets_made
import pytest

from imds_probe.facts.section import plain
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Host
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.plan import Terms, plan

NOW = int(fleets_made.NOW)
DAY = 86400
TERMS = Terms(max_age_s=7 * DAY)


def host(number, state="ready", confidence="medium", started_at=NOW, **more):
    values = {
        "tokens": "optional",
        "hop_limit": 1,
        "endpoint": "enabled",
        "account": "1",
        "region": "eu-west-1",
        "owner": "kops a",
    }
    return Host(fleets_made.instance_id(number), started_at, 0, WHOLE, "0.1.0", state, confidence, **(values | more))


def instance(number, **more):
    values = {
        "state": "running",
        "launched_at": 0,
        "tokens": "optional",
        "hop_limit": 1,
        "endpoint": "enabled",
        "cannot": "",
    }
    values |= {"account": "", "region": "", "ami": "", "instance_type": "", "owner": ""}
    return Instance(fleets_made.instance_id(number), **(values | more))


def planned(*hosts, terms=TERMS, **more):
    found = Gathered(NOW)
    for each in hosts:
        found.add(each)
    return plan(found, terms, **more)


def test_canaries_come_first_and_are_unlike_each_other():
    hosts = [host(at, ami=f"ami-{at // 5}") for at in range(10)]
    made = planned(*hosts, terms=Terms(max_age_s=DAY, canaries=2, batch=3))
    assert [(each.wave, each.canary, len(each.instance_ids)) for each in made.batches] == [
        *((1, True, 2), (2, False, 3), (3, False, 3), (4, False, 2))
    ]
    assert made.batches[0].instance_ids == (fleets_made.instance_id(0), fleets_made.instance_id(5))
    ids = [each for batch in made.batches for each in batch.instance_ids]
    assert sorted(ids) == [each.key for each in hosts]
    assert made.planned == 10


def test_a_batch_has_one_owner_account_region_and_hop_limit_and_the_surest_verdicts_first():
    hosts = [
        *(host(1), host(2, owner="kops b"), host(3, account="2"), host(4, region="us-east-1")),
        *(host(5, "needs-hop-limit", hop_limit_needed=2), host(6, confidence="high"), host(7, confidence="low")),
    ]
    made = planned(*hosts, terms=Terms(max_age_s=DAY, raise_hop_limit=True, canaries=1))
    assert [
        (each.wave, each.account, each.region, each.owner, each.hop_limit, len(each.instance_ids))
        for each in made.batches
    ] == [
        (1, "1", "eu-west-1", "kops a", None, 1),
        (1, "1", "eu-west-1", "kops a", 2, 1),
        (1, "1", "eu-west-1", "kops b", None, 1),
        (1, "1", "us-east-1", "kops a", None, 1),
        (1, "2", "eu-west-1", "kops a", None, 1),
        (2, "1", "eu-west-1", "kops a", None, 2),
    ]
    assert made.batches[0].instance_ids == (fleets_made.instance_id(6),)
    assert [each.confidence for each in made.batches[:2]] == ["high", "medium"]
    assert made.batches[5].confidence == "low"
    assert made.batches[1].command == (
        'aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id "$ID" --http-tokens required '
        "--http-put-response-hop-limit 2"
    )


@pytest.mark.parametrize(
    ("of_host", "why"),
    [
        ({"state": "not-ready"}, "not ready"),
        ({"state": "unknown"}, "the verdict is unknown"),
        ({"state": "needs-hop-limit"}, "a higher hop limit is needed, and --raise-hop-limit was not given"),
        ({"tokens": "required"}, "tokens are required already"),
        ({"started_at": NOW - 8 * DAY}, "the report is older than 7 d"),
        ({"started_at": NOW + DAY}, "the report is from the future"),
        ({"confidence": "low"}, "confidence is below medium"),
        ({"confidence": "of a later version"}, "confidence is below medium"),
        ({"cannot": "not an EC2 instance"}, "not an EC2 instance"),
    ],
)
def test_who_is_in_no_batch(of_host, why):
    made = planned(host(1, **of_host), terms=Terms(max_age_s=7 * DAY, confidence="medium"))
    assert made.batches == ()
    assert plain(made.left_out) == [{"value": why, "hosts": 1}]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (None, "not among the instances any more"),
        ({"tokens": "required"}, "tokens are required already"),
        ({"state": "stopped"}, "the instance is stopped"),
        ({"launched_at": NOW + 1}, "the instance was started after the report"),
        ({"hop_limit": 2}, "the metadata options have changed since the report"),
        ({"endpoint": "disabled"}, "the metadata options have changed since the report"),
        ({"ami": "ami-2"}, "image or type of the instance differ from the report"),
        ({"instance_type": "m5.large"}, "image or type of the instance differ from the report"),
    ],
)
def test_who_has_changed_since_the_report_is_in_no_batch(now, why):
    known = {} if now is None else {fleets_made.instance_id(1): instance(1, **now)}
    made = planned(host(1, ami="ami-1", instance_type="t3.micro"), instances=known)
    assert made.batches == ()
    assert plain(made.left_out) == [{"value": why, "hosts": 1}]


def test_a_switch_that_was_undone_makes_the_report_too_old():
    made = planned(host(1, tokens="required"), instances={fleets_made.instance_id(1): instance(1)})
    assert plain(made.left_out) == [{"value": "the metadata options have changed since the report", "hosts": 1}]


def test_who_has_not_changed_is():
    made = planned(
        host(1, account="", owner=""),
        instances={fleets_made.instance_id(1): instance(1, account="9", owner="karpenter x")},
    )
    assert [(each.account, each.owner) for each in made.batches] == [("9", "karpenter x")]


def test_a_host_that_names_no_instance_is_in_no_batch():
    hostile = host(1)
    hostile.key = "i-0123456789abcdef0; reboot"
    made = planned(hostile, host(2, region="eu; reboot"))
    assert [each.instance_ids for each in made.batches] == [(fleets_made.instance_id(2),)]
    assert "reboot" not in made.batches[0].command
    assert plain(made.left_out) == [{"value": "the report names no instance", "hosts": 1}]


def test_credentials_that_were_delivered_by_imdsv1_speak_against_a_report():
    made = planned(host(1), host(2), asks_by_v1={fleets_made.instance_id(1)})
    assert [each.instance_ids for each in made.batches] == [(fleets_made.instance_id(2),)]


def test_how_far_each_owner_is():
    made = planned(host(1), host(2, "not-ready"), host(3, tokens="required"), host(4, owner="kops b"))
    assert [(each.owner, each.hosts, each.switched, each.planned, each.left) for each in made.owners] == [
        ("kops a", 3, 1, 1, 1),
        ("kops b", 1, 0, 1, 0),
    ]
    assert json.loads(json.dumps(plain(made)))["schema"] == "imds-probe.fleet-plan/v1"
