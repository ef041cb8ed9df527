"""What rehearsals came to, for tests of what is made of it: one of a unit, in which a script asked."""

from __future__ import annotations

from dataclasses import replace

from code_seen import AGENT
from observed import FACTS

from imds_probe.facts.facts import Facts
from imds_probe.facts.rehearsals import Rehearsal, Rehearsals, RehearsedCaller

APP = RehearsedCaller("/usr/bin/python3", "token", script="/opt/app.py", unit="web.service", uid=0, pids=(7,))
BEGAN = "2026-11-22T00:00:00Z"
REHEARSAL = Rehearsal("unit", "web.service", BEGAN, 3600.0, 600.0, 1, (APP,))
CODE = replace(AGENT, path="/opt/app.py", pids=(7,), component=None, speaks="both", every_s=None, started_by=())


def rehearsed(*callers: RehearsedCaller, facts: Facts = FACTS, **changes: object) -> Facts:
    """These facts on a host on which these callers were rehearsed."""
    return facts.with_(Rehearsals((replace(REHEARSAL, callers=callers, **changes),)))
