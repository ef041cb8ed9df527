"""What came of the last token request before a caller's calls by IMDSv1, also where the watch came too late to see it."""

from __future__ import annotations

from imds_probe.facts.callers import Callers, CallerSeen, TokenOutcome
from imds_probe.kept.asking_once import asks_once

LOST: tuple[TokenOutcome, ...] = ("lost", "lost-before")


def outcome_of(caller: CallerSeen, callers: Callers) -> TokenOutcome | None:
    """What came of the last token request before a caller's calls by IMDSv1. A process that is known to have lost one, and of
    which no other was seen since the watch began anew, is what it was, if it is an SDK: else it may be a part that asks for none.
    So is a script that starts another process for each
    request, where it was never seen to ask without having lost one, or to receive one.
    """
    if caller.token != "unseen" or (caller.pid is None and caller.script is None):
        return caller.token
    own = callers.of_each.get(caller.identity, ())
    by_v1 = [each for each in own if each.version == "v1"]
    own_process = {each.token for each in by_v1 if each.pid == caller.pid and caller.pid is not None}
    if own_process.intersection(LOST):
        return "lost" if keeps_to_it(caller) and "lost" in own_process else "lost-before"
    if caller.script is None:
        return "unseen"
    # The script's own requests for tokens, by processes of their own: in one process, somebody else may have made them.
    asked = [each for each in own if (each.version, each.path_class) == ("v2", "token") and each.pid != caller.pid]
    outcomes = {each.token for each in (*by_v1, *asked)} - {"unseen"}
    if outcomes == {"lost"}:
        return "lost"
    return "lost-before" if outcomes and outcomes.issubset(LOST) else "unseen"


def keeps_to_it(caller: CallerSeen) -> bool:
    """Whether it is an SDK that asks for a token before all else, and may not do so again once it received none."""
    return asks_once(caller.user_agent or "", caller.exe or caller.program, caller.path_class)


def plain(outcome: TokenOutcome | None) -> bool:
    """Whether that is no reason for asking without a token."""
    return outcome in ("none", "unseen", "answered", None)
