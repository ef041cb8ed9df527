"""Is a program refused although it sends a token? Nothing of the switch changes that, and it looks like what the switch breaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.findings import Fix, Found, Kind
from imds_probe.kept.command_line import kept_of_stored
from imds_probe.kept.metadata_path import kept_path
from imds_probe.rules.caller_groups import mended_as
from imds_probe.rules.caller_phrases import called, last, times, who
from imds_probe.rules.rule import NothingToJudge, Rule

NAMED_MAX = 20
PATHS_SHOWN = 3
SELDOM = 10  # a client that renews its token after a 401 is refused less often than once in so many requests

TOKEN_EXPIRED = Kind(
    id="token-expired",
    severity="warning",
    title="A program was refused with a token that is expired or invalid",
    meaning="The program asks for a token and sends one, and so speaks IMDSv2. The metadata service answered 401 all the same: the "
    "token had expired, belonged to another instance, or was no token. The service refuses such a token whether tokens are "
    "required or not, so the switch neither causes nor cures that. A program that asks for a new token only after a 401 "
    "is refused once for each token, and is then served.",
    cure="Compare the numbers in the evidence. If one request in ten or fewer was refused, the program renews its token by itself, "
    "and nothing has to be done. Otherwise change the program so that it asks for a new token before the old one expires, and "
    "after each 401. A token that is kept in an image or a file is no use on another instance.",
    sources=("EC2 User Guide: IMDS error codes, 401: the GET request uses an invalid token",),
)


def _find(facts: Facts, catalog: Catalog) -> list[Found] | NothingToJudge:
    del catalog
    callers = facts.get(Callers)
    if callers is None:
        return NothingToJudge("the callers were not watched")
    groups: dict[Hashable, list[CallerSeen]] = defaultdict(list)
    for each in callers.by:
        if each.version == "v2" and not each.probe:
            groups[mended_as(each, facts)].append(each)
    refused = [group for group in groups.values() if any(each.refused for each in group)]
    found = [_expired(group) for group in refused[:NAMED_MAX]]
    if len(refused) > NAMED_MAX:
        found.append(_more(refused[NAMED_MAX:]))
    return found


def _expired(group: Sequence[CallerSeen]) -> Found:
    refused = [each for each in group if each.refused]
    count, calls = sum(each.refused for each in refused), sum(each.count for each in group)
    paths = ", ".join(dict.fromkeys(kept_path(each.path) for each in refused[:PATHS_SHOWN]))
    return TOKEN_EXPIRED.found(
        called(group),
        f"{who(group[0])} was refused {times(count)} with a token that is expired or invalid, last at or before {last(refused)}",
        evidence=(f"answered with 401: {count} of {calls} requests by IMDSv2; requested {paths}", *_newest(refused)),
        fix=Fix(
            "Change the program, or the script that starts it, so that it asks for a new token before the old one expires, and "
            "after each 401. `sudo imds-probe watch` shows each of its calls."
        ),
        severity="info" if count * SELDOM <= calls else None,
    )


def _newest(refused: Sequence[CallerSeen]) -> tuple[str, ...]:
    """The process that was refused last, with its command line, by which somebody finds the program."""
    newest = max(refused, key=lambda each: each.last_seen)
    if not newest.pid:
        return ()
    command = kept_of_stored(newest.cmdline or "", newest.exe)
    starter = f", started by {newest.started_by}" if newest.started_by and not newest.script else ""
    return (f"last refused: process {newest.pid}: {command or newest.comm}{starter}",)


def _more(groups: Sequence[Sequence[CallerSeen]]) -> Found:
    count = sum(each.refused for group in groups for each in group)
    return TOKEN_EXPIRED.found(
        "more callers",
        f"{len(groups)} more callers were refused with a token that is expired or invalid, {times(count)} in all",
        evidence=tuple(who(group[0]) for group in groups[:PATHS_SHOWN]),
        fix=Fix("Find all callers under callers.by in the JSON report."),
    )


RULE = Rule("expired-tokens", _find, kinds=(TOKEN_EXPIRED,))
