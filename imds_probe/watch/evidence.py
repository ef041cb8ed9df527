"""What was seen as evidence: callers and their sums, how much time was watched, and two watches of the same host as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from imds_probe.facts.callers import Callers, CallerSeen, HistoryLoss, RareCaller
from imds_probe.facts.containers import short
from imds_probe.kept.command_line import kept_of_stored
from imds_probe.kept.metadata_path import kept_path
from imds_probe.kept.process_name import kept_name
from imds_probe.kept.user_agent import kept_user_agent
from imds_probe.timestamp import rfc3339
from imds_probe.watch.caller import NOT_VERIFIED

# The columns of a caller that say what it is, in this order.
ROW = (
    *("version", "program", "unit", "container", "path_class", "probe", "last_seen", "pid", "comm", "cmdline", "path"),
    *("user_agent", "container_id", "uid", "on_host", "script", "token", "client", "netns", "image", "started_by"),
    *("origin", "token_ttl", "distance", "interface", "forwarded"),
)


def caller_of_row(row: tuple[Any, ...], *, full_command_lines: bool = False) -> CallerSeen:
    """A caller as the history has it: ROW, how many calls it made, how many of them were refused and served, and when the
    first one was. Whatever was kept when they were written, no more comes out than is kept now; of the command line all that
    is stored with `full_command_lines`.
    """
    *values, count, refused, served, first = row
    of = dict(zip(ROW, values, strict=True))
    program, comm, cmdline = of["program"], of["comm"], of["cmdline"]
    exe = program.removesuffix(NOT_VERIFIED) if program.startswith("/") else None
    return CallerSeen(
        version=of["version"],
        program=program,
        exe=exe,
        pid=of["pid"],
        comm=comm and kept_name(comm, exe, (cmdline or "").split()),
        cmdline=cmdline and (cmdline if full_command_lines else kept_of_stored(cmdline, exe)),
        unit=of["unit"] or None,
        container=of["container"] or None,
        container_id=of["container_id"] or None,
        path=kept_path(of["path"]),
        path_class=of["path_class"],
        user_agent=kept_user_agent(of["user_agent"]) or None,
        probe=bool(of["probe"]),
        count=count,
        refused=refused,
        first_seen=rfc3339(first),
        last_seen=rfc3339(of["last_seen"]),
        uid=None if of["uid"] < 0 else of["uid"],
        on_host=None if of["on_host"] is None else bool(of["on_host"]),
        script=of["script"] or None,
        started_by=of["started_by"] or None,
        origin=of["origin"],
        token=of["token"] or None,
        token_ttl=of["token_ttl"],
        distance=of["distance"],
        interface=of["interface"] or None,
        client=of["client"] or None,
        image=of["image"] or None,
        netns=of["netns"] or None,
        forwarded=None if of["forwarded"] is None else bool(of["forwarded"]),
        served=None if of["origin"] is None else served,
    )


def named_alike(callers: Iterable[CallerSeen]) -> list[CallerSeen]:
    """The same, each container called what it was found to be called, also where that was not known yet when it called."""
    found = list(callers)
    names, images = dict[str, tuple[str, str]](), dict[str, str]()
    for each in found:
        if each.container_id is None:
            continue
        if each.container and each.container != short(each.container_id):
            names[each.container_id] = max(names.get(each.container_id, ("", "")), (each.last_seen, each.container))
        if each.image:
            images[each.container_id] = each.image
    return [
        each
        if each.container_id is None
        else replace(
            each,
            container=names.get(each.container_id, ("", each.container))[1]
            if each.container == short(each.container_id)
            else each.container,
            image=each.image or images.get(each.container_id),
        )
        for each in found
    ]


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """The length of the union: after a clock was set back they overlap. In order of their beginnings."""
    covered, reached = 0.0, float("-inf")
    for began, ended in intervals:
        covered += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return covered


def in_order(callers: Iterable[CallerSeen]) -> tuple[CallerSeen, ...]:
    """Those by IMDSv1 first, then by how often."""
    return tuple(sorted(callers, key=lambda each: (each.version, -each.count, each.program, each.path_class)))


def _identity(caller: CallerSeen) -> tuple[object, ...]:
    """The same as a history's key."""
    return (
        *(caller.version, caller.program, caller.unit, caller.container, caller.container_id, caller.path_class),
        *(caller.probe, caller.uid, caller.script, caller.token, caller.client, caller.netns, caller.image),
    )


def callers_of(
    by: tuple[CallerSeen, ...],
    *,
    window_s: float,
    observed_s: float,
    needed_coverage: float,
    dropped: int,
    watched_until: str | None,
    losses: tuple[HistoryLoss, ...] = (),
    unconfirmed: int = 0,
    senders: tuple[str, ...] = (),
    earlier: tuple[CallerSeen, ...] = (),
    silent_s: float = 0.0,
    rare: tuple[RareCaller, ...] = (),
) -> Callers:
    """The sums of what was seen."""
    return Callers(
        window_s=window_s,
        observed_s=round(observed_s, 3),
        coverage=round(min(1.0, observed_s / window_s), 6),
        needed_coverage=needed_coverage,
        watched_until=watched_until,
        dropped_packets=dropped,
        imdsv1=sum(each.count for each in by if each.version == "v1" and not each.probe),
        imdsv2=sum(each.count for each in by if each.version == "v2" and not each.probe),
        imdsv1_by_probe=sum(each.count for each in by if each.version == "v1" and each.probe),
        by=by,
        losses=losses,
        unconfirmed=unconfirmed,
        senders=senders,
        earlier=earlier,
        silent_s=round(silent_s, 3),
        rare=rare,
    )


def merged(history: Callers, watched: Callers, began: str) -> Callers:
    """What a history says, and what was watched besides from `began` on (RFC 3339).

    Where the history was being written meanwhile, it has the same calls, perhaps short of the last ones: then the larger
    number of both counts. Otherwise their sum does.
    """
    both = history.watched_until is not None and history.watched_until > began
    known = {_identity(each): each for each in history.by}
    for each in watched.by:
        before = known.get(_identity(each))
        if before is None:
            known[_identity(each)] = each
            continue
        known[_identity(each)] = replace(
            each,
            count=max(before.count, each.count) if both else before.count + each.count,
            refused=max(before.refused, each.refused) if both else before.refused + each.refused,
            served=_together(before.served, each.served, both=both),
            first_seen=min(before.first_seen, each.first_seen),
            last_seen=max(before.last_seen, each.last_seen),
            on_host=False if False in (before.on_host, each.on_host) else each.on_host,
        )
    observed_s = max(history.observed_s, watched.observed_s)
    return callers_of(
        in_order(known.values()),
        window_s=history.window_s,
        observed_s=observed_s if both else history.observed_s + watched.observed_s,
        needed_coverage=history.needed_coverage,
        dropped=history.dropped_packets + watched.dropped_packets,
        watched_until=watched.watched_until,
        losses=history.losses,
        unconfirmed=max(history.unconfirmed, watched.unconfirmed)
        if both
        else history.unconfirmed + watched.unconfirmed,
        senders=tuple(dict.fromkeys((*history.senders, *watched.senders))),
        earlier=history.earlier,
        silent_s=history.silent_s,
        rare=history.rare,
    )


def _together(before: int | None, now: int | None, *, both: bool) -> int | None:
    if before is None or now is None:
        return None
    return max(before, now) if both else before + now
