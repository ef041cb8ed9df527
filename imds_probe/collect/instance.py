"""Who this instance is, by its identity document."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from imds_probe.collect.collector import Collected, Collector, Join
from imds_probe.collect.context import Context
from imds_probe.collect.options import Service
from imds_probe.collect.owner import chosen
from imds_probe.collect.owner_said import OwnersSaid, said_by_metadata
from imds_probe.collect.owner_tasks import OwnersSeen
from imds_probe.dataclass import dataclass
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.imds.replies import Outcome, Reply

PATH = "/latest/dynamic/instance-identity/document"
# What goes into a command line to paste must be exactly what it claims to be, whoever answered.
SHAPES = {
    "instanceId": r"i-[0-9a-f]{8,17}",
    "region": r"[a-z]{2}(-[a-z]+)+-\d{1,2}",
    "availabilityZone": r"[a-z]{2}(-[a-z0-9]+)+",
    "accountId": r"\d{12}",
    "imageId": r"ami-[0-9a-f]{8,17}",
    "instanceType": r"[a-z0-9][a-z0-9.-]{1,40}",
}


@dataclass(frozen=True)
class Identity:
    """What the service says of the instance, and of its owner. `document` is None where it was not served."""

    document: Instance | None
    said: OwnersSaid = OwnersSaid()


def _collect(context: Context) -> Collected:
    service = context.get(Service)
    if service is None or service.client is None:
        return Collected((Identity(None),), nothing="there was no token to ask with")
    reply = service.client.get(PATH)
    document = parse(reply.body) if reply.ok else None
    if document is None:
        return Collected((Identity(None),), nothing=why_missing(reply))
    said = said_by_metadata(service)
    return Collected((Identity(replace(document, auto_scaling_group=said.group), said),))


def instance_of(context: Context) -> Instance | None:
    """By its document, else by what the firmware says of it, None where nothing does."""
    identity, firmware = context.get(Identity), context[Platform]
    if identity is not None and identity.document is not None:
        return identity.document
    return Instance(instance_id=firmware.instance_id) if firmware.instance_id else None


def _joined(context: Context) -> Instance | None:
    """The instance with its owner, by metadata and by the host."""
    identity, seen = context.get(Identity), context.get(OwnersSeen) or OwnersSeen()
    said = identity.said if identity is not None else OwnersSaid()
    instance, owner = instance_of(context), chosen((*seen.owners, *said.owners))
    launched_from = seen.launched_from or said.launched_from
    if owner is None and launched_from is None:
        return instance
    return replace(instance or Instance(), owner=owner, launch_template=launched_from)


def parse(body: bytes) -> Instance | None:
    """Read an identity document. A field of the wrong shape is None; anything but a JSON object gives None."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None

    def field(name: str) -> str | None:
        value = document.get(name)
        return value if isinstance(value, str) and re.fullmatch(SHAPES[name], value) else None

    return Instance(
        instance_id=field("instanceId"),
        region=field("region"),
        availability_zone=field("availabilityZone"),
        account_id=field("accountId"),
        image_id=field("imageId"),
        instance_type=field("instanceType"),
    )


def why_missing(reply: Reply) -> str:
    """One sentence on why there is no document."""
    if reply.outcome is Outcome.OK:
        return "the identity document is not a JSON object"
    return f"the identity document was not served: {reply.detail}"


COLLECTOR = Collector(
    id="identity",
    collect=_collect,
    gives=(Identity,),
    without="the identity of this instance",
    needs=(Service,),
    applies=lambda context: context.get(Service) is not None,
    aside=True,
    confirms=True,
)
JOIN = Join(gives=Instance, join=_joined, without="the identity of this instance")
