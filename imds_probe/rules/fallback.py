"""What came of a caller's own request for a token says why it asks without one: it lost the answer, was refused, or never asked."""

from __future__ import annotations

from collections.abc import Sequence

from imds_probe.facts.callers import Callers, CallerSeen
from imds_probe.facts.facts import Facts
from imds_probe.facts.imds import Imds
from imds_probe.facts.software import Installed, SdkSoftware
from imds_probe.findings import Fix
from imds_probe.rules.caller_place import is_relayed, token_is_lost, whose
from imds_probe.rules.cause import Cause
from imds_probe.rules.token_answered import ANSWERED
from imds_probe.rules.token_lost import of_lost_token, of_running
from imds_probe.rules.token_outcome import LOST, keeps_to_it, outcome_of
from imds_probe.rules.token_recovered import tokens_since

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
# More calls for each token request are those of no script that asks once and then falls back.
CALLS_OF_ONE_REQUEST = 50


def cause_by_token(group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> Cause | None:
    """Why the callers of a group ask without a token, by what came of their own requests for one; None where that says
    nothing. All of the group have one outcome, or one that is no reason.
    """
    latest = max(group, key=lambda each: each.last_seen)
    outcome = outcome_of(latest, callers)
    if outcome in (*LOST, "unanswered"):
        farthest = max(group, key=lambda each: each.distance or 0)
        seen = [each for each in group if each.token_ttl is not None]  # a later call may be of a watch that began anew
        measured = max(seen, key=lambda each: each.last_seen, default=latest)
        since = tokens_since(group, callers, facts)
        found = of_lost_token(latest, farthest, outcome, facts, measured=measured, since=since)
        return found if since else _unless_doubtful(found, group, callers, facts)
    return ANSWERED[outcome](latest) if outcome in ANSWERED else None


def _unless_doubtful(found: Cause, group: Sequence[CallerSeen], callers: Callers, facts: Facts) -> Cause:
    """The same, but where the calls may be of a part of the program that asks for no token: they came long after the token request
    that was lost, or there were too many of them for each to follow one.
    """
    if found.needs_hop_limit is None and not found.past:
        return found
    asked = [each for each in callers.of_each.get(group[0].identity, ()) if each.path_class == "token"]
    requests, calls = sum(each.count for each in asked), sum(each.count for each in group)
    is_far = any(outcome_of(each, callers) == "lost-before" for each in group)
    is_sdk = all(keeps_to_it(each) for each in group)
    if is_sdk or not (is_far or calls > CALLS_OF_ONE_REQUEST * max(1, requests)):
        return found
    imds = facts.get(Imds)
    limit, present = found.needs_hop_limit, (imds.hop_limit if imds is not None else None) or 1
    first = (
        "Keep the hop limit as it is"
        if limit is None or limit <= present
        else f"Raise the hop limit to {limit} while tokens are still optional, do not require tokens in the same command"
    )
    return Cause(
        "it asked for a token, received none, and did not ask again for most of these calls; it is not known whether it then asks "
        "for a token each time, or has a part that never asks for one",
        Fix(
            f"{first}, and run the program while imds-probe's daemon watches. If it still calls IMDSv1 then, change the part that "
            "asks without a token."
        ),
        (
            *found.evidence,
            f"{calls} calls without a token, and {requests} token requests of the same program in the window",
        ),
        doubtful=True,
    )


def of_one_relay(found: Cause, caller: CallerSeen, facts: Facts) -> Cause:
    """The same where a relay in the caller's own network makes the calls of all programs there: the token request that was lost may
    be another program's than the requests without a token.
    """
    if not is_relayed(caller, facts) or found.needs_hop_limit is None:
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
            (each.pid, each.path_class, each.token) == (caller.pid, "token", "lost")
            for each in callers.of_each.get(caller.identity, ())
        )
    )


def _uses(entry: SdkSoftware, caller: CallerSeen) -> bool:
    return caller.container_id in entry.container_ids and any(user.pid == caller.pid for user in entry.sdk.users)
