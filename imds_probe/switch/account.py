"""The last step: the account's default for new instances."""

from __future__ import annotations

from imds_probe.switch.instance import no_way_back, who_manages
from imds_probe.switch.step import Plan, Setting, Step

_LAST = "Do this once no launch in this Region needs IMDSv1. A launch or a template that names tokens overrides the default."
_TERRAFORM = 'resource "aws_ec2_instance_metadata_defaults" "this" {\n  http_tokens = "required"\n}'


def step(plan: Plan) -> Step | None:
    """None where tokens are required by default already."""
    account = plan.control_plane.account if plan.control_plane else None
    what = "Require tokens by default for new instances of this account in this Region"
    if account is not None and account.options.http_tokens == "required":
        return None
    if account is not None and account.managed_by == "declarative-policy":
        return Step(what=what, notes=(who_manages(account),))
    modify = f"aws ec2 modify-instance-metadata-defaults{plan.region} --http-tokens"
    locked = no_way_back(plan)
    before: str = "no-preference"
    look, notes = [], [_LAST]
    if account is None:
        look.append(f"aws ec2 get-instance-metadata-defaults{plan.region}")
        notes.append("The rollback sets no preference. Name the value that was shown before, if there was one.")
    else:
        before = account.options.http_tokens or before
    return Step(
        what=what,
        commands=(*look, f"{modify} required"),
        rollback=() if locked else (f"{modify} {before}",),
        settings=(Setting("Terraform", _TERRAFORM),),
        notes=tuple(notes),
        no_rollback=locked,
    )
