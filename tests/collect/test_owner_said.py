"""Owners by the instance's metadata: a simulator serves tags and lifecycle states as EC2 does."""

from __future__ import annotations

import time

import pytest

from imds_probe.collect.options import Service
from imds_probe.collect.owner_said import LIFECYCLE_PATH, OwnersSaid, said_by_metadata
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.imds.client import MetadataClient, RequestCounter
from imds_probe.imds.endpoints import from_environment
from imds_probe.simulator.server import Simulator

GROUP = "aws:autoscaling:groupName"


def said(tags: dict[str, str] | None, state: str | None = None) -> tuple[OwnersSaid, list[str]]:
    """What is made of these tags, None where none are served; and the paths that were asked for."""
    with Simulator() as simulator:
        simulator.update(autoscaling_target_lifecycle_state=state)
        if tags is not None:
            simulator.update(instance_metadata_tags="enabled", tags=tags)
        endpoint = from_environment({"AWS_EC2_METADATA_SERVICE_ENDPOINT": simulator.url}).primary
        client = MetadataClient(endpoint, deadline=time.monotonic() + 60, counter=RequestCounter())
        assert client.put_token().ok
        found = said_by_metadata(Service(client, tuple(name.encode() for name in tags or ())))
        return found, list(simulator.counts.by_path)


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({GROUP: "web-blue"}, Owner("auto-scaling", "web-blue", (f"tag {GROUP}=web-blue",))),
        (
            {"eks:nodegroup-name": "web", "eks:cluster-name": "shop"},
            Owner("eks-node-group", "web", ("tag eks:nodegroup-name=web",), "shop"),
        ),
        (
            {"elasticbeanstalk:environment-name": "shop-prod"},
            Owner("elastic-beanstalk", "shop-prod", ("tag elasticbeanstalk:environment-name=shop-prod",)),
        ),
        ({"aws:ec2:fleet-id": "fleet-1"}, Owner("ec2-fleet", "fleet-1", ("tag aws:ec2:fleet-id=fleet-1",))),
    ],
)
def test_a_tag_names_the_owner(tags, owner):
    assert said({"Name": "x", **tags})[0].owners == (owner,)


def test_a_lifecycle_state_tells_of_a_group_where_no_tag_does():
    found, asked = said(None, "InService")
    assert found.owners == (Owner("auto-scaling", None, ("autoscaling/target-lifecycle-state is InService",)),)
    assert found.group is None
    assert LIFECYCLE_PATH in asked
    found, asked = said({GROUP: "web"}, "InService")
    assert [owner.name for owner in found.owners] == ["web"]
    assert found.group == "web"
    assert LIFECYCLE_PATH not in asked  # the tag has told


def test_nothing_served_names_nobody():
    assert said(None)[0] == said({"Name": "x"})[0] == OwnersSaid()
    assert said_by_metadata(Service(None, ())) == OwnersSaid()


@pytest.mark.parametrize(("version", "known"), [("7", "7"), ("$Latest", None)])
def test_the_launch_template_is_known_by_its_tags(version, known):
    tags = {"aws:ec2launchtemplate:id": "lt-0123456789abcdef0", "aws:ec2launchtemplate:version": version}
    assert said(tags)[0].launched_from == LaunchedFrom(
        "lt-0123456789abcdef0", known, "tag aws:ec2launchtemplate:id=lt-0123456789abcdef0"
    )
    assert said({"aws:ec2launchtemplate:id": "lt-0; reboot"})[0].launched_from is None


def test_text_that_is_no_name_is_none():
    assert said({GROUP: "two\nlines"})[0].owners == ()
