"""Are there containers whose way to the metadata service is not known?"""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts import Facts
from imds_probe.findings import Finding, Fix
from imds_probe.rules.rule import Explanation, NothingToJudge, Rule


def _judge(facts: Facts, catalog: Catalog) -> list[Finding] | NothingToJudge:
    del catalog
    if facts.imds is None or facts.imds.endpoint == "disabled":
        return NothingToJudge("no metadata service that a container could miss")
    if facts.containers_seen == 0:
        return []
    seen = facts.containers_seen
    return [
        Finding(
            id="containers-not-measured",
            rule="containers",
            severity="warning",
            subject="containers",
            summary="whether containers run here could not be seen"
            if seen is None
            else f"{seen} running container{'' if seen == 1 else 's'}: whether the token response reaches "
            f"{'it' if seen == 1 else 'them'} was not measured",
            fix=Fix("Try the token request in each container that needs metadata."),
            implies="unknown",
        )
    ]


RULE = Rule(
    id="containers",
    judge=_judge,
    explanations=(
        Explanation(
            id="containers-not-measured",
            title="Containers not measured",
            meaning="The token response dies after as many hops as the hop limit says; a container behind a bridge is one hop "
            "further than the host. There, a current SDK falls back to IMDSv1 without a word and breaks on the "
            "switch. Containers run here and their way was not measured, so the host cannot be called ready.",
            cure="In each container that needs metadata: curl -X PUT -m 2 "
            "-H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token. Silence means that "
            "the hop limit is too low.",
        ),
    ),
)
