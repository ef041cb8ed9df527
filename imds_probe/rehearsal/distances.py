"""How far a container is from the service: what decides whether a token would reach it at the rehearsed hop limit."""

from __future__ import annotations

import time

from imds_probe.collect import hops
from imds_probe.facts.imds import Family
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import IPV4, IPV6
from imds_probe.inventory.containers.discovered import DiscoveredContainer, Discovery
from imds_probe.net.namespaces import CURRENT, current_inode
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.connection import Service

MEASURED_WITHIN_S = 30.0


def ways(found: DiscoveredContainer, discovery: Discovery, service: Service) -> dict[Family, int]:
    """The hops between it and the service, for each family in which there is a way. None of both for one on the host's network.

    Raises CannotRehearse where a distance cannot be told: whether a token arrives would be a guess.
    """
    if found.network == "host":
        return {}
    there = next((each for each in discovery.namespaces if each.inode == found.netns), None)
    if there is None:
        raise CannotRehearse(f"the network namespace of {found.title} cannot be seen", "Run as root.")
    measured = hops.measure(
        (CURRENT, current_inode()),
        [(there.path, there.inode)],
        [each for each in (IPV4, IPV6) if each.socket_family in service.addresses],
        hop_limit=None,
        deadline=time.monotonic() + MEASURED_WITHIN_S,
        counter=RequestCounter(),
        users={there.inode} if there.owner_uid is not None else (),
    )
    reached = [each for each in measured.reach.get(there.inode, ()) if each.token != "unreachable"]
    if not reached:
        why = measured.not_measured.get(there.inode, "it has no way to the service")
        raise CannotRehearse(
            f"{found.title} does not reach the metadata service: {why}", "There is nothing to rehearse."
        )
    for each in reached:
        if each.distance is None:
            raise CannotRehearse(
                f"the distance of {found.title} from the service was not measured: {each.detail}",
                "A relay or a proxy answers there. Rehearse with a command in the container's place.",
            )
    return {each.family: each.distance for each in reached if each.distance is not None}
