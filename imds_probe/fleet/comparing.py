"""Reports beside the instances that there are, and beside an earlier picture. Pure, but for reading the picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from imds_probe.errors import UsageError
from imds_probe.fleet.bounded import NAMED_MAX, Count, NamedFix, counted, ids
from imds_probe.fleet.hosts import STATES, SWITCHABLE, Fix, Host, is_instance
from imds_probe.fleet.instances import RUNNING, Instance, covers
from imds_probe.fleet.picture import SCHEMA, Changes, Compared, FixMoved
from imds_probe.fleet.shortest_way import Held

PICTURE_MAX = 256 * 1024 * 1024


def compared(hosts: Mapping[str, Host], instances: Mapping[str, Instance]) -> Compared:
    """Which instances have no report, which reports no instance, and where both say different things."""
    missing = [each for each in instances.values() if each.instance_id not in hosts]
    both = [(hosts[key], each) for key, each in instances.items() if key in hosts]
    return Compared(
        instances=len(instances),
        silent=ids(each.instance_id for each in missing if each.state == RUNNING and not each.cannot),
        gone=ids(
            key
            for key, host in hosts.items()
            if key not in instances and is_instance(key) and covers(instances, host.account, host.region)
        ),
        stopped=sum(each.state != RUNNING and not each.cannot for each in missing),
        cannot=counted(each.cannot for each in missing if each.cannot),
        differing=ids(host.key for host, each in both if differs(host, each)),
        restarted=ids(host.key for host, each in both if restarted(host, each)),
        switched=sum(each.tokens == "required" for each in instances.values()),
    )


def differs(host: Host, instance: Instance) -> bool:
    """Whether EC2 says today something else of the metadata options than the host saw. What one of them does not know is no
    difference.
    """
    return (
        (
            instance.tokens in ("optional", "required")
            and host.tokens in ("optional", "required")
            and instance.tokens != host.tokens
        )
        or bool(instance.hop_limit and host.hop_limit and instance.hop_limit != host.hop_limit)
        or bool(instance.endpoint and host.endpoint in ("enabled", "disabled") and instance.endpoint != host.endpoint)
    )


def restarted(host: Host, instance: Instance) -> bool:
    """Whether the instance was started after the report: what runs there now, nobody has looked at."""
    return instance.launched_at > host.started_at


class _State(msgspec.Struct):
    state: str
    hosts: int


class _Verdicts(msgspec.Struct):
    by_state: tuple[_State, ...]


class _Named(msgspec.Struct):
    kind: str
    name: str
    finding: str


class _Held(msgspec.Struct):
    fix: _Named
    hosts: int


class _Way(msgspec.Struct):
    alone: tuple[_Held, ...]


class _Hosts(msgspec.Struct):
    ready: tuple[str, ...]
    needs_hop_limit: tuple[str, ...]
    not_ready: tuple[str, ...]
    unknown: tuple[str, ...]


class Before(msgspec.Struct):
    """What is compared of an earlier picture."""

    schema: str
    made_at: str
    verdicts: _Verdicts
    way: _Way
    hosts: _Hosts

    @property
    def states(self) -> dict[str, str]:
        """The verdict of each host."""
        listed = (self.hosts.ready, self.hosts.needs_hop_limit, self.hosts.not_ready, self.hosts.unknown)
        return {key: state for state, keys in zip(STATES, listed, strict=True) for key in keys}


def picture_before(content: bytes) -> Before:
    """An earlier picture. Raises UsageError."""
    try:
        before = msgspec.json.decode(content, type=Before)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise UsageError(f"it is no picture of a fleet: {str(error)[:150]}", _REMEDY) from None
    if before.schema != SCHEMA:
        raise UsageError(f"it is no picture of the schema {SCHEMA}", _REMEDY)
    return before


_REMEDY = "Name what `imds-probe fleet --output json` wrote."


def changes(before: Before, hosts: Collection[Host], waiting: Collection[Held]) -> Changes:
    """What has changed since. Of fixes, those are compared that either picture names."""
    was = before.states
    is_now = {host.key: host.state for host in hosts}
    both = [(key, was[key], state) for key, state in is_now.items() if key in was]
    then = {Fix(each.fix.kind, each.fix.name, each.fix.finding): each.hosts for each in before.way.alone}
    now = {each.fix: each.hosts for each in waiting}
    known = dict.fromkeys([*then, *(each.fix for each in list(waiting)[:NAMED_MAX])])
    moved = [(fix, then.get(fix, 0), now.get(fix, 0)) for fix in known]
    # Of the earlier picture nobody knows what it left out, so a fix that is missing there was not zero for sure.
    full = len(then) >= NAMED_MAX
    moved = [each for each in moved if each[1] != each[2] and not (full and not each[1])]
    moved.sort(key=lambda each: (-abs(each[1] - each[2]), each[0]))
    return Changes(
        since=before.made_at[:40],
        before=tuple(Count(each.state[:40], each.hosts) for each in before.verdicts.by_state),
        now=tuple(Count(state, sum(each == state for each in is_now.values())) for state in STATES),
        freed=ids(key for key, old, new in both if old not in SWITCHABLE and new in SWITCHABLE),
        held_back=ids(key for key, old, new in both if old in SWITCHABLE and new not in SWITCHABLE),
        new=ids(key for key in is_now if key not in was),
        gone=ids(key for key in was if key not in is_now),
        fixes=tuple(
            FixMoved(NamedFix(fix.kind, fix.name, fix.finding), old, new) for fix, old, new in moved[:NAMED_MAX]
        ),
    )
