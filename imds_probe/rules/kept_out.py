"""Containers that receive no token after the switch, as somebody has accepted that: their need is left out of the hop limit."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import CallerSeen
from imds_probe.facts.containers import Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.rules.acceptance import accepted_in_force, is_named
from imds_probe.rules.containers_kinds import HOP_LIMIT_TOO_LOW
from imds_probe.rules.hop_need import is_of_user, is_users, limit_for, needed_hop_limit, receives_none_now


@dataclass(frozen=True)
class KeptOut:
    """`accepted` are the containers that the configuration names, `hop_limit` is that of the instance after the switch: what needs
    no more receives a token, whoever has accepted that it receives none.
    """

    accepted: frozenset[str]
    hop_limit: int

    def has(self, container: Container, facts: Facts) -> bool:
        """Whether a container is one of them. What receives a token today is not: no switch takes it away."""
        if not is_named(container.title, self.accepted) or is_users(container) or not receives_none_now(container):
            return False
        limit = limit_for(container, facts)
        return limit is not None and limit > self.hop_limit

    def has_caller(self, group: Sequence[CallerSeen], limit: int, facts: Facts) -> bool:
        """The same of the containers that one caller calls from and that need this hop limit, whether they run or have ended. Of
        several, the configuration has no name but that for all.
        """
        several = len({each.container_id for each in group}) > 1
        if not self.accepted or limit <= self.hop_limit or (several and not is_named("", self.accepted)):
            return False
        return all(self._has_place_of(each, facts) for each in group)

    def _has_place_of(self, caller: CallerSeen, facts: Facts) -> bool:
        if caller.container_id is None or is_of_user(caller):
            return False
        container = facts[Containers].by_identity(caller.container_id)
        if container is None:
            return is_named(caller.container or "", self.accepted)
        return is_named(container.title, self.accepted) and receives_none_now(container)


def kept_out(facts: Facts, catalog: Catalog) -> KeptOut:
    """By the configuration and the day of the run."""
    accepted, imds = accepted_in_force(HOP_LIMIT_TOO_LOW, facts), facts.get(Imds)
    if not accepted:
        return KeptOut(accepted, 0)  # nothing is asked of it
    # The switch never lowers it.
    return KeptOut(accepted, max((imds.hop_limit if imds else None) or 1, needed_hop_limit(facts, catalog)))
