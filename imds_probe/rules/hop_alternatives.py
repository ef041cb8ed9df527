"""What a hop limit above 1 is for, and what makes it unnecessary for the containers that cause it."""

from __future__ import annotations

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.containers import Container, titles
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import OwnerKind
from imds_probe.rules.containers_later import without_token
from imds_probe.rules.hop_need import ended_without_token, limit_for, needing
from imds_probe.rules.metadata_need import metadata_need

_EKS: tuple[OwnerKind, ...] = ("eks-auto-mode", "eks-node-group", "eksctl", "karpenter")
_ECS: tuple[OwnerKind, ...] = ("ecs", "batch")


def instead_of(limit: int | None, facts: Facts, catalog: Catalog) -> tuple[str, ...]:
    """Orders in whole sentences, one for each way that is open to some of the containers; empty where the hop limit is not
    raised.
    """
    imds = facts.get(Imds)
    present = (imds.hop_limit if imds else None) or 1
    if limit is None or limit <= present:
        return ()
    ways: dict[str, list[Container]] = {}
    for each in needing(facts, catalog):
        if (limit_for(each, facts) or 1) > present:
            ways.setdefault(_way(each, facts, catalog), []).append(each)
    return tuple(
        f"Instead of hop limit {limit}, {_of(way, len(containers))}: {titles(containers)}."
        for way, containers in ways.items()
    )


def _of(way: str, number: int) -> str:
    these, them, their = ("this container", "it", "its") if number == 1 else ("these containers", "them", "their")
    return way.format(these=these, them=them, their=their)


def why_limit(limit: int | None, facts: Facts, catalog: Catalog) -> str:
    """Why the switch sets a hop limit above 1, a clause that names the containers; empty where it sets none."""
    if limit is None or limit < 2:
        return ""
    causes = [each for each in needing(facts, catalog) if (limit_for(each, facts) or 1) > 1]
    if causes:
        return f"hop limit {limit} is for {titles(causes)}"
    if ended_without_token(facts):
        return f"hop limit {limit} is for containers that have ended"
    if without_token(facts):
        return f"hop limit {limit} is for containers that schedules start"
    return f"hop limit {limit} is in force, and what is not running now may need it"


def _way(container: Container, facts: Facts, catalog: Catalog) -> str:
    """What to do, with places for the words that stand for one container or several."""
    instance = facts.get(Instance)
    kind = instance.owner.kind if instance and instance.owner else None
    need = metadata_need(container, facts, catalog)
    own, network = "credentials of {their} own", "the host's network"
    if container.pod is not None or kind in _EKS:
        own = "an IAM role by IRSA" if kind == "kops" else "an IAM role by EKS Pod Identity or IRSA"
        network = "the host's network (hostNetwork: true)"
    elif kind in _ECS:
        own, network = "an ECS task role", "the host's network (networkMode: host)"
    elif container.runtime == "docker":
        network = "the host's network (docker run --network host)"
    run = f"or run {{them}} in {network}"
    if need.for_credentials.state == "unlikely":  # it has some, so it asks for other metadata
        return f"set AWS_REGION in {{these}} if only the Region is needed, {run}"
    region = "" if need.other.state == "unlikely" else " (and AWS_REGION if the Region is needed)"
    return f"give {{these}} {own}{region}, {run}"
