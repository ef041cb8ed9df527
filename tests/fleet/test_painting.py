import json

import fleets_made
import pytest

from imds_probe.facts.section import plain
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Fix, Host
from imds_probe.fleet.painting import picture

NOW = int(fleets_made.NOW)
DAY = 86400
OLD, SCRIPT = Fix("software", "cloud-init 18.3", "software-too-old"), Fix("script", "/opt/x.sh", "imdsv1-caller")


def fleet(*hosts, by=("owner",), **more):
    found = Gathered(NOW)
    for at, each in enumerate(hosts):
        values = {
            "state": "ready",
            "confidence": "medium",
            "started_at": NOW,
            "key": fleets_made.instance_id(at),
            **each,
        }
        found.add(Host(run=0, detail=WHOLE, version="0.1.0", **values))
    return picture(found, by=by, max_age_s=7 * DAY, **more)


def test_verdicts_with_confidence_and_evidence():
    made = fleet(
        {"evidence": ("capability", "code"), "tokens": "required"},
        {"confidence": "high", "evidence": ("capability",), "accepted": 2, "accepted_until": "2027-01-31"},
        {"state": "unknown", "confidence": "low", "cannot": "not an EC2 instance"},
        {"state": "not-ready", "fixes": (OLD,), "accepted": 1, "accepted_until": "2026-12-31"},
    ).verdicts
    assert (made.hosts, made.assessed, made.switchable, made.switched) == (4, 3, 2, 1)
    assert [(each.state, each.hosts) for each in made.by_state] == [
        *(("ready", 2), ("needs-hop-limit", 0), ("not-ready", 1), ("unknown", 1))
    ]
    assert plain(made.by_state[0].confidence) == [{"value": "high", "hosts": 1}, {"value": "medium", "hosts": 1}]
    assert plain(made.by_state[0].evidence) == [{"value": "capability", "hosts": 2}, {"value": "code", "hosts": 1}]
    assert plain(made.cannot) == [{"value": "not an EC2 instance", "hosts": 1}]
    assert (made.accepted_hosts, made.accepted_risks, made.accepted_until) == (2, 3, "2026-12-31")


def test_a_host_whose_accepted_risk_has_expired_is_not_ready_any_more():
    """Its finding counts again, and what it implies is known only to the next run on the host."""
    risk = {"accepted": 1, "confidence": "high"}
    made = fleet(
        {**risk, "accepted_until": "2026-11-29"},
        {**risk, "accepted_until": "2026-11-30"},
        {**risk, "accepted_until": "2026-02-30", "state": "needs-hop-limit"},
        {**risk, "accepted_until": "2026-11-29", "state": "not-ready", "fixes": (OLD,)},
    )
    assert made.verdicts.switchable == 1
    states = {each.state: each.hosts for each in made.verdicts.by_state}
    assert states == {"ready": 1, "needs-hop-limit": 0, "not-ready": 1, "unknown": 2}
    assert [(each.fix.name, each.frees) for each in made.way.steps] == [
        ("acceptance-expired", 2),
        ("cloud-init 18.3", 1),
    ]


def test_the_way_with_shares_and_owners():
    held = {"state": "not-ready", "fixes": (OLD,), "owner": "auto-scaling web"}
    made = fleet(
        *[{}] * 5, *[held] * 3, held | {"fixes": (SCRIPT,), "owner": "kops a"}, {"state": "unknown", "cannot": "x"}
    ).way
    assert [(each.percent, each.fixes) for each in made.marks] == [(50, 0), (80, 1), (95, 2)]
    assert [(each.fix.name, each.frees, each.free, each.percent) for each in made.steps] == [
        ("cloud-init 18.3", 3, 8, 88.8),
        ("/opt/x.sh", 1, 9, 100),
    ]
    assert plain(made.steps[0].owners) == [{"value": "auto-scaling web", "hosts": 3}]
    assert [(each.fix.name, each.alone) for each in made.alone] == [("cloud-init 18.3", 3), ("/opt/x.sh", 1)]


def test_a_share_that_no_fix_reaches_is_said():
    held = {"state": "not-ready", "fixes": (OLD,), "fixes_left_out": 1}
    assert [each.fixes for each in fleet({}, held, held).way.marks] == [None, None, None]
    assert [each.fixes for each in fleet({"state": "unknown", "cannot": "x"}).way.marks] == [None, None, None]


def test_ages():
    old = [0, 2, 8, 40, -2]
    made = fleet(*({"started_at": NOW - each * DAY} for each in old)).ages
    assert (made.within_day, made.within_week, made.within_month, made.older, made.from_future, made.stale) == (
        1,
        1,
        1,
        1,
        1,
        2,
    )
    assert made.oldest == "2026-10-21T00:00:00Z"


def test_groups_by_every_key():
    made = fleet(
        {"account": "1", "os": "debian 12", "owner": "kops a"},
        {"account": "1", "os": "amzn 2", "state": "unknown"},
        {"account": "2", "state": "not-ready"},
        by=("account", "os", "region", "ami", "type", "owner"),
    )
    account = [each for each in made.groups if each.by == "account"]
    assert [(each.value, each.hosts, each.free, each.not_ready, each.unknown) for each in account] == [
        ("1", 2, 1, 0, 1),
        ("2", 1, 0, 1, 0),
    ]
    assert {each.by for each in made.groups} == {"account", "os", "region", "ami", "type", "owner"}
    assert made.groups_left_out == 0


def test_lists_are_bounded_and_counted():
    hosts = [
        {"state": "not-ready", "owner": f"kops {at}", "fixes": (Fix("script", f"/opt/{at:03}", "x"),)}
        for at in range(150)
    ]
    made = fleet(*hosts)
    assert (len(made.groups), made.groups_left_out) == (100, 50)
    assert (len(made.way.alone), len(made.way.steps), made.way.fixes) == (100, 100, 150)
    assert [each.fixes for each in made.way.marks] == [75, 120, 143]
    assert len(made.hosts.not_ready) == 150


@pytest.mark.parametrize("hosts", [(), ({},)])
def test_a_small_fleet_is_a_fleet(hosts):
    made = fleet(*hosts)
    assert json.loads(json.dumps(plain(made)))["schema"] == "imds-probe.fleet/v1"
    assert made.made_at == "2026-11-30T00:00:00Z"
