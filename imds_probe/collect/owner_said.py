"""What the instance's metadata says of its owner: tags, where they are served, and whether it is in an Auto Scaling group."""

from __future__ import annotations

import re

from imds_probe.collect.options import TAGS_PATH, Service
from imds_probe.dataclass import dataclass
from imds_probe.facts.owner import LaunchedFrom, Owner, OwnerKind
from imds_probe.imds.client import MetadataClient

LIFECYCLE_PATH = "/latest/meta-data/autoscaling/target-lifecycle-state"
GROUP_TAG = "aws:autoscaling:groupName"  # which EC2 Auto Scaling gives to what it launches
TEMPLATE_TAG, TEMPLATE_VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"
CLUSTER_TAG = "eks:cluster-name"
# The tags that each owner gives to what it launches. A key with a slash is in no metadata, and a host whose tags have one
# serves none at all: that a tag is missing says nothing.
OWNER_TAGS: dict[str, OwnerKind] = {
    "eks:nodegroup-name": "eks-node-group",
    "elasticbeanstalk:environment-name": "elastic-beanstalk",
    "aws:elasticmapreduce:job-flow-id": "emr",
    "parallelcluster:cluster-name": "parallelcluster",
    GROUP_TAG: "auto-scaling",
    "aws:ec2:fleet-id": "ec2-fleet",
    "aws:ec2spot:fleet-request-id": "spot-fleet",
}
TAG_TEXT = re.compile(r"[ -~]{1,255}")
LAUNCH_TEMPLATE = re.compile(r"lt-[0-9a-f]{8,17}")
VERSION_NUMBER = re.compile(r"[0-9]{1,9}")
LIFECYCLE_STATE = re.compile(r"[A-Za-z:]{1,64}")


@dataclass(frozen=True)
class OwnersSaid:
    """Owners by their tags, the launch template, and the name of the Auto Scaling group."""

    owners: tuple[Owner, ...] = ()
    launched_from: LaunchedFrom | None = None
    group: str | None = None


def said_by_metadata(service: Service) -> OwnersSaid:
    """Ask for what may be there: the tags whose names were served, and the lifecycle state where no tag names a group."""
    client = service.client
    if client is None:
        return OwnersSaid()
    wanted = (*OWNER_TAGS, TEMPLATE_TAG, TEMPLATE_VERSION_TAG, CLUSTER_TAG)
    tags = {name: value for name in wanted if name.encode() in service.tags and (value := _tag(client, name))}
    owners = [
        Owner(
            kind, tags[name], (f"tag {name}={tags[name]}",), tags.get(CLUSTER_TAG) if name.startswith("eks:") else None
        )
        for name, kind in OWNER_TAGS.items()
        if name in tags
    ]
    if GROUP_TAG not in tags:
        state = client.get(LIFECYCLE_PATH)
        text = state.body.decode("utf-8", "replace").strip()
        if state.ok and LIFECYCLE_STATE.fullmatch(text):
            owners.append(Owner("auto-scaling", None, (f"autoscaling/target-lifecycle-state is {text}",)))
    return OwnersSaid(tuple(owners), _template(tags), tags.get(GROUP_TAG))


def _tag(client: MetadataClient, name: str) -> str | None:
    """The value of a tag, if it is printable ASCII."""
    reply = client.get(f"{TAGS_PATH}/{name}")
    value = reply.body.decode("utf-8", "replace")
    return value if reply.ok and TAG_TEXT.fullmatch(value) else None


def _template(tags: dict[str, str]) -> LaunchedFrom | None:
    template, version = tags.get(TEMPLATE_TAG, ""), tags.get(TEMPLATE_VERSION_TAG, "")
    if not LAUNCH_TEMPLATE.fullmatch(template):
        return None
    return LaunchedFrom(
        template, version if VERSION_NUMBER.fullmatch(version) else None, f"tag {TEMPLATE_TAG}={template}"
    )
