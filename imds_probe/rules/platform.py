"""Is this an EC2 instance at all?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.facts import Facts
from imds_probe.facts.image import Image
from imds_probe.facts.platform import Platform
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.phrases import more_time_or
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.rules.settling import MORE_TIME

NOT_EC2 = Kind(
    id="not-ec2",
    severity="warning",
    implies="unknown",
    title="This host is not an EC2 instance",
    meaning="Before it sends any packet, imds-probe reads from the firmware what this machine is: the DMI vendor (Amazon EC2 "
    "on Nitro), the BIOS version, and the hypervisor's UUID (Xen). None of them says EC2. On other clouds the same "
    "link-local address belongs to another metadata service, so imds-probe leaves it alone.",
    cure="Nothing has to be done if the host is not on EC2. On an EC2 instance whose /sys is hidden, as in a container, mount the "
    "host's /sys or run with --assume-ec2. To ask a metadata service at another address, set "
    "AWS_EC2_METADATA_SERVICE_ENDPOINT to its URL.",
    sources=("EC2 User Guide: Detect whether a host is an EC2 instance",),
    settled_by=("a run with --assume-ec2, if this host is an EC2 instance all the same",),
    not_acceptable="On another platform a verdict about the switch has no meaning.",
)
PLATFORM_UNSEEN = Kind(
    id="platform-unseen",
    severity="warning",
    implies="unknown",
    title="imds-probe did not find out whether this host is an EC2 instance",
    meaning="imds-probe sends nothing to the metadata address before it knows that it runs on EC2. The time limit ended before it "
    "had read the firmware, or reading the firmware failed.",
    cure="Run again with more time (--timeout). If reading failed, the report names the error at the collector `platform`.",
    settled_by=(MORE_TIME, "a run with --assume-ec2, if this host is an EC2 instance"),
    not_acceptable="No verdict is possible before it is known what the host is.",
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    if facts.get(Image) is not None:
        return NothingToJudge("an image is judged, not a host")
    if facts[Platform].is_ec2:
        return []
    run = facts.collector("platform")
    if run is not None and run.status in ("failed", "skipped"):
        return [
            PLATFORM_UNSEEN.found(
                "host",
                "imds-probe did not find out whether this host is an EC2 instance, so it sent nothing to the metadata address",
                evidence=(run.reason,),
                fix=more_time_or(run, "Correct the quoted cause, and run again."),
            )
        ]
    return [
        NOT_EC2.found(
            "host",
            "this host is not an EC2 instance, so imds-probe sent nothing to the metadata address",
            evidence=(facts[Platform].method,),
            fix=Fix(
                "If this host is an EC2 instance all the same (hidden firmware, a container without /sys), run with --assume-ec2.",
                ("imds-probe run --assume-ec2",),
            ),
        )
    ]


RULE = Rule("platform", _find, kinds=(NOT_EC2, PLATFORM_UNSEEN))
