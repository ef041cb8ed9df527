"""What the rule on containers says of some."""

from __future__ import annotations

from dataclasses import replace

from observed import container, with_containers

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.containers import RULE

LIKELY = (("AWS_REGION",),)
UNLIKELY = (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)


def judged(*containers, limit=1, **changes):
    return RULE.judge(with_containers(*containers, limit=limit, **changes), Catalog(()))


def ids(*containers, **options):
    return {(finding.id, finding.implies) for finding in judged(*containers, **options)}


def far_away(name, token="lost", **changes):
    """A distance that no links and routes bear out."""
    reach = replace(container(name, 63, token, 64 if token == "ok" else 1).reach[0], way=())
    return container(name, reach=(reach,), **changes)
