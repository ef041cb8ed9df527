"""What the time since IMDSv1 was turned off comes to, for whoever made the switch and waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from imds_probe.dataclass import dataclass
from imds_probe.duration import in_words
from imds_probe.facts.facts import Facts
from imds_probe.facts.shapes import Count, Timestamp
from imds_probe.facts.switched import CREDENTIALS_S, Switched
from imds_probe.findings import Finding, State
from imds_probe.rules.caller_phrases import imdsv1_off, who
from imds_probe.rules.phrases import few
from imds_probe.rules.refused import LOSING, RefusedCaller, refused_callers
from imds_probe.rules.switched_kinds import REFUSED_FOR_GOOD, REFUSED_KEPT_OUT

MINUTE_S, HOUR_S = 60.0, 3600.0
# refused: somebody was refused for good, and nobody has accepted that. refused-unseen: CloudWatch counted refused calls that the
# watch did not see, or more callers were refused than a report holds. not-watched: nobody knows. clean-so-far: none of these, and
# credentials from before the switch may be valid still. clean: none of these.
SwitchedState = Literal["clean", "clean-so-far", "refused", "refused-unseen", "not-watched"]


@dataclass(frozen=True)
class SinceSwitch:
    """`since` is when a run first saw that IMDSv1 is turned off, `hours` ago. `optional_last` is when a run last saw it on.
    `watched_hours` of these hours were watched. `clean_hours` is the time since a caller was last refused for good, at most
    the watched time, apart from callers that the configuration accepts. `refused_callers` counts callers that were refused for
    good, without `accepted_callers`, which the configuration accepts. `recovered_callers` asked again with a token. If nobody
    watched, the hours and `refused_callers` are None. `refused_requests` counts the requests of all. `rejected_unseen` counts
    refused calls that CloudWatch counted and the watch did not see, None if CloudWatch was not asked. `summary` has no full
    stop at its end.
    """

    state: SwitchedState
    since: Timestamp
    hours: float
    clean_hours: float | None
    watched_hours: float | None
    summary: str
    optional_last: Timestamp | None = None
    refused_callers: Count | None = None
    recovered_callers: Count = 0
    accepted_callers: Count = 0
    refused_requests: Count = 0
    rejected_unseen: Count | None = None


def since_switch(facts: Facts, findings: Sequence[Finding]) -> SinceSwitch | None:
    """None where tokens are not known to be required, or it is not known since when."""
    switched = facts.get(Switched)
    if switched is None or switched.since is None:
        return None
    broken = (REFUSED_FOR_GOOD.id, REFUSED_KEPT_OUT.id)
    accepted = {each.subject for each in findings if each.id in broken and each.accepted}
    callers = refused_callers(facts)
    for_good = [each for each in callers if each.outcome == "for-good"]
    counting = [each for each in for_good if each.subject not in accepted]
    unseen = switched.metric.unseen if switched.metric is not None else None
    state = _state(switched, counting, unseen or 0)
    losing = [each for each in callers if each.outcome in LOSING and each.subject not in accepted]
    failed = [each.failed_ago_s for each in losing if each.failed_ago_s is not None]
    watched_s = switched.watched.watched_s if switched.watched is not None else None
    clean_s = None if watched_s is None else min((watched_s, *failed))
    return SinceSwitch(
        state=state,
        since=switched.since,
        hours=_hours(switched.age_s),
        clean_hours=None if watched_s is None or clean_s is None else _hours(clean_s),
        watched_hours=None if watched_s is None else _hours(watched_s),
        summary=_summary(state, switched, len(counting), clean_s),
        optional_last=switched.optional_last,
        refused_callers=None if watched_s is None else len(counting),
        recovered_callers=sum(each.outcome == "recovered" for each in callers),
        accepted_callers=len(for_good) - len(counting),
        refused_requests=sum(each.refused for each in callers),
        rejected_unseen=unseen,
    )


def by_address_alone(facts: Facts, state: State) -> tuple[str, ...]:
    """Who counts as asking with a token by a verdict that the host may be switched, and no process is known of it; in sentences."""
    counting = [each for each in refused_callers(facts) if each.outcome in ("recovered", "mended")]
    unknown = [each for each in counting if any(part.pid is None for part in each.group)]
    if state not in ("ready", "needs-hop-limit") or not unknown:
        return ()
    callers = "1 refused caller counts" if len(unknown) == 1 else f"{len(unknown)} refused callers count"
    named = few([who(each.group[0]) for each in unknown])
    return (f"{callers} as asking with a token because somebody at the same address did: {named}",)


def _state(switched: Switched, for_good: Sequence[RefusedCaller], unseen: int) -> SwitchedState:
    if for_good:
        return "refused"
    if unseen or (switched.watched is not None and switched.watched.left_out):
        return "refused-unseen"
    if switched.watched is None:
        return "not-watched"
    return "clean" if switched.credentials_ran_out else "clean-so-far"


def _summary(state: SwitchedState, switched: Switched, for_good: int, clean_s: float | None) -> str:
    ago = f", at least {in_words(switched.age_s)} ago" if switched.age_s >= MINUTE_S else ""  # which is no news
    begins = f"{imdsv1_off(switched)}{ago}."
    if switched.watched is None or clean_s is None:
        return f"{begins} No daemon watches which programs are refused"
    covers = f"imds-probe has watched for {in_words(switched.watched.watched_s)} since then"
    nobody = "no caller was left without metadata"
    if state == "refused":
        callers = "1 caller was" if for_good == 1 else f"{for_good} callers were"
        return f"{begins} {callers} refused and did not ask again with a token. {covers}"
    if state == "refused-unseen" and (left_out := switched.watched.left_out):
        return f"{begins} The report leaves out {left_out} of the callers that were refused since then"
    if state == "refused-unseen":
        return f"{begins} CloudWatch counted refused calls that the watch did not see"
    if state == "clean":
        return f"{begins} Clean for {in_words(clean_s)}: {nobody}. {covers}"
    keep = f"Programs that keep credentials may fail up to {in_words(CREDENTIALS_S)} after the switch"
    return f"{begins} Clean so far: {nobody}. {covers}. {keep}"


def _hours(seconds: float) -> float:
    return round(seconds / HOUR_S, 2)
