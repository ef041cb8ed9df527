"""Calls to the metadata service as lines and tables of text."""

from __future__ import annotations

import dataclasses
import json
import math
import operator
from collections.abc import Iterator, Sequence
from functools import lru_cache

from imds_probe.escape import terminal
from imds_probe.facts.callers import ANOTHER_HOST
from imds_probe.render import columns
from imds_probe.render.page.bounds import cut_front, first
from imds_probe.render.page.calls import COLUMNS as REPORTED
from imds_probe.render.page.calls import NONE, SPARE, UNKNOWN, calls, lost, not_confirmed
from imds_probe.timestamp import rfc3339
from imds_probe.watch.caller import Caller
from imds_probe.watch.seen_call import SeenCall
from imds_probe.watch.summary import Summary, Tally

_SEEN, _CALLER = (tuple(field.name for field in dataclasses.fields(kind)) for kind in (SeenCall, Caller))
# The same few call for the same again and again, each of them as the same object: but for its time, a call is written once.
_of_call = operator.attrgetter(*(name for name in _SEEN if name not in ("at", "caller", "inside")))
_written: dict[tuple[object, ...], tuple[tuple[Caller | None, Caller | None], str]] = {}
COLUMNS = (*REPORTED[:5], "pids", *REPORTED[5:])  # those of a report, and which processes
ROWS_SHOWN = 40
WRITTEN_MAX = 256
PIDS_SHOWN = 3
NOBODY = "No calls yet."
WIDTH = 44


def line(seen: SeenCall, container: str | None) -> str:
    """One call as a line of a log."""
    caller = seen.caller
    parts = [_time(seen.at), seen.version, str(seen.status or NONE), seen.method, seen.path]
    if caller is None:
        parts.append(f"by {_unseen(seen)} at {seen.client}")
    else:
        parts.append(f"by {caller.comm}[{caller.pid}] {caller.exe or ''}".rstrip())
        parts += [f"unit={caller.unit}"] if caller.unit else []
        parts += [f"script={caller.script}"] if caller.script else []
        parts += [f"started-by={caller.started_by}"] if caller.started_by else []
    parts += [f"container={container}"] if container else []
    parts += [f"token={seen.token}"] if seen.token not in (None, "none", "unseen") else []
    parts += [f'user-agent="{seen.user_agent}"'] if seen.user_agent else []
    return terminal(" ".join(parts))


def json_line(seen: SeenCall, container: str | None) -> str:
    """The same as a JSON object on one line."""
    callers = seen.caller, seen.inside
    key = _of_call(seen), container, *map(id, callers)
    known = _written.get(key)
    if known is None or known[0] != callers:
        if len(_written) >= WRITTEN_MAX:
            _written.clear()
        known = _written[key] = callers, _but_for_its_time(seen, container)
    return f'{{"at": "{_time(seen.at)}", {known[1]}'


def _but_for_its_time(seen: SeenCall, container: str | None) -> str:
    """What follows its time in the object."""
    document = {name: getattr(seen, name) for name in _SEEN if name != "at"}
    for whose in ("caller", "inside"):
        caller = getattr(seen, whose)
        document[whose] = {name: getattr(caller, name) for name in _CALLER} if caller else None
    document["container_name"] = container
    return json.dumps(document, ensure_ascii=True).removeprefix("{")


def table(summary: Summary, width: int) -> Iterator[str]:
    """Who called, a line each, those by IMDSv1 first, in so many columns if that can be."""
    tallies = summary.ordered()
    if not tallies:
        yield f"  {NOBODY}"
        return
    shown, more = first(tallies, ROWS_SHOWN)
    rows = [_row(tally) for tally in shown]
    fitting = columns.lines(COLUMNS, rows, width - 2, spare=("pids", *SPARE), below="asked for")
    yield from (f"  {line}" for line in fitting)
    if more:
        yield f"  {more}"


def sentence(summary: Summary, seconds: float, dropped: int, unconfirmed: int = 0) -> str:
    """How many calls in how long, and whether some may have been missed, or forged."""
    counted = calls(summary.counts["v1"], summary.counts["v2"])
    return f"{counted} in {seconds:.0f} s.{lost(dropped)}{not_confirmed(unconfirmed)}"


def _unseen(seen: SeenCall) -> str:
    if seen.relayed:
        return ANOTHER_HOST
    behind = f" behind {seen.interface}" if seen.interface else ""
    return f"a virtual machine{behind}" if seen.origin == "virtual-machine" else f"an {UNKNOWN}"


def _row(tally: Tally) -> tuple[str, ...]:
    pids = sorted(tally.pids)
    more = f" +{len(pids) - PIDS_SHOWN}" if len(pids) > PIDS_SHOWN else ""
    ((path, _),) = tally.paths.most_common(1)
    cells: Sequence[str] = (
        tally.version,
        str(tally.count),
        str(tally.refused),
        _time(tally.last)[11:19],
        tally.who,
        ",".join(map(str, pids[:PIDS_SHOWN])) + more or NONE,
        tally.unit or NONE,
        tally.container or NONE,
        path,
    )
    return tuple(cut_front(terminal(cell), WIDTH) for cell in cells)


def _time(at: float) -> str:
    fraction, whole = math.modf(at)
    seconds, microseconds = divmod(round(fraction * 1e6), 1_000_000)
    return f"{_second(int(whole) + seconds)}.{microseconds // 1000:03d}Z"


@lru_cache(maxsize=16)
def _second(at: int) -> str:
    return rfc3339(at).removesuffix("Z")
