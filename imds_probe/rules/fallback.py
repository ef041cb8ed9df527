"""What came of a caller's own request for a token says why it asks without one: it lost the answer, was refused, or never asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers, CallerSeen, TokenOutcome
from imds_probe.facts.containers import NO_CONTAINERS, Container, Containers
from imds_probe.facts.facts import Facts
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Fix
from imds_probe.rules.hop_need import AT_LEAST, cures, ended_limit, is_of_user, limit_for
from imds_probe.rules.phrases import raise_hop_limit
from imds_probe.rules.relays import lowered_by
from imds_probe.rules.token_outcome import outcome_of

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


@dataclass(frozen=True)
class Cause:
    """`needs_hop_limit` is set where nothing else has to change. `evidence` says how that is known. `open`: it may be the cause of
    a part of the calls only, as several clients cannot be told apart.
    """

    why: str
    fix: Fix
    evidence: tuple[str, ...] = ()
    needs_hop_limit: int | None = None
    open: bool = False


def cause_by_token(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> Cause | None:
    """Why the callers of a group ask without a token, by what came of their own requests for one; None where that says
    nothing. All of the group have one outcome, or one that is no reason.
    """
    latest = max(group, key=lambda each: each.last_seen)
    outcome = outcome_of(latest, callers)
    if outcome in ("lost", "unanswered"):
        return _lost(latest, outcome, facts)
    return _ANSWERED[outcome](latest) if outcome in _ANSWERED else None


def of_one_relay(found: Cause, caller: CallerSeen, facts: Facts) -> Cause:
    """The same where a relay in the caller's own network makes the calls of all programs there: the token request that was lost may
    be another program's than the requests without a token.
    """
    container = whose(caller, facts)
    relayed = container is not None and container.main is not None and container.main.relayed
    if not relayed or found.needs_hop_limit is None:
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
            (each.identity, each.pid, each.path_class, each.token) == (caller.identity, caller.pid, "token", "lost")
            for each in callers.by
        )
    )


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
    return container.main is not None and container.main.token == "lost" and lowered_by(container, facts) > 0


def _uses(entry: SdkSoftware, caller: CallerSeen) -> bool:
    return caller.container_id in entry.container_ids and any(user.pid == caller.pid for user in entry.sdk.users)


def _lost(caller: CallerSeen, outcome: TokenOutcome, facts: Facts) -> Cause:
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
    if caller.token_ttl is not None and caller.distance is not None and caller.token_ttl > caller.distance:
        return Cause(
            "it asks for a token and falls back, as the answer is lost on this host although the hop limit suffices",
            Fix("Find the rule or policy that drops the token response. A higher hop limit does not help."),
            _measured(caller),
        )
    if container is not None and container.main is not None and container.main.token == "ok":
        return Cause(
            "it asked for a token, received none and fell back; tokens arrive there now",
            Fix("Restart the program, so that it asks for a token again."),
            _measured(caller),
        )
    if container is not None:
        return _not_known()
    return _of_ended(caller)


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


def _of_ended(caller: CallerSeen) -> Cause:
    """What has ended is known by what was captured of it: its own TTL says how far away it was."""
    if is_of_user(caller) or not caller.distance:
        return _not_known()
    limit = ended_limit(caller)
    cures = f"hop limit {limit} cures that" if limit else f"a hop limit of at least {AT_LEAST} is needed"
    where = "" if limit else f". Its distance is not known: try hop limit {AT_LEAST} first"
    return Cause(
        f"it asked for a token, received none and fell back; {cures}",
        raise_hop_limit(limit or AT_LEAST),
        (*_measured(caller), f"the caller has ended and could not be measured{where}"),
        needs_hop_limit=limit or AT_LEAST,
    )


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
