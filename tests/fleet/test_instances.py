import json

import fleets_made
import pytest

from imds_probe.errors import UsageError
from imds_probe.fleet.instances import described


def instance(number, **more):
    return {
        "InstanceId": f"i-{number:017x}",
        "ImageId": "ami-1",
        "InstanceType": "m5.large",
        "LaunchTime": "2026-11-30T00:00:00+00:00",
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "State": {"Code": 16, "Name": "running"},
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "optional",
            "HttpPutResponseHopLimit": 2,
            "HttpEndpoint": "enabled",
        },
        **more,
    }


def tagged(**tags):
    return {"Tags": [{"Key": key.replace("__", ":"), "Value": value} for key, value in tags.items()]}


@pytest.fixture
def read(tmp_path):
    def read(*pages, tags=(), indent=4):
        path = tmp_path / "instances.json"
        path.write_text("\n".join(page if isinstance(page, str) else json.dumps(page, indent=indent) for page in pages))
        return described([str(path)], tags)

    return read


def reservation(*instances):
    return {"Groups": [], "OwnerId": "111111111111", "Instances": list(instances)}


def test_pages_and_queries(read):
    one, two = instance(1), instance(2)
    for pages in (
        [{"Reservations": [reservation(one), reservation(two)]}],
        [{"Reservations": [reservation(one)], "NextToken": "x"}, {"Reservations": [reservation(two)]}],
        [[one, two]],
        [[[one], [two]]],
        [[reservation(one, two)]],
        [one, two],
    ):
        for indent in (None, 4):
            assert list(read(*pages, indent=indent)) == [one["InstanceId"], two["InstanceId"]]


def test_what_is_known_of_an_instance(read):
    (found,) = read(
        {"Reservations": [reservation(instance(1, **tagged(aws__autoscaling__groupName="web", Team="a")))]},
        tags=("Team", "x"),
    ).values()
    assert (found.account, found.region, found.ami, found.instance_type) == (
        "111111111111",
        "eu-west-1",
        "ami-1",
        "m5.large",
    )
    assert (found.tokens, found.hop_limit, found.endpoint, found.state) == ("optional", 2, "enabled", "running")
    assert found.launched_at == fleets_made.NOW
    assert found.owner == "auto-scaling web"
    assert found.tags == ("a", "")
    assert found.cannot == ""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"Platform": "windows"}, "Windows"),
        ({"InstanceType": "mac2.metal"}, "macOS"),
        ({"Operator": {"Managed": True, "Principal": "eks.amazonaws.com"}}, "managed by eks.amazonaws.com"),
        ({"Operator": {"Managed": False}}, ""),
    ],
)
def test_where_no_report_can_come_from(read, more, why):
    (found,) = read([instance(1, **more)]).values()
    assert found.cannot == why


def test_zones_of_all_kinds_have_a_region(read):
    for zone, region in (("us-west-2-lax-1a", "us-west-2"), ("us-gov-east-1a", "us-gov-east-1"), ("", ""), ("x", "")):
        (found,) = read([instance(1, Placement={"AvailabilityZone": zone})]).values()
        assert found.region == region


def test_what_is_on_the_way_out_is_left_out(read):
    states = ("pending", "running", "stopping", "stopped", "shutting-down", "terminated")
    found = read([instance(at, State={"Name": state}) for at, state in enumerate(states)])
    assert [each.state for each in found.values()] == ["pending", "running", "stopping", "stopped"]


@pytest.mark.parametrize(
    "page",
    [
        "",
        "no json",
        '{"Reservations": []}',
        '{"Reservations": [{"Instances": [{"ImageId": 5}]}]}',
        '[{"a": 1}]',
        '[{"InstanceId"',
    ],
)
def test_a_list_that_is_none_is_refused(read, page):
    with pytest.raises(UsageError, match="describe-instances"):
        read(page)


def test_of_several_files_the_last_one_counts_and_one_may_be_empty(tmp_path):
    one, gone = instance(1), instance(1, State={"Name": "terminated"})
    for number, content in enumerate(([one, instance(2)], {"Reservations": []}, [gone])):
        (tmp_path / str(number)).write_text(json.dumps(content))
    paths = [str(tmp_path / str(number)) for number in range(3)]
    assert list(described(paths)) == [instance(2)["InstanceId"]]
    with pytest.raises(UsageError, match="no instance is in"):
        described(paths[1:])


def test_an_owner_is_named_with_its_cluster(read):
    (found,) = read([instance(1, Tags=_NODE_GROUP)]).values()
    assert found.owner == "eks-node-group c/web"


_NODE_GROUP = [{"Key": "eks:nodegroup-name", "Value": "web"}, {"Key": "eks:cluster-name", "Value": "c"}]
