"""Who calls the metadata service: what the daemon's history knows, and what is watched during the run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe.collect.callers_options import CallersOptions
from imds_probe.collect.collector import Collected, Collector, Join, Option
from imds_probe.collect.context import Context
from imds_probe.collect.needs import Need
from imds_probe.collect.tokens_seen import TokensSeen
from imds_probe.dataclass import dataclass
from imds_probe.duration import parse_duration
from imds_probe.errors import ProbeError, said
from imds_probe.facts.callers import SERVED, BootWatched, Callers, MetricCompared, last_seen_whole
from imds_probe.facts.switched import WatchedSince
from imds_probe.reading.here import HERE, Asks
from imds_probe.system import rootfs
from imds_probe.system.state_directory import (
    SPOOL,
    UNIT,
    StateError,
    check_directory,
    check_file,
    daemon_is_enabled,
    daemon_was_here,
)
from imds_probe.timestamp import rfc3339
from imds_probe.watch import boots
from imds_probe.watch.evidence import merged
from imds_probe.watch.history_format import FILE
from imds_probe.watch.history_refused import together
from imds_probe.watch.whose import of_another

if TYPE_CHECKING:
    from imds_probe.watch.history import History
    from imds_probe.watch.seen_call import SeenCall

RESTART = f"Restart the daemon: systemctl restart {UNIT}"
NOBODY = "callers are not watched on this host: enable imds-probe's daemon, or run with --watch"


@dataclass(frozen=True)
class Watched:
    """What was seen during this run, from `began` (RFC 3339) on. `degraded` says why callers may stay unknown, or calls unseen.
    `since` has who was refused meanwhile.
    """

    callers: Callers
    began: str
    degraded: str
    since: WatchedSince = WatchedSince(0.0)


@dataclass(frozen=True)
class Called:
    """What is known of callers, without CloudWatch's own count. `since` has who was refused since tokens are required, None where
    they are not.
    """

    callers: Callers
    since: WatchedSince | None = None


def _watch(context: Context) -> Collected:
    watched = watch(context.option(CallersOptions), context.root, context.reader)
    return Collected((watched,), partial=watched.degraded)


def _collect(context: Context) -> Collected:
    options, watched = context.option(CallersOptions), context.get(Watched)
    tokens = context.get(TokensSeen)
    tokens = None if tokens is None or tokens.since is None else tokens
    found = Called(watched.callers, None if tokens is None else watched.since) if watched else None
    trouble = list[ProbeError | OSError]()
    try:
        found = look_since(options, watched, context.root, tokens)
    except (ProbeError, OSError) as error:
        trouble.append(error)
    try:
        check_spool(options.state)
    except (ProbeError, OSError) as error:
        trouble.append(error)
    if found is not None:
        return Collected((found,), partial="; ".join(map(said, trouble)))
    if trouble:
        raise trouble[0]
    return Collected(nothing=NOBODY)


def _join(context: Context) -> Callers | None:
    called, metric = context.get(Called), context.get(MetricCompared)
    if called is None:
        return None
    return replace(called.callers, metric=metric if metric is not None and metric.name == SERVED else None)


def watch(options: CallersOptions, root: Path, reader: Asks = HERE) -> Watched:
    """Watch for `watch_s` seconds. Raises ProbeError where packets cannot be captured."""
    # Most runs neither watch nor find a history, and need not wait for what does.
    from imds_probe.watch.history import History  # noqa: PLC0415
    from imds_probe.watch.history_file import MEMORY  # noqa: PLC0415
    from imds_probe.watch.names import ContainerNames, NamedCalls  # noqa: PLC0415
    from imds_probe.watch.unconfirmed import counted  # noqa: PLC0415
    from imds_probe.watch.watcher import Watcher  # noqa: PLC0415

    names = ContainerNames(root, reader)
    named = NamedCalls(names)
    calls: list[tuple[SeenCall, str | None]] = []
    began, steady = time.time(), time.monotonic()
    with Watcher(full_command_lines=options.full_command_lines, met=names.meet) as watcher:
        while (left := options.watch_s - (time.monotonic() - steady)) > 0:
            calls += named.take(watcher.calls(min(left, named.due_in_s)))
        calls += named.rest(watcher.rest())
        senders = watcher.senders()
        names.ask(*(each.caller for each in senders))
        unconfirmed = counted(senders, names.name)
        dropped = watcher.dropped
        degraded = "; ".join(filter(None, (watcher.degraded, watcher.unwatched)))
    ended = time.time()
    with History(MEMORY) as history:
        history.record(calls, began, ended, dropped, unconfirmed)
        since = history.refused_since(began, ended, full_command_lines=options.full_command_lines)
        return Watched(_evidence(history, ended, options), rfc3339(began), degraded, since)


def look(options: CallersOptions, watched: Watched | None, root: Path = Path("/")) -> Callers | None:
    """Who called, as `look_since` has it."""
    called = look_since(options, watched, root, None)
    return called.callers if called is not None else None


def look_since(
    options: CallersOptions, watched: Watched | None, root: Path, tokens: TokensSeen | None
) -> Called | None:
    """What is known; None where nobody ever watched. `tokens` says since when tokens are required, None where they are not. Raises
    ProbeError or OSError where there is, was or should be a history and it cannot be read.
    """
    path = options.state / FILE
    check_directory(options.state)
    if other := of_another(options.state, root):
        if watched is None and daemon_is_enabled(root):
            problem = f"{path} was written on another instance, {other}, and does not count here"
            raise StateError(problem, f"{RESTART}. It begins a new file.")
        return _watched_now(watched, tokens)
    if not check_file(path):
        left = (name for name in rootfs.names(options.state, "/") if name.startswith(FILE))
        if daemon_was_here(options.state) or any(left):
            raise StateError(f"{path} is missing, although a daemon began it", f"{RESTART}. It begins a new file.")
        if daemon_is_enabled(root):
            raise StateError(f"{path} is missing, although {UNIT} is enabled", f"{RESTART}.")
        return _watched_now(watched, tokens)
    from imds_probe.watch.history import History  # noqa: PLC0415

    with History(path, read_only=True) as history:
        now = time.time()
        booted, at_boot = _boots(history, now, options)
        known = _evidence(history, now, options, at_boot)
        since = None
        if tokens is not None:
            full = options.full_command_lines
            since = history.refused_since(tokens.begun, now, known_since=tokens.since, full_command_lines=full)
    if since is not None and watched is not None:
        both = known.watched_until is not None and known.watched_until > watched.began
        since = together(since, watched.since, both=both)
    return Called(replace(merged(known, watched.callers, watched.began) if watched else known, boots=booted), since)


def _watched_now(watched: Watched | None, tokens: TokensSeen | None) -> Called | None:
    """What this run has watched, where there is no history."""
    if watched is None:
        return None
    present = tuple(boots.as_facts((), time.time(), boots.this_boot(), None))
    return Called(replace(watched.callers, boots=present), None if tokens is None else watched.since)


def _evidence(history: History, now: float, options: CallersOptions, at_boot: range = range(0)) -> Callers:
    full = options.full_command_lines
    return history.evidence(now, options.window_s, options.coverage, full_command_lines=full, at_boot=at_boot)


def _boots(history: History, now: float, options: CallersOptions) -> tuple[tuple[BootWatched, ...], range]:
    """The boots of the window and the last that was watched whole, and the hours of that one where it is longer ago: what called
    in these alone has not called in the window, and will at the next boot. That a later boot was missed takes nothing from that.
    """
    try:
        on_record = boots.read(options.state)
    except (ProbeError, OSError, ValueError):
        on_record = ()  # the daemon says so, and no earlier boot counts as watched
    found = boots.as_facts(on_record, now, boots.this_boot(), history.lost_at())
    whole = last_seen_whole(found, options.window_s)
    shown = [boot for boot in found if boot.age_s <= options.window_s or boot in (whole, found[-1])]
    if whole is None or whole.age_s <= options.window_s:
        return tuple(shown), range(0)
    kept = next(boot for boot in on_record if boot.boot_id == whole.boot_id)
    hours = boots.first_hours(kept.booted)
    in_all, only = history.at_boot(hours)
    if in_all < kept.imdsv1:  # what was forgotten meanwhile, or some of it, was counted before
        only = kept.imdsv1 if kept.only_then is None else kept.only_then
    counted = replace(whole, imdsv1=only)
    return tuple(counted if boot is whole else boot for boot in shown), hours


def check_spool(state: Path) -> None:
    """Raise ProbeError or OSError where there is a spool of reports that cannot be opened."""
    spool = state / SPOOL
    check_directory(spool)
    for each in rootfs.names(spool, "/"):
        check_directory(spool / each)
        rootfs.names(spool / each, "/")


WATCH = Collector(
    id="watch",
    collect=_watch,
    gives=(Watched,),
    without="the callers of the metadata service during this run",
    applies=lambda context: context.option(CallersOptions).watch_s > 0,
    options=(
        Option(
            "--watch",
            CallersOptions,
            "watch_s",
            {"metavar": "DURATION", "help": "watch calls to the metadata service for this time, such as 60s or 5m"},
            parse=parse_duration,
        ),
    ),
    aside=True,
    memory_mib=64,
    of_host=(Need.PACKETS, Need.TRACING, Need.GROUPS),
)
COLLECTOR = Collector(
    id="callers",
    collect=_collect,
    gives=(Called,),
    without="the earlier callers of the metadata service",
    needs=(Watched, TokensSeen),
    options=(
        Option(
            "--full-command-lines",
            CallersOptions,
            "full_command_lines",
            {
                "action": "store_true",
                "help": "report the whole command lines of callers, including any passwords and keys in them",
            },
        ),
    ),
    confirms=True,
    of_host=(Need.HISTORY,),
)
JOIN = Join(gives=Callers, join=_join, without="the callers of the metadata service")
