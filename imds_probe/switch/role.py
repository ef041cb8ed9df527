"""The step between: the role refuses credentials that came by IMDSv1, on all of its instances and until it is told otherwise."""

from __future__ import annotations

import json
import shlex

from imds_probe.switch.step import Plan, Step

POLICY = "imds-probe-refuse-imdsv1-credentials"
# EC2 User Guide: the version of the service that delivered the role's credentials, "1.0" or "2.0".
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "RefuseCredentialsByImdsV1",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"NumericLessThan": {"ec2:RoleDelivery": "2.0"}},
        }
    ],
}


def step(plan: Plan) -> Step:
    role = (
        f"PROFILE=$(aws ec2 describe-instances{plan.region} --instance-ids {plan.instance_id}"
        " --query 'Reservations[0].Instances[0].IamInstanceProfile.Arn' --output text)",
        'ROLE_NAME=$(aws iam get-instance-profile --instance-profile-name "${PROFILE##*/}"'
        " --query 'InstanceProfile.Roles[0].RoleName' --output text)",
    )
    policy = f'-role-policy --role-name "$ROLE_NAME" --policy-name {POLICY}'
    return Step(
        what="Let AWS refuse credentials of the instance role that were fetched by IMDSv1",
        commands=(*role, f"aws iam put{policy} --policy-document {shlex.quote(json.dumps(DOCUMENT))}"),
        rollback=(*role, f"aws iam delete{policy}"),
        notes=(
            "This policy affects every instance with this role. Deleting the policy undoes the step on all of them.",
            "AWS then denies calls with credentials that were fetched by IMDSv1. Other metadata is still served by IMDSv1.",
            "Leave this step out if the instance has no role.",
        ),
    )
