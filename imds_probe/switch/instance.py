"""The step on the instance itself, and the way back."""

from __future__ import annotations

from dataclasses import replace

from imds_probe.facts.control_plane import AccountDefaults, MetadataOptions
from imds_probe.switch.options import command_line
from imds_probe.switch.step import Plan, Step

REPLACE = "EKS owns this instance, and nobody else can change its options. Replace its node (kubectl delete node)."
SHOWN_FIRST = "another run has to show that the token arrives with the raised hop limit"
BY_A_RUN = "Run imds-probe again after this step: its report says whether the token arrives."
BY_A_START = (
    "Keep imds-probe's daemon running after this step until the schedule has started the container, and run imds-probe again then: "
    "its report says whether the token arrives."
)
BY_A_WATCH = (
    "Keep imds-probe's daemon running after this step until the program that lost the token has asked again, and run imds-probe "
    "again then: its report says whether the token arrives."
)


def command(plan: Plan, options: MetadataOptions) -> str:
    """The command that gives the instance these options; empty where EKS owns it."""
    if plan.is_of_eks:
        return ""
    return (
        f"aws ec2 modify-instance-metadata-options{plan.region} --instance-id {plan.instance_id}{command_line(options)}"
    )


def step(plan: Plan, *, tried_first: bool) -> Step | None:
    """None where nothing is left to change, or by nobody but EKS. `tried_first`: the step of `trial` comes before."""
    if not _is_left(plan):
        return None
    limit = plan.after.http_put_response_hop_limit
    if plan.before.http_tokens == "required":
        what = f"Raise the hop limit of this instance to {limit}"
    else:
        raises = _raises(plan) and not tried_first
        what = "Require tokens on this instance" + (f", and raise its hop limit to {limit}" if raises else "")
    locked = _lock(plan)
    return Step(
        what=what,
        commands=(command(plan, plan.after),),
        rollback=() if locked else (command(plan, way_back(plan)),),
        no_rollback=locked,
        waits_for=(SHOWN_FIRST,) if tried_first else (),
    )


def trial(plan: Plan) -> Step | None:
    """The step before: the hop limit alone, so that nothing breaks if the token does not arrive. None where that is measured."""
    limit, present = plan.after.http_put_response_hop_limit, plan.before.http_put_response_hop_limit or 1
    if not plan.untried or plan.is_of_eks or plan.before.http_tokens == "required" or not _raises(plan):
        return None
    raised = MetadataOptions(http_put_response_hop_limit=limit, http_endpoint="enabled")
    return Step(
        what=f"Raise the hop limit of this instance to {limit}, and leave tokens optional",
        commands=(command(plan, raised),),
        rollback=(command(plan, replace(raised, http_put_response_hop_limit=present)),),
        notes=(plan.untried,),
    )


def way_back(plan: Plan) -> MetadataOptions:
    """What was found. Tokens are optional where nobody said what they were."""
    return replace(plan.before, http_tokens=plan.before.http_tokens or "optional")


def undone(plan: Plan) -> tuple[str, str]:
    """The command that undoes the step, and why there is none: one of the two. Where nothing is left to change, the switch was made
    before, and what undoes that is said.
    """
    if plan.is_of_eks:
        return "", REPLACE
    if _is_left(plan):
        locked = _lock(plan)
        return "" if locked else command(plan, way_back(plan)), locked
    if plan.before.http_endpoint == "disabled":
        return "", "The metadata service is turned off on this instance, so there is nothing to undo."
    locked = no_way_back(plan)
    return "" if locked else command(plan, replace(plan.before, http_tokens="optional")), locked


def _raises(plan: Plan) -> bool:
    """Whether the hop limit of the switch is higher than the present one."""
    limit = plan.after.http_put_response_hop_limit
    return limit is not None and limit > (plan.before.http_put_response_hop_limit or 1)


def _is_left(plan: Plan) -> bool:
    """Whether there is something to change, and for others than EKS."""
    return not plan.is_of_eks and (plan.before.http_tokens != "required" or _raises(plan))


def _lock(plan: Plan) -> str:
    """Why the step cannot be undone; empty where it can."""
    return no_way_back(plan) if plan.before.http_tokens != "required" else ""


def no_way_back(plan: Plan) -> str:
    """Why tokens cannot be made optional again, and who can change that; empty where they can."""
    account = plan.control_plane.account if plan.control_plane else None
    if account is None or not account.http_tokens_enforced:
        return ""
    return (
        "The account enforces IMDSv2 in this Region: EC2 refuses to make tokens optional again, and to launch an instance "
        f"with optional tokens. {_who_lifts(account)}"
    )


def _who_lifts(account: AccountDefaults) -> str:
    if account.managed_by != "declarative-policy":
        return (
            "A user or role of this account with the right ec2:ModifyInstanceMetadataDefaults can lift the enforcement "
            "(--http-tokens-enforced disabled)."
        )
    return who_manages(account)


def who_manages(account: AccountDefaults) -> str:
    """Who changes the defaults of an account that its organization manages, in whole sentences."""
    told = f' The policy says: "{account.exception_message}"' if account.exception_message else ""
    return (
        "A declarative policy of AWS Organizations manages these defaults. Only the organization's management account or its "
        f"delegated administrator can change them.{told}"
    )
