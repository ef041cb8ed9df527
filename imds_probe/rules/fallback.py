"""What came of a caller's own request for a token says why it asks without one: it lost the answer, was refused, or never asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers, CallerSeen, TokenOutcome
from imds_probe.facts.containers import NO_CONTAINERS, Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Fix
from imds_probe.kept.process_name import is_fetcher
from imds_probe.rules.hop_need import cures, ended_limit, ended_limit_to_try, is_of_user, limit_for
from imds_probe.rules.phrases import raise_hop_limit
from imds_probe.rules.refused import QUIET_S
from imds_probe.rules.relays import lowered_by
from imds_probe.rules.token_outcome import outcome_of
from imds_probe.timestamp import seconds_of

# They ask for no token again in the life of a process, once they received none. Sources: fromInstanceMetadata of the AWS SDK for
# JavaScript v3 (disableFetchToken), tokenProvider of both SDKs for Go (fallback, disabled), Ec2MetadataClient and
# EC2ResourceFetcher of those for Java, EC2InstanceMetadata of that for .NET.
FALL_BACK_FOR_LIFE = frozenset(
    (
        "aws-sdk-js-v3",
        "aws-sdk-go-v1",
        "aws-sdk-go-v2",
        "aws-sdk-go-v2-imds",
        "aws-sdk-java-v1",
        "aws-sdk-java-v2",
        "aws-sdk-net",
    )
)


JAVASCRIPT_V2 = "aws-sdk-js-v2"
QUIET_GAPS = 4  # as many times as long as between two calls


@dataclass(frozen=True)
class Cause:
    """`needs_hop_limit` is set where nothing else has to change, and `past` where nothing has to change any more. `evidence` says
    how that is known. `open`: it may be the cause of a part of the calls only, as several clients cannot be told apart. `raised`:
    the hop limit was raised since, and whether that is enough is not known. `unidentified`: it is enough, and nobody knows the
    process, nor whether it still runs and calls so.
    """

    why: str
    fix: Fix
    evidence: tuple[str, ...] = ()
    needs_hop_limit: int | None = None
    past: bool = False
    open: bool = False
    raised: bool = False
    unidentified: bool = False


def cause_by_token(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> Cause | None:
    """Why the callers of a group ask without a token, by what came of their own requests for one; None where that says
    nothing. All of the group have one outcome, or one that is no reason.
    """
    latest = max(group, key=lambda each: each.last_seen)
    outcome = outcome_of(latest, callers)
    if outcome in ("lost", "unanswered"):
        farthest = max(group, key=lambda each: each.distance or 0)
        seen = [each for each in group if each.token_ttl is not None]  # a later call may be of a watch that began anew
        measured = max(seen, key=lambda each: each.last_seen, default=latest)
        since = tokens_since(group, callers, facts)
        return _lost(latest, farthest, outcome, facts, measured=measured, since=since)
    return _ANSWERED[outcome](latest) if outcome in _ANSWERED else None


def of_one_relay(found: Cause, caller: CallerSeen, facts: Facts) -> Cause:
    """The same where a relay in the caller's own network makes the calls of all programs there: the token request that was lost may
    be another program's than the requests without a token.
    """
    if not _is_relayed(caller, facts) or found.needs_hop_limit is None:
        return found
    limit = found.needs_hop_limit
    return Cause(
        "a relay makes the requests of all programs there; one of them asked for a token and received none, and it is not known "
        "whether another asks without one",
        Fix(
            f"Raise the hop limit to {limit} while tokens are still optional, and do not require tokens in the same command. Then "
            "watch: a program that still calls IMDSv1 never asks for a token, and has to be changed."
        ),
        found.evidence,
        open=True,
    )


def _is_relayed(caller: CallerSeen, facts: Facts) -> bool:
    """Whether a relay in the caller's own network makes its calls, and those of others."""
    container = whose(caller, facts)
    return container is not None and container.main is not None and container.main.relayed


def falls_back_unseen(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> Cause | None:
    """The cause where a process began before it was watched, runs an SDK that asks for no token again once it received none,
    and is where none arrives.
    """
    latest = max(group, key=lambda each: each.last_seen)
    container = whose(latest, facts)
    outcomes = {outcome_of(each, callers) for each in group}  # who was seen to ask for no token does not fall back
    if (
        "unseen" not in outcomes
        or not outcomes <= {"unseen", None}
        or container is None
        or not token_is_lost(container)
    ):
        return None
    for entry in facts[Installed].software:
        if not isinstance(entry, SdkSoftware) or not _uses(entry, latest):
            continue
        evidence = ""
        if entry.component in FALL_BACK_FOR_LIFE:
            evidence = f"{entry.component} {entry.said_version} asks for no token again once it received none"
        elif entry.component == JAVASCRIPT_V2 and all(_lost_later(each, callers) for each in group):
            evidence = f"{entry.component} {entry.said_version} asks for a token before it asks for credentials"
        if evidence:
            found = of_running(container, facts)
            return Cause(found.why, found.fix, (*found.evidence, evidence), found.needs_hop_limit)
    return None


def _lost_later(caller: CallerSeen, callers: Callers) -> bool:
    """Whether the same process was seen to lose a token afterwards, and these calls are the SDK for JavaScript v2's for
    credentials: all else it asks for without a token, in every version.
    """
    return (
        caller.path_class == "credentials"
        and (caller.user_agent or "").startswith("aws-sdk-nodejs/2.")
        and any(
            (each.pid, each.path_class, each.token) == (caller.pid, "token", "lost")
            for each in callers.of_each.get(caller.identity, ())
        )
    )


def tokens_since(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> str:
    """When a caller that fell back was last seen to receive a token after its last call by IMDSv1; empty where it was not, or where
    a process of the same name may still ask without one: some ask for no token again in all their life.
    """
    latest, distance = max(group, key=lambda each: each.last_seen), max(each.distance or 0 for each in group)
    received = [
        each
        for each in _of_same(latest, callers, facts)
        if (each.version, each.path_class, each.token) == ("v2", "token", "answered")
        and each.last_seen > latest.last_seen
        and (each.distance or 0) >= distance
    ]
    newest = max(received, key=lambda each: each.last_seen, default=None)
    if newest is None:
        return ""
    asks_anew = is_fetcher(latest.exe or latest.program) or _is_over(latest, facts)
    asks_itself = latest.pid is not None and newest.pid == latest.pid
    is_known = (asks_anew or asks_itself) and not _is_relayed(latest, facts)
    return newest.last_seen if is_known or _is_silent(group, newest.last_seen) else ""


def _of_same(caller: CallerSeen, callers: Callers, facts: Facts) -> Sequence[CallerSeen]:
    """All calls of one caller. One in a container that has ended is succeeded by those in others of its image."""
    if not caller.image or not _is_over(caller, facts):
        return callers.of_each.get(caller.identity, ())
    return callers.of_images.get((caller.program, caller.script, caller.image, caller.namespace), ())


def _is_over(caller: CallerSeen, facts: Facts) -> bool:
    """Whether the process that called has ended for sure, as its container or its network has."""
    there = facts[Containers]
    all_seen = there.containers is not None and not there.containers_unseen
    is_elsewhere = caller.container_id is not None or (caller.netns is not None and caller.pid is not None)
    return is_elsewhere and all_seen and whose(caller, facts) is None


def _is_silent(group: Sequence[CallerSeen], until: str) -> bool:
    """Whether a process that goes on without tokens would have called again by then."""
    began, ended = min(each.first_seen for each in group), max(each.last_seen for each in group)
    try:
        lasted_s, silent_s = seconds_of(ended) - seconds_of(began), seconds_of(until) - seconds_of(ended)
    except ValueError:
        return False  # a stored report has a day that no calendar has
    gap_s = lasted_s / max(1, sum(each.count for each in group) - 1)
    return silent_s >= max(QUIET_S, QUIET_GAPS * gap_s)


def whose(caller: CallerSeen, facts: Facts) -> Container | None:
    """The container that calls, or the network namespace of what runs in none, as far as it runs still."""
    if caller.container_id is not None:
        return facts[Containers].by_identity(caller.container_id)
    if caller.netns is None or caller.container is not None:
        return None
    spaces = (each for each in facts[Containers].seen if each.runtime in NO_CONTAINERS)
    return next((each for each in spaces if each.netns == caller.netns), None)


def token_is_lost(container: Container) -> bool:
    """Whether a token was tried to be had there, and none arrived."""
    main = container.main
    return main is not None and main.token == "lost" and not main.disagrees


def _is_lost_to_a_rule(container: Container, facts: Facts) -> bool:
    """Whether no token arrives though the hop limit allows for the distance, as a rule lowers TTLs."""
    main = container.main
    return main is not None and main.token == "lost" and lowered_by(main, container, facts) > 0


def _uses(entry: SdkSoftware, caller: CallerSeen) -> bool:
    return caller.container_id in entry.container_ids and any(user.pid == caller.pid for user in entry.sdk.users)


def _lost(
    caller: CallerSeen, farthest: CallerSeen, outcome: TokenOutcome, facts: Facts, *, measured: CallerSeen, since: str
) -> Cause:
    """Of a group's latest caller and its farthest one, and the last one whose answer was `measured`. `since` is when it was last
    seen to receive a token after that, empty where it was not.
    """
    container = whose(caller, facts)
    if container is not None and (token_is_lost(container) or _is_lost_to_a_rule(container, facts)):
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
        if _is_over(caller, facts):
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


def _forbidden(caller: CallerSeen) -> Cause:
    if caller.forwarded:
        return Cause(
            "its token request passes a proxy that adds X-Forwarded-For, and the service refuses such a request (403)",
            Fix(
                "Add 169.254.169.254 to the program's NO_PROXY, so that it asks the metadata service directly. You can "
                "also configure the proxy so that it adds no X-Forwarded-For."
            ),
        )
    return Cause(
        "its token request is refused (403), and it falls back",
        Fix(
            "Find out why the token request is refused. The service answers 403 if the request has X-Forwarded-For, or if the "
            "service is turned off. A proxy answers 403 if it forbids the request."
        ),
    )


def _not_found(caller: CallerSeen) -> Cause:
    del caller
    return Cause(
        "its token request is answered with 404 or 405, and it falls back; the server that answers does not speak IMDSv2",
        Fix("Find the proxy or program that answers as the metadata service, and upgrade or remove it."),
    )


def _other(caller: CallerSeen) -> Cause:
    del caller
    return Cause(
        "its token request is answered with an error, and it falls back",
        Fix("Check the method, the path and the TTL header of the token request."),
    )


_ANSWERED: dict[TokenOutcome | None, Callable[[CallerSeen], Cause]] = {
    "forbidden": _forbidden,
    "not-found": _not_found,
    "other": _other,
}
