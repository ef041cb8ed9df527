"""Packet rules and routes that were not inspected for lack of time or room: they may keep tokens from somebody."""

from __future__ import annotations

from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found, Kind
from imds_probe.rules.settled import nobody_by_v1
from imds_probe.rules.settling import MORE_TIME, OWNER, SILENT_WINDOW

METADATA_RULES_UNREAD = Kind(
    id="metadata-rules-unread",
    severity="warning",
    implies="unknown",
    title="Not all packet rules and routes could be inspected in time",
    meaning="imds-probe inspects packet rules and routes for what redirects, blocks or changes metadata traffic. It was stopped "
    "before the end: a program that lists the rules took too long, or there are more rules than imds-probe reads. A rule that was "
    "not inspected may redirect the metadata requests of some users to a server that gives no token.",
    cure="Run imds-probe again while the host is less busy, with more time (--timeout). If there are too many rules, keep the "
    "daemon running: a whole window without a call by IMDSv1 shows that nobody depends on them.",
    settled_by=(MORE_TIME, SILENT_WINDOW, OWNER),
)
# As net/obstacles and collect/obstacles.py say it, by collector. What only blocks takes nothing from anybody with the switch, and a
# container without rules on users has the same for all its programs as it has for imds-probe.
_CUT_SHORT = (
    *("did not end within", "in the time given", "rules were read", "lines were read", "redirects were found"),
    "containers with rules on users were inspected",
)
_COLLECTORS = {"obstacles": "on the host", "container-obstacles": "in containers"}


def unread(facts: Facts) -> list[Found]:
    """What was not inspected there. A tool that is not installed is no such case, nor is what a whole watched window settles."""
    found = []
    for name, where in _COLLECTORS.items():
        run = facts.collector(name)
        said = run.reason.split("; ") if run is not None and run.status == "partial" else []
        lines = tuple(each for each in said if any(words in each for words in _CUT_SHORT))
        if lines and not nobody_by_v1(facts):
            found.append(
                METADATA_RULES_UNREAD.found(
                    name,
                    f"not all packet rules and routes {where} were inspected, and they may keep tokens from some programs",
                    evidence=lines,
                    fix=Fix(
                        "Run again while the host is less busy, with more time (--timeout), or keep imds-probe's daemon running "
                        "for a whole window."
                    ),
                )
            )
    return found
