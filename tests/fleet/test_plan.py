import json
from dataclasses import replace

import fleets_made
import pytest

from imds_probe.facts.section import plain
from imds_probe.fleet.comparing import compared
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Host
from imds_probe.fleet.instances import Instance, Listed
from imds_probe.fleet.launching import NO_ANSWER, OTHERS, NotAsked
from imds_probe.fleet.plan import plan
from imds_probe.fleet.plan_page import page_of
from imds_probe.fleet.reasons import Terms
from imds_probe.render.page.blocks import Text

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


ACCEPTED = {"accepted": 2, "accepted_until": "2027-01-31"}


def test_hosts_that_rest_on_accepted_risks_are_no_canaries_come_last_and_are_counted():
    sure = {"confidence": "high"}
    hosts = [host(1, **ACCEPTED, **sure), host(2, "needs-hop-limit", hop_limit_needed=2, **ACCEPTED), host(3), host(4)]
    hosts += [host(5, owner="kops b", **ACCEPTED), host(6, owner="kops b", **ACCEPTED), host(7, **ACCEPTED)]
    one, two, three, four, five, six, seven = (each.key for each in hosts)
    terms = Terms(max_age_s=DAY, raise_hop_limit=True, batch=2)
    made = planned(*hosts, terms=terms)
    assert [(each.wave, each.canary, each.instance_ids, each.by_accepted_risks) for each in made.batches] == [
        (1, True, (three,), 0),
        (2, False, (four, one), 1),
        (2, False, (two,), 1),
        (2, False, (five,), 1),
        (3, False, (seven,), 1),
        (3, False, (six,), 1),
    ]
    assert made.by_accepted_risks.ids == tuple(sorted((one, two, five, six, seven)))
    said = [block.text for part in page_of(made).parts for block in part.blocks if isinstance(block, Text)]
    assert said[0].startswith("5 hosts in the batches can be switched only because risks are accepted")
    assert "kops a in 1/eu-west-1: 2 hosts, confidence medium, 1 by accepted risks" in said
    made = planned(*hosts, terms=replace(terms, without_accepted=True))
    assert sorted(each for batch in made.batches for each in batch.instance_ids) == [three, four]
    assert (made.by_accepted_risks.count, [batch.by_accepted_risks for batch in made.batches]) == (0, [0, 0])
    assert plain(made.left_out) == [{"value": "risks are accepted, and --without-accepted was given", "hosts": 5}]
    assert "accepted" not in " ".join(
        block.text for block in page_of(planned(host(1))).parts[0].blocks if isinstance(block, Text)
    )


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
        ({"managed_by": "eks.amazonaws.com"}, "managed by eks.amazonaws.com"),
        ({"started_at": NOW + 60}, "the report is from the future"),
        ({"valid_until": NOW - 1}, "the verdict has expired"),
        ({"started_at": NOW - DAY - 1}, "the verdict has expired"),
        ({"accepted": 1, "accepted_until": "2026-11-29"}, "an accepted risk has expired"),
        ({"accepted": 1, "accepted_until": "for ever"}, "an accepted risk has expired"),
        ({"accepted": 1}, "an accepted risk has expired"),
        ({"hop_limit": 0, "hop_limit_needed": 2}, "the present hop limit is not known"),
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
        ({"cannot": "managed by eks.amazonaws.com"}, "managed by eks.amazonaws.com"),
        ({"account": "2"}, "account, Region or owner of the instance differ from the report"),
        ({"region": "us-east-1"}, "account, Region or owner of the instance differ from the report"),
        ({"owner": "kops c/b"}, "account, Region or owner of the instance differ from the report"),
        (
            {"launched_at": NOW - 60},
            "the instance was started less than 1 h before the report, so its clock cannot be relied on",
        ),
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
    assert plain(made.left_out) == [{"value": "the report has no instance id", "hosts": 1}]


def test_credentials_that_were_delivered_by_imdsv1_speak_against_a_report():
    made = planned(host(1), host(2), asks_by_v1={fleets_made.instance_id(1)})
    assert [each.instance_ids for each in made.batches] == [(fleets_made.instance_id(2),)]


def test_how_far_each_owner_is():
    made = planned(host(1), host(2, "not-ready"), host(3, tokens="required"), host(4, owner="kops b"))
    assert [(each.owner, each.hosts, each.switched, each.planned, each.left) for each in made.owners] == [
        ("kops a", 3, 1, 1, 1),
        ("kops b", 1, 0, 1, 0),
    ]
    assert [each.template_may_require for each in made.owners] == [False, None]
    assert json.loads(json.dumps(plain(made)))["schema"] == "imds-probe.fleet-plan/v1"


def test_an_owner_is_done_only_where_all_of_its_instances_are_known_to_be():
    hosts = host(1), host(2, owner="kops b"), host(3, owner="kops b"), host(4, owner="")
    known = [instance(1, owner="kops a"), instance(2, owner="kops b"), instance(4), instance(5, owner="kops a")]
    made = planned(*hosts, instances={each.instance_id: each for each in known})  # the third host is gone
    assert [(each.owner, each.hosts, each.silent, each.left, each.template_may_require) for each in made.owners] == [
        *(("", 1, 0, 0, None), ("kops a", 2, 1, 1, False), ("kops b", 1, 0, 0, True))
    ]


def test_ec2_says_in_which_group_a_host_is():
    """The kinds may differ, as a host sees its cluster and the tags have the group; then no report chooses its batch."""
    known = {fleets_made.instance_id(1): instance(1, owner="auto-scaling x")}
    made = planned(host(1, account=""), instances=known | {fleets_made.instance_id(2): instance(2, account="1")})
    assert [each.owner for each in made.batches] == ["auto-scaling x"]


def test_a_hop_limit_is_never_lowered_nor_left_where_a_higher_one_is_needed():
    terms = Terms(max_age_s=DAY, raise_hop_limit=True)
    unknown = host(1, "needs-hop-limit", hop_limit=0, hop_limit_needed=2)
    now = {fleets_made.instance_id(1): instance(1, hop_limit=5)}
    for hosts, known, why in (
        (unknown, now, "a higher hop limit is needed, and it is not known which"),
        (unknown, None, "the present hop limit is not known"),
        (host(1, "needs-hop-limit"), None, "a higher hop limit is needed, and it is not known which"),
    ):
        made = planned(hosts, terms=terms, instances=known)
        assert plain(made.left_out) == [{"value": why, "hosts": 1}]
    now[fleets_made.instance_id(1)].hop_limit = 1
    assert [each.hop_limit for each in planned(unknown, terms=terms, instances=now).batches] == [2]
    ready = host(1, hop_limit=0, hop_limit_needed=2)
    now[fleets_made.instance_id(1)].hop_limit = 3
    assert [each.hop_limit for each in planned(ready, instances=now).batches] == [None]


def test_a_newer_report_without_an_id_may_be_of_any_instance_of_its_host_name():
    nameless = host(9, "not-ready", hostname="web", account="")
    nameless.key = "host web"
    made = planned(host(1, started_at=NOW - 5, hostname="web"), host(2, hostname="db"), nameless)
    assert [each.instance_ids for each in made.batches] == [(fleets_made.instance_id(2),)]
    nameless.started_at = NOW - 9
    assert planned(host(1, started_at=NOW - 5, hostname="web"), nameless).planned == 1


def test_whose_word_a_plan_is_made_on():
    hosts = host(1), host(2, vouched="stream"), host(3, vouched="")
    made = planned(*hosts, rows_not_read=3)
    one, two, three = map(fleets_made.instance_id, (1, 2, 3))
    assert (made.planned, made.by_stream.ids, made.unvouched.ids, made.cloudtrail_rows_not_read) == (
        3,
        (two,),
        (three,),
        3,
    )
    # A report that anybody can have made takes the place of none that is kept where only its host can write.
    made = planned(*hosts, host(3, "not-ready", started_at=NOW - DAY), host(1, started_at=NOW - 5, vouched=""))
    assert [each for batch in made.batches for each in batch.instance_ids] == [one, two]


@pytest.mark.parametrize(
    ("of_host", "of_instance", "why"),
    [
        (
            {"template": "lt-1:3"},
            {"template": "lt-1:4"},
            "the instance was made from another launch template than the report says",
        ),
        (
            {"next_template": "lt-1:3"},
            {"next_template": "lt-1:4"},
            "the launch template of its group has changed since the report",
        ),
        ({"template": "lt-1:3"}, {"template": "lt-1:3", "next_template": "lt-1:4"}, None),
        (
            {"next_template": "lt-1:3"},
            {"next_template": OTHERS},
            "the launch template of its group has changed since the report",
        ),
        (
            {"next_template": "lt-1:3"},
            {"next_template": NO_ANSWER},
            "EC2 did not say which launch template its group has now",
        ),
        ({"owner": "auto-scaling web"}, {"owner": ""}, "the instance is in no Auto Scaling group any more"),
        ({}, {"template": "lt-1:3", "next_template": "lt-1:4"}, None),
        ({"template": "lt-1:3", "next_template": "lt-1:3"}, {}, None),
    ],
)
def test_a_host_whose_launch_template_is_another_today_is_left_out(of_host, of_instance, why):
    one = instance(1, **of_instance)
    made = planned(host(1, **of_host), instances={one.instance_id: one})
    assert [each.value for each in made.left_out] == ([why] if why else [])


def test_a_host_of_a_region_that_was_not_asked_is_left_out_and_not_called_gone():
    listed = Listed({fleets_made.instance_id(1): instance(1)})
    listed.asked = frozenset((("1", "eu-west-1"),))
    hosts = [host(1), host(2), host(3, region="us-east-1"), host(4, account="2")]
    made = planned(*hosts, instances=listed)
    assert {each.value: each.hosts for each in made.left_out} == {
        "not among the instances any more": 1,
        "EC2 was not asked about its account and Region": 2,
    }
    assert compared({each.key: each for each in hosts}, listed).gone.ids == (fleets_made.instance_id(2),)


def test_a_template_waits_for_what_its_reports_say_whatever_becomes_of_the_hosts():
    waits = "1 file that ran once here asks without a token [code-imdsv1-once]"
    for here, expected, because in (
        ((host(1), host(2)), True, []),
        ((host(1, template_waits=waits), host(2)), False, [(waits, 1)]),
        ((host(1, template_waits=waits, tokens="required"), host(2, template_waits=waits)), False, [(waits, 2)]),
        ((host(1), host(2, template_waits=None)), None, []),
        ((host(1, template_waits=waits), host(2, template_waits=None)), False, [(waits, 1)]),
    ):
        known = {each.key: instance(0, owner="kops a", tokens=each.tokens) for each in here}
        made = planned(*here, instances=known)
        (owner,) = made.owners
        assert (made.planned + owner.switched, owner.left) == (2, 0)
        assert owner.template_may_require is expected
        assert [(each.value, each.hosts) for each in owner.template_waits_for] == because
        tables = {part.heading: getattr(part.blocks[-1], "rows", ()) for part in page_of(made).parts}
        assert tables["Owners"][0][-1] == {True: "yes", False: "not yet", None: "not known"}[expected]
        assert [row[1:] for row in tables.get("Templates that have to wait", ())] == [(str(n), w) for w, n in because]
    assert [each.template_may_require for each in planned(host(1, template_waits=waits)).owners] == [False]


def listed(*instances, asked):
    made = Listed({each.instance_id: each for each in instances})
    made.asked = frozenset(asked)
    return made


def test_an_owners_template_waits_for_all_places_that_it_has_hosts_in():
    known = instance(1, account="1", region="eu-west-1", owner="kops a")
    for asked, hosts, expected in (
        ([("1", "eu-west-1")], [host(1)], True),
        # The list of eu-west-1 broke off: there may be more.
        ([("1", "us-east-1")], [host(1)], None),
        ([("1", "us-east-1")], [host(1), host(2, "not-ready")], False),
        # A host that nobody asked about is not gone.
        ([("1", "eu-west-1")], [host(1), host(2, "not-ready", region="us-east-1")], False),
        ([("1", "eu-west-1")], [host(1), host(2, tokens="required", region="us-east-1")], None),
    ):
        made = planned(*hosts, instances=listed(known, asked=asked))
        assert [(each.owner, each.template_may_require) for each in made.owners] == [("kops a", expected)], asked


def test_a_file_adds_accounts_that_ec2_was_not_asked_about_and_nothing_else():
    here, there = {"account": "1", "region": "eu-west-1"}, {"account": "1", "region": "us-east-1"}
    by_ec2 = listed(instance(1, **here), asked=[("1", "eu-west-1")])
    by_file = Listed(
        (each.instance_id, each)
        for each in (
            instance(1, **here, state="stopped"),
            instance(2, **here),  # terminated meanwhile
            instance(3, **there),
            instance(4, account="2", region="eu-west-1"),
        )
    )
    made = by_ec2.with_file(by_file)
    assert [(key, each.state) for key, each in sorted(made.items())] == [
        (fleets_made.instance_id(number), "running") for number in (1, 3, 4)
    ]
    hosts = [host(2), host(5, region="us-west-2"), host(6, region="us-east-1"), host(7, account="2", region="x")]
    left_out = planned(host(1), *hosts, instances=made).left_out
    assert {each.value: each.hosts for each in left_out} == {
        "not among the instances any more": 3,
        "EC2 was not asked about its account and Region": 1,
    }


def test_what_aws_did_not_answer_is_said_before_the_switch():
    refused = NotAsked("eu-west-1", "autoscaling:DescribeAutoScalingGroups", "not allowed (AccessDenied)")
    made = planned(host(1), instances=listed(instance(1), asked=[("1", "eu-west-1")]), not_answered=[refused] * 9)
    assert plain(made)["not_answered"][0]["action"] == "autoscaling:DescribeAutoScalingGroups"
    first, *_ = page_of(made).parts
    said = [block.text for block in first.blocks]
    assert said[0].startswith(f"AWS did not answer in eu-west-1: {refused.action}: not allowed (AccessDenied).")
    assert said[-1] == "AWS did not answer 4 more calls. The JSON plan names them."
