"""The result of a rehearsal for programs: one JSON object on one line, by the names of a report's section `rehearsals`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from imds_probe.rehearsal.trying import End
from imds_probe.timestamp import rfc3339
from imds_probe.watch.rehearsed import Kept

SCHEMA = "imds-probe.rehearsal/v1"
# What a record needs to see later whether it counts still.
_OF_RECORD = ("program_stamp", "script_stamp", "processes")


def document(kept: Kept, end: End, not_rehearsed: Sequence[str]) -> str:
    """`not_rehearsed` says in words whose requests were not. `left` in it is what could not be removed, `cut_off` the number of
    transfers that did not end in time; times are in seconds.
    """
    found: dict[str, Any] = {"schema": SCHEMA, **asdict(kept)}
    found |= {"began": rfc3339(kept.began), "lasted_s": round(kept.lasted_s, 3), "lapsed_s": round(kept.lapsed_s, 3)}
    callers = zip(found["callers"], kept.callers, strict=True)
    found["callers"] = [
        {name: value for name, value in each.items() if name not in _OF_RECORD}
        | {"pids": [pid for pid, _ in caller.processes]}
        for each, caller in callers
    ]
    found |= {"not_rehearsed": list(not_rehearsed), "left": list(end.left), "cut_off": end.unfinished}
    return msgspec.json.encode(found).decode()
