"""Causes where a caller asked for a token and the answer did not arrive: what runs, and what has ended."""

from __future__ import annotations

from imds_probe.facts.callers import CallerSeen, TokenOutcome
from imds_probe.facts.containers import Container
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.findings import Fix
from imds_probe.rules.caller_place import is_lost_to_a_rule, is_over, token_is_lost, whose
from imds_probe.rules.cause import Cause
from imds_probe.rules.hop_need import cures, ended_limit, ended_limit_to_try, is_of_user, limit_for
from imds_probe.rules.phrases import raise_hop_limit


def of_lost_token(
    caller: CallerSeen, farthest: CallerSeen, outcome: TokenOutcome, facts: Facts, *, measured: CallerSeen, since: str
) -> Cause:
    """Of a group's latest caller and its farthest one, and the last one whose answer was `measured`. `since` is when it was last
    seen to receive a token after that, empty where it was not.
    """
    container = whose(caller, facts)
    if container is not None and (token_is_lost(container) or is_lost_to_a_rule(container, facts)):
        return of_running(container, facts, evidence=_measured(caller))
    if outcome == "unanswered":
        return Cause(
            "no answer to its token request was seen",
            Fix(
                "Find what drops the token request or its answer: see the findings about rules, routes and the service."
            ),
        )
    ttl, distance = measured.token_ttl, measured.distance
    if ttl is not None and distance is not None and ttl > distance:
        return Cause(
            "it asks for a token and falls back, as the answer is lost on this host although the hop limit suffices",
            Fix("Find the rule or policy that drops the token response. A higher hop limit does not help."),
            _measured(measured),
        )
    if container is not None:
        if container.main is None or container.main.token != "ok":
            return _not_known()
        return _past(caller, f"it has received tokens since, last at {since}") if since else _stuck(caller)
    return _of_ended(farthest, since, facts)


def _past(caller: CallerSeen, now: str) -> Cause:
    return Cause(
        f"it asked for a token, received none and fell back; {now}",
        Fix("Change nothing. The calls no longer count once they are older than the window (watch.window)."),
        _measured(caller),
        past=True,
    )


def _stuck(caller: CallerSeen) -> Cause:
    return Cause(
        "it asked for a token, received none and fell back; tokens arrive there now",
        Fix("Restart the program, so that it asks for a token again."),
        _measured(caller),
    )


def _unidentified(caller: CallerSeen, now: str, facts: Facts) -> Cause:
    return Cause(
        f"it asked for a token, received none and fell back; {now}, and it is not known whether the program still asks without one",
        Fix(
            "Find the program behind the address that the evidence names. If it runs, restart it, so that it asks for a token "
            "again. The calls no longer count once they are older than the window (watch.window)."
        ),
        (*_measured(caller), _unmeasured(caller, facts)),
        unidentified=True,
    )


def of_running(container: Container, facts: Facts, evidence: tuple[str, ...] = ()) -> Cause:
    """The cause where a caller falls back in a container that runs, and to which no token comes."""
    limit = limit_for(container, facts)
    if limit is None:
        return _not_known()
    return Cause(
        f"it asks for a token, receives none and falls back; {cures(container, facts)}",
        raise_hop_limit(limit),
        evidence,
        needs_hop_limit=limit,
    )


def _not_known() -> Cause:
    return Cause(
        "it asks for a token, receives none and falls back; the hop limit that it needs is not known",
        Fix("Look up the finding about this container or its network. It says why no token arrives."),
    )


def _of_ended(caller: CallerSeen, since: str, facts: Facts) -> Cause:
    """What has ended, or is no process of this host, is known by what was captured of it: its own TTL says how far away it is."""
    if is_of_user(caller) or not caller.distance:
        return _not_known()
    limit, imds = ended_limit(caller), facts.get(Imds)
    present = (imds.hop_limit if imds is not None else None) or 0
    if since:
        return _past(caller, f"it has received tokens since, last at {since}")
    if limit and limit <= present:
        now = f"the hop limit is {present} now, and {limit} suffices"
        if is_over(caller, facts):
            return _past(caller, now)
        return _stuck(caller) if caller.pid is not None else _unidentified(caller, now, facts)
    if limit is None:
        return _of_unknown_distance(caller, present, facts)
    return Cause(
        f"it asked for a token, received none and fell back; hop limit {limit} cures that",
        raise_hop_limit(limit),
        (*_measured(caller), _unmeasured(caller, facts)),
        needs_hop_limit=limit,
    )


def _of_unknown_distance(caller: CallerSeen, present: int, facts: Facts) -> Cause:
    """The same where what was captured does not say how far away it is: a hop limit can be tried, and only its next request shows
    whether that is enough.
    """
    limit = ended_limit_to_try(caller)
    if limit is None:
        return _not_known()
    evidence = (*_measured(caller), f"{_unmeasured(caller, facts)}. Its distance is not known")
    if limit <= present:
        return Cause(
            f"it asked for a token, received none and fell back; the hop limit is {present} now, and it is not known whether "
            "that is enough",
            Fix(
                "Keep imds-probe's daemon running until the program has asked again. If it asks with a token, the hop limit is "
                "high enough."
            ),
            evidence,
            raised=True,
        )
    return Cause(
        f"it asked for a token, received none and fell back; a hop limit of at least {limit} is needed",
        Fix(
            f"Raise the hop limit to {limit} while tokens are still optional, and do not require tokens in the same command. Keep "
            "imds-probe's daemon running, and require tokens once the program has asked with one."
        ),
        evidence,
        needs_hop_limit=limit,
    )


def _unmeasured(caller: CallerSeen, facts: Facts) -> str:
    """Why there is nothing but what was captured of it."""
    behind = (
        f"{f' behind {caller.interface}' if caller.interface else ''}{f' at {caller.client}' if caller.client else ''}"
    )
    if caller.origin == "virtual-machine" and not caller.container_id:
        return f"the distance to the virtual machine{behind} cannot be measured from this host"
    if caller.origin == "another-host":
        return f"the distance to the other host{behind} cannot be measured from this host"
    if caller.container_id is not None or caller.pid is not None:
        return "the caller has ended and could not be measured"
    return f"the process that asked{behind} is not known, and the distance to it could not be measured"


def _measured(caller: CallerSeen) -> tuple[str, ...]:
    if caller.token_ttl is None or caller.distance is None:
        return ()
    hops = "1 hop" if caller.distance == 1 else f"{caller.distance} hops"
    over = f" over {caller.interface}" if caller.interface else ""
    return (
        f"the answer to its token request came to this host with TTL {caller.token_ttl}; the caller is {hops} away{over}",
    )
