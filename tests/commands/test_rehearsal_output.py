"""The result as one line of JSON; that it comes last on standard output is in tests/lab/test_rehearse.py."""

from __future__ import annotations

import json

from imds_probe.commands.rehearsal_output import SCHEMA, document
from imds_probe.rehearsal.trying import End
from imds_probe.watch.rehearsed import Kept, KeptCaller

CALLER = KeptCaller(
    "/usr/bin/python3",
    "recovered",
    script="/opt/a\n.py",
    uid=0,
    refused=1,
    served=2,
    program_stamp="1.2.3",
    processes=((7, 70), (8, 80)),
)


def test_all_that_is_known_of_it_is_on_one_line():
    kept = Kept("unit", "web.service", 1.0e9, 60.00049, 2, (CALLER,), lapsed_s=0.5, ended_by="web.service ended")
    line = document(kept, End(("the table x",), 1), ["app (process 9) is elsewhere"])
    assert "\n" not in line
    found = json.loads(line)
    (caller,) = found.pop("callers")
    assert found == {
        "schema": SCHEMA,
        "kind": "unit",
        "target": "web.service",
        "began": "2001-09-09T01:46:40Z",
        "lasted_s": 60.0,
        "hop_limit": 2,
        "lapsed_s": 0.5,
        "restarted": False,
        "ended_by": "web.service ended",
        "unidentified": 0,
        "not_rehearsed": ["app (process 9) is elsewhere"],
        "left": ["the table x"],
        "cut_off": 1,
    }
    assert (caller["script"], caller["outcome"], caller["refused"], caller["served"]) == (
        "/opt/a\n.py",
        "recovered",
        1,
        2,
    )
    assert caller["pids"] == [7, 8] and not [name for name in caller if "stamp" in name or name == "processes"]
