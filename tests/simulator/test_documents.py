"""The tree of paths, as the EC2 User Guide's category tables have it."""

import json

import pytest

from imds_probe.simulator.credentials import Credentials
from imds_probe.simulator.documents import VERSIONS, Documents
from imds_probe.simulator.state import InstanceState

NOW_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def documents(**state) -> Documents:
    return Documents(InstanceState(**state), Credentials(), NOW_S)


def text(built: Documents, path: str) -> str:
    document = built.get(path)
    assert document is not None, path
    return document.body.decode()


def test_the_root_lists_versions():
    assert text(documents(), "/").splitlines() == list(VERSIONS)
    assert VERSIONS[0] == "1.0" and VERSIONS[-1] == "latest"


@pytest.mark.parametrize("version", ["latest", "1.0", "2009-04-04", "2021-03-23"])
def test_every_version_serves(version):
    built = documents(user_data="x")
    assert text(built, f"/{version}/") == "dynamic\nmeta-data\nuser-data"
    assert text(built, f"/{version}/meta-data/instance-id") == "i-0123456789abcdef0"


@pytest.mark.parametrize("path", ["/2020-01-01/", "/latest/nothing", "/latest/meta-data/instance-id/x", "/meta-data/"])
def test_absent(path):
    assert documents().get(path) is None


def test_listings_mark_directories_and_both_spellings_serve():
    built = documents()
    entries = text(built, "/latest/meta-data/").splitlines()
    assert {"ami-id", "placement/", "network/", "events/", "mac"} <= set(entries)
    assert not text(built, "/latest/meta-data/").endswith("\n")
    assert built.get("/latest/meta-data") == built.get("/latest/meta-data/")
    assert built.get("/latest/meta-data/ami-id/") == built.get("/latest/meta-data/ami-id")


def test_each_listing_leads_to_something():
    built = documents(
        iam_role="web",
        instance_metadata_tags="enabled",
        spot_instance_action="terminate",
        rebalance_notice_time="2026-01-01T00:00:00Z",
        autoscaling_target_lifecycle_state="InService",
        public_ip="192.0.2.1",
        user_data="x",
    )
    waiting, seen = ["/latest/dynamic/", "/latest/meta-data/"], 0
    while waiting:
        path = waiting.pop()
        for entry in text(built, path).splitlines():
            seen += 1
            if entry.endswith("/"):
                waiting.append(path + entry)
            else:
                assert built.get(path + entry) is not None, path + entry
    assert seen > 50


ABSENT_BY_DEFAULT = {
    "/latest/user-data": {"user_data": "#!/bin/sh"},
    "/latest/meta-data/iam/info": {"iam_role": "web"},
    "/latest/meta-data/iam/security-credentials/web": {"iam_role": "web"},
    "/latest/meta-data/tags/instance": {"instance_metadata_tags": "enabled"},
    "/latest/meta-data/spot/instance-action": {"spot_instance_action": "stop"},
    "/latest/meta-data/spot/termination-time": {"spot_instance_action": "terminate"},
    "/latest/meta-data/events/recommendations/rebalance": {"rebalance_notice_time": "2026-01-01T00:00:00Z"},
    "/latest/meta-data/autoscaling/target-lifecycle-state": {"autoscaling_target_lifecycle_state": "InService"},
    "/latest/meta-data/public-ipv4": {"public_ip": "192.0.2.1"},
    "/latest/meta-data/public-keys/0/openssh-key": {"key_name": "mine"},
}


@pytest.mark.parametrize("path", ABSENT_BY_DEFAULT)
def test_items_that_come_with_a_field(path):
    assert documents().get(path) is None
    assert documents(**ABSENT_BY_DEFAULT[path]).get(path) is not None


def test_user_data_as_it_is():
    document = documents(user_data="a\r\n\u00e9").get("/latest/user-data")
    assert document is not None
    assert (document.body, document.content_type) == ("a\r\n\u00e9".encode(), "application/octet-stream")


def test_tags():
    built = documents(instance_metadata_tags="enabled", tags={"Name": "web", "a:b": ""})
    assert text(built, "/latest/meta-data/tags/instance").splitlines() == ["Name", "a:b"]
    assert text(built, "/latest/meta-data/tags/instance/Name") == "web"


def test_the_identity_document():
    document = json.loads(text(documents(region="eu-west-1"), "/latest/dynamic/instance-identity/document"))
    assert document["region"] == "eu-west-1"
    assert {"instanceId", "accountId", "imageId", "instanceType", "availabilityZone", "privateIp"} <= set(document)
    for signed in ("pkcs7", "signature", "rsa2048"):
        assert "EXAMPLE" in text(documents(), f"/latest/dynamic/instance-identity/{signed}")


def test_credentials_carry_dates():
    built = documents(iam_role="web")
    assert text(built, "/latest/meta-data/iam/security-credentials/") == "web"
    role = json.loads(text(built, "/latest/meta-data/iam/security-credentials/web"))
    assert (role["LastUpdated"], role["Expiration"]) == ("2026-01-01T00:00:00Z", "2026-01-01T06:00:00Z")
    info = json.loads(text(built, "/latest/meta-data/iam/info"))
    assert info["InstanceProfileArn"] == "arn:aws:iam::123456789012:instance-profile/web"
    path = "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance"
    assert json.loads(text(built, path))["Code"] == "Success"


def test_notices():
    built = documents(
        spot_instance_action="terminate",
        maintenance_scheduled=({"Code": "system-reboot"},),
        instance_monitoring="enabled",
    )
    action = json.loads(text(built, "/latest/meta-data/spot/instance-action"))
    assert action == {"action": "terminate", "time": "2026-01-01T00:02:00Z"}
    assert text(built, "/latest/meta-data/spot/termination-time") == "2026-01-01T00:02:00Z"
    assert json.loads(text(built, "/latest/meta-data/events/maintenance/scheduled")) == [{"Code": "system-reboot"}]
    assert json.loads(text(built, "/latest/meta-data/events/maintenance/history")) == []
    assert text(built, "/latest/dynamic/fws/instance-monitoring") == "enabled"
    stopping = documents(spot_instance_action="stop", spot_action_time="2026-02-01T00:00:00Z")
    assert stopping.get("/latest/meta-data/spot/termination-time") is None
    assert "2026-02-01" in text(stopping, "/latest/meta-data/spot/instance-action")


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_partitions(region, partition):
    assert text(documents(region=region), "/latest/meta-data/services/partition") == partition
