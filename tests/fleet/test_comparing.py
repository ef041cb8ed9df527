import json

import fleets_made
import pytest

from imds_probe.errors import UsageError
from imds_probe.facts.section import plain
from imds_probe.fleet.bounded import Ids
from imds_probe.fleet.comparing import compared, differs, picture_before, restarted
from imds_probe.fleet.gathering import Gathered
from imds_probe.fleet.hosts import WHOLE, Fix, Host
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.painting import picture

NOW = int(fleets_made.NOW)
OLD, SCRIPT = Fix("software", "cloud-init 18.3", "software-too-old"), Fix("script", "/opt/x.sh", "imdsv1-caller")


def instance(number, **more):
    values = {
        "state": "running",
        "launched_at": 0,
        "tokens": "optional",
        "hop_limit": 2,
        "endpoint": "enabled",
        "cannot": "",
    }
    values |= {"account": "", "region": "", "ami": "", "instance_type": "", "owner": ""}
    return Instance(fleets_made.instance_id(number), **(values | more))


def host(number, state="ready", **more):
    values = {"tokens": "optional", "hop_limit": 2, "endpoint": "enabled", **more}
    return Host(fleets_made.instance_id(number), NOW, 0, WHOLE, "0.1.0", state, "medium", **values)


def keyed(*entries):
    return {getattr(each, "key", None) or each.instance_id: each for each in entries}


def test_both_sides_are_compared():
    found = compared(
        keyed(host(1), host(2), host(3), host(9)),
        keyed(
            *(instance(1), instance(2, hop_limit=3), instance(3, launched_at=NOW + 5, tokens="required"), instance(4)),
            *(
                instance(5, state="stopped"),
                instance(6, cannot="Windows"),
                instance(7, cannot="Windows", state="stopped"),
            ),
        ),
    )
    assert found.instances == 7
    assert found.silent == Ids(1, (fleets_made.instance_id(4),))
    assert found.gone == Ids(1, (fleets_made.instance_id(9),))
    assert found.stopped == 1
    assert plain(found.cannot) == [{"value": "Windows", "hosts": 2}]
    assert found.differing == Ids(2, (fleets_made.instance_id(2), fleets_made.instance_id(3)))
    assert found.restarted == Ids(1, (fleets_made.instance_id(3),))
    assert found.switched == 1


@pytest.mark.parametrize(
    ("of_host", "of_instance", "expected"),
    [
        ({}, {}, False),
        ({"tokens": "unknown", "hop_limit": 0, "endpoint": "unreachable"}, {}, False),
        ({}, {"tokens": "", "hop_limit": 0, "endpoint": ""}, False),
        ({}, {"tokens": "required"}, True),
        ({}, {"hop_limit": 1}, True),
        ({}, {"endpoint": "disabled"}, True),
    ],
)
def test_what_one_side_does_not_know_is_no_difference(of_host, of_instance, expected):
    assert differs(host(1, **of_host), instance(1, **of_instance)) is expected
    assert not restarted(host(1), instance(1, launched_at=NOW))


def painted(*hosts, before=None):
    found = Gathered(NOW)
    for each in hosts:
        found.add(each)
    return picture(found, by=(), max_age_s=1, before=before)


def test_what_has_changed_since_an_earlier_picture():
    held = {"state": "not-ready", "fixes": (OLD,)}
    earlier = painted(host(1, **held), host(2, **held), host(3), host(4))
    before = picture_before(json.dumps(plain(earlier)).encode())
    made = painted(host(1), host(2, **held), host(3, "unknown", fixes=(SCRIPT,)), host(5), before=before).changes
    assert made.since == "2026-11-30T00:00:00Z"
    assert [(each.value, each.hosts) for each in made.before] == [
        *(("ready", 2), ("needs-hop-limit", 0), ("not-ready", 2), ("unknown", 0))
    ]
    assert [each.hosts for each in made.now] == [2, 0, 1, 1]
    for ids, number in ((made.freed, 1), (made.held_back, 3), (made.new, 5), (made.gone, 4)):
        assert ids == Ids(1, (fleets_made.instance_id(number),))
    assert {(each.fix.name, each.before, each.now) for each in made.fixes} == {
        ("cloud-init 18.3", 2, 1),
        ("/opt/x.sh", 0, 1),
    }


def test_a_fix_that_an_earlier_picture_had_no_room_for_is_not_new():
    many = [Fix("script", f"/{at:03}", "x") for at in range(120)]
    earlier = painted(*(host(at, "not-ready", fixes=(fix,)) for at, fix in enumerate(many)))
    before = picture_before(json.dumps(plain(earlier)).encode())
    assert (
        painted(*(host(at, "not-ready", fixes=(fix,)) for at, fix in enumerate(many)), before=before).changes.fixes
        == ()
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"schema": "imds-probe.fleet/v2"}'])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(UsageError, match="no picture"):
        picture_before(content)
