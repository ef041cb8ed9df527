"""Is this an EC2 instance at all?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.platform import Platform
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.rule import NothingToJudge, Rule

NOT_EC2 = Kind(
    id="not-ec2",
    severity="warning",
    implies="unknown",
    title="Not an EC2 instance",
    meaning="Before any packet is sent, the firmware is asked what this machine is: DMI's vendor (Amazon EC2 on "
    "Nitro), the BIOS version, and the hypervisor's UUID (Xen). None of them says EC2. On other "
    "clouds the same link-local address belongs to somebody else's metadata service, so it is left alone.",
    cure="On a real instance whose /sys is hidden, such as in a container, mount the host's /sys or run with "
    "--assume-ec2. To ask a service elsewhere, set AWS_EC2_METADATA_SERVICE_ENDPOINT.",
    sources=("EC2 User Guide: Detect whether a host is an EC2 instance",),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    if facts[Platform].is_ec2:
        return []
    return [
        NOT_EC2.found(
            "host",
            "this is not an EC2 instance, so nothing was sent to the metadata address",
            evidence=(facts[Platform].method,),
            fix=Fix(
                "If it is one all the same (firmware hidden, container without /sys), say so.",
                ("imds-probe run --assume-ec2",),
            ),
        )
    ]


RULE = Rule("platform", _find, kinds=(NOT_EC2,))
