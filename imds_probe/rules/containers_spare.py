"""A hop limit that is higher than anything here needs."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.findings import Fix, Found
from imds_probe.rules.containers_kinds import HOP_LIMIT_HIGHER_THAN_NEEDED
from imds_probe.rules.containers_later import agents_alone
from imds_probe.rules.containers_phrases import SUBJECT
from imds_probe.rules.containers_unmeasured import hop_limit_alone
from imds_probe.rules.hop_need import AT_LEAST, asked_with_token_from, is_users, limit_for, needed_hop_limit
from imds_probe.rules.quiet import never_called
from imds_probe.rules.starting import starting


def higher_than_needed(facts: Facts, catalog: Catalog) -> list[Found]:
    imds = facts.get(Imds)
    limit, needed = imds.hop_limit if imds else None, needed_hop_limit(facts, catalog)
    of_users = [each.needs_hop_limit or 1 for each in facts[Containers].seen if is_users(each)]
    # A container that a schedule or an agent starts may need it the next time, whatever was seen of it before, and so may one that
    # was quiet.
    quiet = (limit_for(each, facts) or 1 for each in facts[Containers].seen if never_called(each, facts))
    needed = max(needed, AT_LEAST if starting(facts) or agents_alone(facts) else 1, *quiet)
    needed, served = max(needed, asked_with_token_from(facts)), max(of_users, default=1)
    if limit is None or limit <= max(needed, served):
        return []
    lower = (
        "Lower the hop limit if nothing else will run here: a lower limit keeps the role's credentials from containers."
    )
    if switched_already(imds):
        # The only command at the head of the report undoes the switch.
        fix = Fix(f"{lower} Set it to {needed}, and leave the tokens required.", hop_limit_alone(needed, facts))
    else:
        fix = Fix(f"{lower} Replace the number after --http-put-response-hop-limit in the switch command by {needed}.")
    seen = " or was seen asking with a token" if facts.get(Callers) is not None else ""
    summary = f"the hop limit is {limit}, but nothing that runs here{seen} needs more than {needed}"
    return [HOP_LIMIT_HIGHER_THAN_NEEDED.found(SUBJECT, summary, fix=fix)]
