"""Services of AWS that launch instances: Elastic Beanstalk, EMR, Batch, ParallelCluster and fleets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from imds_probe.facts.owner import Owner, OwnerKind
from imds_probe.switch.clusters import Made
from imds_probe.switch.options import members
from imds_probe.switch.step import Plan, Setting, Step, word
from imds_probe.switch.templates import launched_by

_OPTION = "Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value="


def _beanstalk(owner: Owner, plan: Plan) -> Step:
    by_id = owner.environment_id if owner.name is None else None
    named = f"id {shlex.quote(by_id)}" if by_id else f"name {word(owner.name, 'ENVIRONMENT_NAME')}"
    update = f"aws elasticbeanstalk update-environment{plan.region} --environment-{named} --option-settings {_OPTION}"
    called = owner.name or by_id
    return Step(
        what=f"Set DisableIMDSv1 in the Elastic Beanstalk environment{f' {called}' if called else ''}",
        commands=(f"{update}true",),
        rollback=(f"{update}false",),
        settings=(
            Setting(
                ".ebextensions",
                "option_settings:\n  aws:autoscaling:launchconfiguration:\n    DisableIMDSv1: true",
            ),
        ),
        notes=("Elastic Beanstalk replaces the instances.", *_no_limit("Elastic Beanstalk", plan)),
    )


def _emr(owner: Owner, plan: Plan) -> Step:
    limit = plan.after.http_put_response_hop_limit
    options = {"MinimumInstanceMetadataServiceVersion": 2, **({"HttpPutResponseHopLimit": limit} if limit else {})}
    configuration = {"InstanceMetadataServiceConfiguration": options}
    # Clusters of one account share these names, and a rollback must not delete that of another one.
    name = f'"require-tokens-{launched_by(owner.name, "CLUSTER_ID")}"'
    named = f"-security-configuration{plan.region} --name {name}"
    return Step(
        what="Require tokens in the EMR security configuration",
        commands=(f"aws emr create{named} --security-configuration {shlex.quote(json.dumps(configuration))}",),
        rollback=(f"aws emr delete{named}",),
        notes=(
            "A cluster has only one security configuration. If this cluster has one, copy it and add "
            "InstanceMetadataServiceConfiguration.",
            f"The cluster{f' {owner.name}' if owner.name else ''} keeps its present security configuration. Launch the next "
            f"cluster with the new one (aws emr create-cluster --security-configuration {name}).",
            "The rollback deletes the new security configuration. Leave the rollback out if anything else names it by then.",
        ),
    )


def _batch(owner: Owner, plan: Plan) -> Step:
    environment = word(owner.name, "COMPUTE_ENVIRONMENT")
    update = (
        f"aws batch update-compute-environment{plan.region} --compute-environment {environment} --compute-resources"
        """ '{"launchTemplate":{"launchTemplateId":"'"$LAUNCH_TEMPLATE_ID"'","version":"'"$"""
    )
    end = """"'"}}'"""
    return Step(
        what=f"Require tokens in the launch template of the Batch compute environment{f' {owner.name}' if owner.name else ''}",
        commands=(f"{update}VERSION{end}",),
        rollback=(f"{update}SOURCE_VERSION{end}",),
        settings=(Setting("launch template data", json.dumps({"MetadataOptions": members(plan.after)})),),
        notes=(
            "First make a new version of the launch template that the compute environment names, not of the copy that Batch "
            "launches from (aws ec2 create-launch-template-version). Then set LAUNCH_TEMPLATE_ID, VERSION to the new version, "
            "and SOURCE_VERSION to the version before.",
            "A compute environment that names $Latest or $Default would stay at a number after these commands. In that case, set "
            "VERSION and SOURCE_VERSION to what it names ('$Latest' or '$Default'). For $Default, also make the new version the "
            "default one (aws ec2 modify-launch-template --default-version).",
            "This is an infrastructure update, which replaces the instances.",
        ),
    )


def _parallelcluster(owner: Owner, plan: Plan) -> Step:
    return Step(
        what=f"Require tokens in the configuration of the ParallelCluster{f' {owner.name}' if owner.name else ''}",
        settings=(Setting("ParallelCluster", "Imds:\n  ImdsSupport: v2.0"),),
        notes=(
            "v2.0 is the default since ParallelCluster 3.7. It cannot be changed in a cluster that exists: create a new one.",
            *_no_limit("ParallelCluster", plan),
        ),
    )


def _fleet(owner: Owner, plan: Plan) -> Step:
    spot = owner.kind == "spot-fleet"
    name = owner.name or ("SPOT_FLEET_REQUEST_ID" if spot else "FLEET_ID")
    what = "Spot Fleet request" if spot else "EC2 Fleet"
    note = "An EC2 Fleet of type maintain takes the new version by aws ec2 modify-fleet --launch-template-configs."
    if spot:
        note = (
            "LaunchSpecifications have no metadata options: there the AMI and the account default decide. Use "
            "LaunchTemplateConfigs (aws ec2 modify-spot-fleet-request --launch-template-configs)."
        )
    return Step(
        what=f"Require tokens in the launch templates of the {what} {name}",
        settings=(Setting("launch template data", json.dumps({"MetadataOptions": members(plan.after)})),),
        notes=(note,),
    )


def _no_limit(what: str, plan: Plan) -> tuple[str, ...]:
    limit = plan.after.http_put_response_hop_limit
    if limit is None or limit < 2:
        return ()
    return (
        f"{what} has no option for the hop limit, and this host needs {limit}. Check the hop limit of the next instance.",
    )


SERVICES: Mapping[OwnerKind, Made] = {
    "elastic-beanstalk": _beanstalk,
    "emr": _emr,
    "batch": _batch,
    "parallelcluster": _parallelcluster,
    "ec2-fleet": _fleet,
    "spot-fleet": _fleet,
}
