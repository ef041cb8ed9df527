"""From findings to the verdict, and the exact commands to switch and to roll back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from imds_probe import exitcodes
from imds_probe.catalog.catalog import Catalog
from imds_probe.dataclass import dataclass
from imds_probe.facts.callers import Callers
from imds_probe.facts.containers import FAR, Containers, titles
from imds_probe.facts.control_plane import ControlPlane
from imds_probe.facts.facts import Facts
from imds_probe.facts.image import Image
from imds_probe.facts.imds import Imds, switched_already
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.facts.shapes import HopLimit, Timestamp
from imds_probe.facts.software import Installed, UsersContainers
from imds_probe.findings import Finding, State
from imds_probe.rules import callers as callers_rule
from imds_probe.rules import code, precedence, sdks, software
from imds_probe.rules.accepted_risks import AcceptedRisk, accepted_risks, why_ready
from imds_probe.rules.caller_phrases import no_call, watched_part
from imds_probe.rules.code_kinds import CODE_IMDSV1_ONCE, CODE_NOT_READ_OF_USERS
from imds_probe.rules.containers_kinds import (
    HOP_LIMIT_TOO_LOW,
    SCHEDULED_CONTAINER_WITHOUT_TOKEN,
    TOKEN_LOST_UNMEASURED,
)
from imds_probe.rules.cut_off import is_unreachable
from imds_probe.rules.hop_alternatives import instead_of, why_limit
from imds_probe.rules.hop_need import (
    AT_LEAST,
    drawn_ways,
    ended_limit,
    ended_without_token,
    is_users,
    limit_for,
    needed_hop_limit,
    needing,
    users_without_token,
)
from imds_probe.rules.judging import RuleRun
from imds_probe.rules.metadata_need import metadata_need
from imds_probe.rules.origins import forgers_of
from imds_probe.rules.phrases import few
from imds_probe.rules.quiet import never_called
from imds_probe.rules.sdks_kinds import SDK_SETTLED, SDK_TOO_OLD_SILENT
from imds_probe.rules.since_switch import SinceSwitch, by_address_alone, since_switch
from imds_probe.rules.software_kinds import SOFTWARE_SETTLED, SOFTWARE_TOO_OLD_SILENT
from imds_probe.switch import instance as instance_step
from imds_probe.switch import owners
from imds_probe.switch.options import cloudformation, in_force, terraform
from imds_probe.switch.step import Plan, Step
from imds_probe.switch.steps import planned
from imds_probe.switch.templates import new_version

Confidence = Literal["low", "medium", "high"]

# Worst first: something that would break is certain, whatever else could not be seen; and "needs-hop-limit" promises
# that everything else was seen.
ORDER: tuple[State, ...] = ("not-ready", "unknown", "needs-hop-limit", "ready")

# What a verdict may stand on, weakest first.
EVIDENCE = ("capability", "code", "reachability", "behaviour", "experiment")
# The rules whose warnings name software that speaks only IMDSv1, or may.
_ON_SOFTWARE = (software.RULE.id, sdks.RULE.id, code.RULE.id, callers_rule.RULE.id)
# They take a container for one that needs metadata where nothing says whether it does.
_ON_NEED = (HOP_LIMIT_TOO_LOW.id, TOKEN_LOST_UNMEASURED.id, SCHEDULED_CONTAINER_WITHOUT_TOKEN.id)

EXIT_CODES: dict[State, int] = {
    "ready": exitcodes.READY,
    "not-ready": exitcodes.NOT_READY,
    "unknown": exitcodes.UNKNOWN,
    "needs-hop-limit": exitcodes.NEEDS_HOP_LIMIT,
}


@dataclass(frozen=True)
class Switch:
    """What to change on the instance. The hop limit is None where it stays as it is. `launch_template` makes a version of the
    instance's launch template that requires tokens, None in reports from before. Where EKS owns the instance, it is None, too, and
    `aws_cli` is empty. The template, and the change of Terraform's and CloudFormation's code, waits for what `template_waits_for`
    says, in sentences without a full stop. `steps` is all of it in order, empty in reports from before. `no_rollback` says in whole
    sentences why tokens cannot be made optional again. `try_first` raises the hop limit alone where nobody has measured whether the
    token arrives with it, and is empty elsewhere: `aws_cli` then waits for a run that shows it.
    """

    http_tokens: str
    http_put_response_hop_limit: HopLimit | None
    aws_cli: str
    terraform: str
    cloudformation: str
    launch_template: str | None = None
    template_waits_for: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    no_rollback: str = ""
    try_first: str = ""

    @property
    def hop_limit_needed(self) -> HopLimit | None:
        """The hop limit that the switch is known to need; None where it stays as it is, and where it has to be tried first."""
        return None if self.try_first else self.http_put_response_hop_limit


@dataclass(frozen=True)
class ImageSwitch:
    """What to set on an image. Instances that are launched of it require tokens then, and nobody can set it back."""

    imds_support: str = "v2.0"  # EC2 API, ModifyImageAttribute
    aws_cli: str = 'aws ec2 modify-image-attribute --image-id "$IMAGE_ID" --imds-support v2.0'


@dataclass(frozen=True)
class Rollback:
    """The way back to what was found."""

    aws_cli: str


@dataclass(frozen=True)
class Verdict:
    """May this host be switched now, or may this image require tokens?

    `evidence` names the kinds it stands on, weakest first. `forgeable` says, in sentences without a full
    stop, where evidence stands alone that somebody else than root could have made up.
    """

    state: State
    confidence: Confidence
    evidence: tuple[str, ...]
    reasons: tuple[str, ...]
    switch: Switch | None
    rollback: Rollback | None
    price: str | None = None  # what the hop limit of the switch command costs in security
    forgeable: tuple[str, ...] = ()
    image: ImageSwitch | None = None  # where an image was judged, which has no switch of its own
    ways: tuple[str, ...] = ()  # where it takes a hop limit above 3: the ways that need it, hop by hop
    accepted: tuple[AcceptedRisk, ...] = ()  # the first to expire comes first
    instead: tuple[str, ...] = ()  # of a higher hop limit: what makes it unnecessary, in whole sentences
    switched: SinceSwitch | None = None  # where tokens are required already, and it is known since when
    # Both are None of an image, and in reports from before. The digest is that of standing.py.
    valid_until: Timestamp | None = None
    digest: str | None = None


def decide(facts: Facts, findings: tuple[Finding, ...], rules: tuple[RuleRun, ...], catalog: Catalog) -> Verdict:
    """Pure: the same facts and findings give the same verdict."""
    deciding = precedence.deciding(findings, facts)
    implied = {finding.implies for finding in deciding}
    not_judged = tuple(run for run in rules if run.status == "error" or run.deselected)
    if not_judged:
        implied.add("unknown")
    state = next(state for state in ORDER if state in implied or state == "ready")
    reasons = tuple(f"{finding.summary} [{finding.id}]" for finding in deciding if finding.implies == state)
    accepted = accepted_risks(findings)
    if state == "unknown":
        reasons += tuple(f"rule {run.id} was not judged: {run.reason}" for run in not_judged)
    if state == "ready":
        reasons = (why_ready(accepted) if accepted else _why_ready(facts, findings),)
    evidence, switched = _evidence(facts), since_switch(facts, findings)
    forgers = forgers_of(deciding, state)
    switch, rollback = (
        _commands(facts, findings, catalog) if facts[Platform].is_ec2 or facts.get(Imds) else (None, None)
    )
    confidence = _confidence(facts, findings, evidence, state, forgers=forgers, catalog=catalog)
    if switched is not None and switched.state != "clean" and state in ("ready", "needs-hop-limit"):
        confidence = (
            "low" if confidence == "low" else "medium"
        )  # who keeps credentials from before the switch may fail yet
    return Verdict(
        state=state,
        confidence=confidence,
        evidence=evidence,
        reasons=reasons,
        switch=switch,
        rollback=rollback,
        price=_price(facts, switch, catalog),
        forgeable=(*_only_from(forgers), *_by_their_own_word(facts, state, catalog), *by_address_alone(facts, state)),
        image=ImageSwitch() if facts.get(Image) is not None else None,
        ways=_ways(facts, switch, catalog),
        accepted=accepted,
        instead=instead_of(switch.http_put_response_hop_limit if switch else None, facts, catalog),
        switched=switched,
    )


def _only_from(forgers: Sequence[str]) -> tuple[str, ...]:
    if not forgers:
        return ()
    return (f"All evidence for this verdict comes from {few(forgers)} and may be forged",)


def _by_their_own_word(facts: Facts, state: State, catalog: Catalog) -> tuple[str, ...]:
    """The containers that would need a higher hop limit, were it not for what their environment says."""
    needed = needed_hop_limit(facts, catalog)
    left_out = [
        each
        for each in facts[Containers].seen
        if not each.sandbox
        and not is_users(each)
        and (each.needs_hop_limit or 0) > needed
        and metadata_need(each, facts, catalog).state == "unlikely"
        and not never_called(each, facts)  # that is the word of whoever watched
    ]
    if state not in ("ready", "needs-hop-limit") or not left_out:
        return ()
    one = len(left_out) == 1
    containers = "1 container counts" if one else f"{len(left_out)} containers count"
    alone = "its own environment variables" if one else "their own environment variables"
    return (f"{containers} as not needing metadata because of {alone} alone: {titles(left_out)}",)


def _confidence(
    facts: Facts,
    findings: Sequence[Finding],
    evidence: tuple[str, ...],
    state: State,
    *,
    forgers: Sequence[str],
    catalog: Catalog,
) -> Confidence:
    """High needs behaviour: a whole window and a whole boot without a call by IMDSv1, or one that was seen of somebody whom root
    trusts. Code decides, but makes no verdict surer: what was read may never run.
    """
    if state == "unknown" or not {"capability", "reachability"} <= set(evidence):
        return "low"
    # What users made has no say, and yet something may break in it.
    ids = {finding.id for finding in findings}
    of_users = bool(
        users_without_token(facts, catalog)
        or facts[UsersContainers].users_software_unread
        or CODE_NOT_READ_OF_USERS.id in ids
    )
    if any(each.accepted for each in findings) and state != "not-ready":
        return "low" if of_users else "medium"  # somebody's word is no evidence
    if state == "needs-hop-limit" and not _is_needed_for_sure(facts, findings, catalog):
        return "low" if of_users else "medium"
    if precedence.is_sure(facts, state):
        return "medium" if of_users or forgers or ids & {SDK_TOO_OLD_SILENT.id, SOFTWARE_TOO_OLD_SILENT.id} else "high"
    return "low" if of_users else "medium"


def _is_needed_for_sure(facts: Facts, findings: Sequence[Finding], catalog: Catalog) -> bool:
    """Whether somebody who needs a higher hop limit is known to need metadata: that nothing says otherwise is no evidence."""
    if any(each.implies == "needs-hop-limit" and each.id not in _ON_NEED for each in findings):
        return True
    imds = facts.get(Imds)
    present = (imds.hop_limit if imds is not None else None) or 1
    far = [each for each in needing(facts, catalog) if (limit_for(each, facts) or 1) > present]
    return any(metadata_need(each, facts, catalog).state != "unknown" for each in far)


def _price(facts: Facts, switch: Switch | None, catalog: Catalog) -> str | None:
    limit = switch.http_put_response_hop_limit if switch else None
    if limit is None or limit < 2:
        return None
    inside = [each for each in facts[Containers].seen if not each.sandbox]
    within = [each for each in inside if 1 < (each.needs_hop_limit or limit_for(each, facts) or 0) <= limit]
    if not within:
        return None
    causes = [each for each in needing(facts, catalog) if limit_for(each, facts) == limit]
    because = f"; it is needed for {titles(causes)}" if causes else ""
    if causes and all(metadata_need(each, facts, catalog).state == "unknown" for each in causes):
        because += ", if metadata is needed there, which is not known"
    return (
        f"Hop limit {limit} lets every process in {len(within)} container{'' if len(within) == 1 else 's'} take the "
        f"instance role's credentials{because}"
    )


def _ways(facts: Facts, switch: Switch | None, catalog: Catalog) -> tuple[str, ...]:
    limit = switch.http_put_response_hop_limit if switch else None
    return drawn_ways(facts, limit, catalog) if limit is not None and limit > FAR else ()


def _why_ready(facts: Facts, findings: Sequence[Finding]) -> str:
    imds, callers = facts.get(Imds), facts.get(Callers)
    if facts.get(Image) is not None:
        return "no package was found in the image that speaks only IMDSv1, and nothing that starts asks without a token"
    if imds is not None and imds.endpoint == "disabled":
        return "the metadata service is turned off, so requiring tokens takes nothing away"
    if switched_already(imds):
        return "nothing was found that breaks without IMDSv1"
    if is_unreachable(facts) and callers is not None:
        return f"{no_call(callers)} in {watched_part(callers)}, and a rule keeps imds-probe from the metadata service"
    counted = [container for container in facts[Containers].seen if not is_users(container)]
    reached = sum(each.token == "ok" for container in counted for each in container.reach[:1])
    inside = f" and {reached} container{'' if reached == 1 else 's'}" if reached else ""
    arrives = f"the token reaches the host{inside}"
    if callers is not None and callers.complete and not callers.losing:
        arrives = f"{no_call(callers)} in {watched_part(callers)}, {arrives}"
    if any(finding.severity == "warning" and finding.rule in _ON_SOFTWARE for finding in findings):
        return f"{arrives}; the warnings name software that speaks only IMDSv1, or may"
    if not facts[Installed].software:
        return f"{arrives}, and none of the installed software is in the catalog"
    if any(finding.id in (SOFTWARE_SETTLED.id, SDK_SETTLED.id) for finding in findings):
        # Some of it may speak only IMDSv1, and was not seen to ask, or is where nothing is served.
        breaks = "the switch breaks none of the installed software that is in the catalog"
        return f"{arrives}, and {breaks}, by its version or by other evidence"
    return f"{arrives}, and all installed software that is in the catalog speaks IMDSv2"


def _evidence(facts: Facts) -> tuple[str, ...]:
    """The kinds that the verdict stands on, weakest first."""
    had: set[str] = set(precedence.counted(facts))
    imds = facts.get(Imds)
    if imds is not None and imds.endpoint in ("enabled", "disabled"):
        had.add("reachability")
    return tuple(kind for kind in EVIDENCE if kind in had)


def _untried(facts: Facts, findings: Sequence[Finding], catalog: Catalog) -> str:
    """What will show whether the token arrives with the hop limit of the switch; empty where that was measured."""
    if any(ended_limit(each) is None for each in ended_without_token(facts)):
        return instance_step.BY_A_WATCH
    if _is_for_schedules(facts, findings, catalog):
        return instance_step.BY_A_START
    return instance_step.BY_A_RUN if any(each.id == TOKEN_LOST_UNMEASURED.id for each in findings) else ""


def _is_for_schedules(facts: Facts, findings: Sequence[Finding], catalog: Catalog) -> bool:
    """Whether containers that schedules start are the only ones that a higher hop limit is for."""
    return _starts_some(findings) and needed_hop_limit(facts, catalog) < AT_LEAST


def _needed(facts: Facts, findings: Sequence[Finding], catalog: Catalog) -> int:
    """The hop limit that the switch needs, with what nobody can measure as it does not run."""
    return max(needed_hop_limit(facts, catalog), AT_LEAST if _starts_some(findings) else 1)


def _starts_some(findings: Sequence[Finding]) -> bool:
    """Whether schedules start containers that need a higher hop limit, and whose need nobody has left out."""
    return any(
        each.id == SCHEDULED_CONTAINER_WITHOUT_TOKEN.id and each.implies == "needs-hop-limit" for each in findings
    )


def _commands(facts: Facts, findings: Sequence[Finding], catalog: Catalog) -> tuple[Switch, Rollback | None]:
    before = in_force(facts)
    present, needed = before.http_put_response_hop_limit, _needed(facts, findings, catalog)
    # Never lowered here: what is not running now may need it. Without need it stays as it is, whatever it is.
    hop_limit = max(present or 1, needed) if present or needed > 1 else None
    after = replace(before, http_tokens="required", http_put_response_hop_limit=hop_limit)
    plan = Plan(
        before=before,
        after=after,
        instance=facts.get(Instance),
        control_plane=facts.get(ControlPlane),
        limit_reason=why_limit(hop_limit, facts, catalog),
        waits_for=tuple(f"{each.summary} [{each.id}]" for each in findings if each.id == CODE_IMDSV1_ONCE.id),
        untried=_untried(facts, findings, catalog),
    )
    undone, no_rollback = instance_step.undone(plan)
    steps = planned(plan)
    switch = Switch(
        http_tokens="required",
        http_put_response_hop_limit=hop_limit,
        aws_cli=instance_step.command(plan, after),
        terraform=terraform(after, plan.limit_reason),
        cloudformation=cloudformation(after),
        launch_template=None if plan.is_of_eks else new_version(owners.template_of(plan), plan).command,
        template_waits_for=steps.template_waits_for,
        steps=steps.all,
        no_rollback=no_rollback,
        try_first="".join(steps.first.commands) if steps.first is not None else "",
    )
    return switch, Rollback(undone) if undone else None
