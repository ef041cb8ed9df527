"""Reports for tests of what is done with them: valid ones, as JSON has them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from observed import FACTS, INSTANCE, OLD_CLOUD_INIT, PROBE, changed, container, report_of, with_containers
from report_schema import check
from since_switch_seen import FOR_GOOD, SWITCHED
from watched_calls import CALLER

from imds_probe.facts.facts import Facts
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.facts.section import plain
from imds_probe.facts.standing import SchedulesSeen, Standing
from imds_probe.facts.switched import WatchedSince
from imds_probe.sinks.sink import started_at
from imds_probe.watch.evidence import callers_of

WATCHED = callers_of(
    (CALLER,), window_s=100.0, observed_s=50.0, needed_coverage=0.99, dropped=0, watched_until="2026-11-23T00:00:00Z"
)
# Not ready for what is installed, what was called, and a container whose token is lost.
TROUBLED = changed(with_containers(container("web", 1, "lost")), software=(OLD_CLOUD_INIT,), callers=WATCHED)
# Ready but for a hop limit that nobody has tried: what lost the token has ended, further away than is believed.
UNTRIED = changed(
    FACTS,
    callers=callers_of(
        (
            replace(
                CALLER, token="lost", token_ttl=1, distance=7, origin="process", container="ci", container_id="9" * 64
            ),
        ),
        window_s=10.0,
        observed_s=10.0,
        needed_coverage=0.99,
        dropped=0,
        watched_until="2026-11-23T00:00:00Z",
    ),
)
# A host of which next to nothing was seen.
BARE = changed(FACTS, imds=None, instance=None, containers=None, software=())
# What names may be made of by whoever chooses them.
HOSTILE = 'x\x1b[2J\x00\r\n"\\}{#, =\ud800\u202e\u2028€' + "\U0001f600" * 3
# When each report made here began, in seconds since the epoch.
STARTED = started_at({"probe": {"started_at": PROBE.started_at}})


def report(facts: Facts = TROUBLED, **changes: Any) -> dict[str, Any]:
    """The report of a run that observed `facts`. A change is a new value for a top-level key; where both are tables, its
    keys are changed: report(verdict={"state": "unknown"}).
    """
    document = copy.deepcopy(report_of(facts).to_json())
    for run in document["rules"]:
        run["duration_ms"] = 0.1  # measured, and so never twice the same
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(document[key], dict)
        document[key] = document[key] | value if both else value
    return check(document)


def hostile(repeated: int = 1) -> dict[str, Any]:
    """A report full of text that breaks out of formats, each so many times as long."""
    text = HOSTILE * repeated
    caller = replace(CALLER, program=text, exe=text, cmdline=text, unit=text, user_agent=text)
    facts = changed(
        TROUBLED,
        containers=(replace(container("web", 1, "lost"), name=text, image=text),) * 3,
        software=(replace(OLD_CLOUD_INIT, version=text, package=text),),
        callers=replace(WATCHED, by=(caller,) * 3),
        switched=replace(
            SWITCHED, watched=WatchedSince(60.0, (replace(FOR_GOOD, caller=replace(caller, refused=1)),) * 3)
        ),
        standing=Standing("0a1b", (SchedulesSeen(text, 1, "0" * 32),) * 3, history=True),
    )
    owner = plain(Owner("karpenter", text, (text,) * 3, text))
    launched_from = plain(LaunchedFrom(text, text, text))
    made = report(
        facts,
        instance=dict.fromkeys(plain(INSTANCE), text) | {"owner": owner, "launch_template": launched_from},
        host={"hostname": text, "kernel": text},
        probe={"version": text},
    )
    made["verdict"]["reasons"] = [text] * 50
    for finding in made["findings"]:
        finding["summary"] = finding["subject"] = text
    return check(made)
