"""Is the hop limit known?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.control_plane import MetadataOptions
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.rule import NothingToJudge, Rule
from imds_probe.switch.step import Plan

HOP_LIMIT_UNKNOWN = Kind(
    id="hop-limit-unknown",
    severity="warning",
    title="The hop limit was not measured",
    meaning="HttpPutResponseHopLimit is the IP TTL of the packets that answer the token PUT. On the instance the TTL can be "
    "read off those packets: by packet capture as root, by IP_MINTTL otherwise. Here neither way gave a reliable number.",
    cure="Run as root. If the number is still missing, run `imds-probe run --control-plane`: the report then takes the hop limit "
    "from the EC2 API. Until then the switch command leaves the hop limit as it is.",
    sources=("EC2 User Guide: How Instance Metadata Service Version 2 works", "ip(7): IP_MINTTL"),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    asked = Plan(MetadataOptions(), MetadataOptions(), facts.get(Instance))
    imds = facts.get(Imds)
    if imds is None or imds.endpoint != "enabled":
        return NothingToJudge("no token response was received")
    if imds.hop_limit is not None:
        return []
    reasons = tuple(
        reply.hop_limit_reason for reply in imds.endpoints if reply.state == "enabled" and reply.hop_limit_reason
    )
    return [
        HOP_LIMIT_UNKNOWN.found(
            "metadata service",
            "the hop limit of token responses could not be measured",
            evidence=reasons,
            fix=Fix(
                "Run `imds-probe run --control-plane`: the report then takes the hop limit from the EC2 API. To see the number "
                "alone, run this command anywhere with ec2:DescribeInstances.",
                (
                    f"aws ec2 describe-instances{asked.region} --instance-ids {asked.instance_id} --query "
                    "'Reservations[].Instances[].MetadataOptions.HttpPutResponseHopLimit'",
                ),
            ),
        )
    ]


RULE = Rule("hop-limit", _find, kinds=(HOP_LIMIT_UNKNOWN,))
