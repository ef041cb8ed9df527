"""Hosts by account, Region, owner and so on. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from imds_probe.errors import UsageError
from imds_probe.fleet.bounded import NAMED_MAX
from imds_probe.fleet.hosts import Host
from imds_probe.fleet.instances import Instance
from imds_probe.fleet.picture import GroupOf

Instances = Mapping[str, Instance]
TAG = "tag:"
# Whose a host is and where, EC2 knows best: a report can say what its host likes. Of the rest, the report counts first, because a
# verdict belongs to the state that it was made in.
KEYS: Mapping[str, Callable[[Host, Instance | None], str]] = {
    "account": lambda host, instance: (instance.account if instance else "") or host.account,
    "region": lambda host, instance: (instance.region if instance else "") or host.region,
    "owner": lambda host, instance: (instance.owner if instance else "") or host.owner,
    "ami": lambda host, instance: host.ami or (instance.ami if instance else ""),
    "os": lambda host, instance: host.os,
    "type": lambda host, instance: host.instance_type or (instance.instance_type if instance else ""),
}
NO_INSTANCES: Instances = {}


def owner_of(host: Host, instance: Instance | None) -> str:
    """Who launches the next instance; empty where neither the host nor its tags say so."""
    return KEYS["owner"](host, instance)


def keys(said: Sequence[str]) -> tuple[str, ...]:
    """Keys as they are given, several by commas. Raises UsageError."""
    found = [key.strip() for each in said for key in each.split(",") if key.strip()]
    for key in found:
        if key not in KEYS and not (key.startswith(TAG) and len(key) > len(TAG)):
            raise UsageError(
                f"hosts cannot be grouped by {key!r}",
                f"Group by {', '.join(KEYS)} or {TAG}NAME, for a tag called NAME.",
            )
    return tuple(dict.fromkeys(found))


def tags_of(by: Sequence[str]) -> tuple[str, ...]:
    """The names of the tags among the keys."""
    return tuple(key.removeprefix(TAG) for key in by if key.startswith(TAG))


def value_of(key: str, host: Host, instance: Instance | None, tags: Sequence[str]) -> str:
    """What a host has of a key."""
    if key.startswith(TAG):
        return instance.tags[tags.index(key.removeprefix(TAG))] if instance else ""
    return KEYS[key](host, instance)


def groups(hosts: Collection[Host], by: Sequence[str], instances: Instances) -> tuple[tuple[GroupOf, ...], int]:
    """The largest groups of each key, and how many there are beyond these."""
    tags = tags_of(by)
    found: list[GroupOf] = []
    left_out = 0
    for key in by:
        members: defaultdict[str, list[Host]] = defaultdict(list)
        for host in hosts:
            members[value_of(key, host, instances.get(host.key), tags)].append(host)
        ordered = sorted(members.items(), key=lambda each: (-len(each[1]), each[0]))
        found += [_group(key, value, those) for value, those in ordered[:NAMED_MAX]]
        left_out += max(0, len(ordered) - NAMED_MAX)
    return tuple(found), left_out


def _group(by: str, value: str, hosts: Collection[Host]) -> GroupOf:
    return GroupOf(
        by=by,
        value=value,
        hosts=len(hosts),
        free=sum(host.switchable for host in hosts),
        not_ready=sum(host.state == "not-ready" for host in hosts),
        unknown=sum(host.state == "unknown" for host in hosts),
        switched=sum(host.switched for host in hosts),
    )
