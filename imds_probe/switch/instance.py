"""The step on the instance itself, and the way back."""

from __future__ import annotations

from imds_probe.facts.control_plane import AccountDefaults, MetadataOptions
from imds_probe.switch.options import command_line
from imds_probe.switch.step import Plan, Step


def command(plan: Plan, options: MetadataOptions) -> str:
    """The command that gives the instance these options."""
    return (
        f"aws ec2 modify-instance-metadata-options{plan.region} --instance-id {plan.instance_id}{command_line(options)}"
    )


def step(plan: Plan) -> Step | None:
    """None where nothing is left to change."""
    limit = plan.after.http_put_response_hop_limit
    raises = limit is not None and limit > (plan.before.http_put_response_hop_limit or 1)
    if plan.before.http_tokens == "required":
        if not raises:
            return None
        what = f"Raise the hop limit of this instance to {limit}"
    else:
        what = "Require tokens on this instance" + (f", and raise its hop limit to {limit}" if raises else "")
    locked = no_way_back(plan)
    return Step(
        what=what,
        commands=(command(plan, plan.after),),
        rollback=() if locked else (command(plan, way_back(plan)),),
        no_rollback=locked,
    )


def way_back(plan: Plan) -> MetadataOptions:
    """What was found, with tokens optional."""
    return MetadataOptions(
        http_tokens="optional",
        http_put_response_hop_limit=plan.before.http_put_response_hop_limit,
        http_endpoint=plan.before.http_endpoint,
        http_protocol_ipv6=plan.before.http_protocol_ipv6,
        instance_metadata_tags=plan.before.instance_metadata_tags,
    )


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
            "Whoever may call ec2:ModifyInstanceMetadataDefaults in this account can lift the enforcement "
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
