"""Nodes of Kubernetes: EKS Auto Mode, EKS node groups, eksctl, Karpenter and kOps."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping

from imds_probe.facts.control_plane import MetadataOptions, Template
from imds_probe.facts.owner import Owner, OwnerKind
from imds_probe.switch.instance import no_way_back, way_back
from imds_probe.switch.options import members
from imds_probe.switch.step import Plan, Setting, Step, word
from imds_probe.switch.templates import is_done, launched_by, new_version

Made = Callable[[Owner, Plan], Step | None]

_REPLACES = "This replaces each node of the group."


def _eks(owner: Owner, plan: Plan) -> Step | None:
    own = plan.instance.launch_template if plan.instance else None
    title = f"the EKS node group{f' {owner.name}' if owner.name else ''}"
    if plan.instance is not None and own is None:
        return Step(
            what=f"Replace {title} by one with a launch template that requires tokens",
            settings=(_template_settings(plan),),
            notes=(
                f"By its labels, {title} has no launch template of its own. Its metadata options cannot be changed.",
                "Create a node group with a launch template of its own (aws eks create-nodegroup --launch-template), and move "
                "the pods there.",
            ),
        )
    template_id = own.launch_template_id if own else None
    template = Template(template_id, None, own.version if own else None, options=_options_of(template_id, plan))
    if is_done(template.options, plan):
        return None
    by = launched_by(".".join(filter(None, (owner.cluster, owner.name))) if owner.name else None, "NODE_GROUP")
    version = new_version(template, plan, by)
    group = (
        f"aws eks update-nodegroup-version{plan.region} --cluster-name {word(owner.cluster, 'CLUSTER_NAME')}"
        f" --nodegroup-name {word(owner.name, 'NODE_GROUP')} --launch-template"
        f" id={word(template_id, 'LAUNCH_TEMPLATE_ID')},version="
    )
    return Step(
        what=f"Require tokens in the launch template of {title}",
        commands=(*version.create, f"{group}{version.number}"),
        rollback=(f"{group}{version.source}", version.delete),
        notes=(
            _REPLACES,
            *version.notes,
            *_set(
                ("CLUSTER_NAME", owner.cluster),
                ("NODE_GROUP", owner.name),
                ("LAUNCH_TEMPLATE_ID", template_id),
                ("SOURCE_VERSION", own.version if own else None),
            ),
        ),
    )


def _options_of(template_id: str | None, plan: Plan) -> MetadataOptions | None:
    """What the control plane said of the template, where it was asked about this one: EKS launches from a copy of it."""
    said = plan.control_plane.launched_from if plan.control_plane else None
    return said.options if said is not None and template_id and said.launch_template_id == template_id else None


def _template_settings(plan: Plan) -> Setting:
    return Setting("launch template data", json.dumps({"MetadataOptions": members(plan.after)}))


def eks_auto_mode(owner: Owner | None, plan: Plan) -> Step | None:
    """EKS itself says what these instances have. None where it has them require tokens already."""
    pool = f" of the node pool {owner.name}" if owner is not None and owner.name else ""
    if plan.before.http_tokens == "required":
        return None
    return Step(
        what=f"Leave the next instance{pool} to EKS Auto Mode, which requires tokens on the instances that it launches",
        notes=(
            "EKS owns the instances of Auto Mode and their launch templates, and nobody else may change them. A NodeClass has no "
            "option for tokens or the hop limit.",
            "This instance has optional tokens all the same. Replace its node (kubectl delete node), and run imds-probe on the new "
            "one.",
            "Pods that need credentials get them by EKS Pod Identity or IRSA.",
        ),
    )


def _eksctl(owner: Owner, plan: Plan) -> Step:
    limit = plan.after.http_put_response_hop_limit
    return Step(
        what=f"Require tokens in eksctl's configuration of the node group{f' {owner.name}' if owner.name else ''}",
        settings=(
            Setting("eksctl", "managedNodeGroups:  # or nodeGroups\n  - name: NAME\n    disableIMDSv1: true"),
            Setting(
                "eksctl, with a launch template", 'launchTemplate:\n  id: LAUNCH_TEMPLATE_ID\n  version: "VERSION"'
            ),
            _template_settings(plan),
        ),
        notes=(
            "Create a node group from the configuration (eksctl create nodegroup), and then delete the old one: eksctl does not "
            "change the options of one that exists.",
            f"eksctl has no key for the hop limit. Hop limit {limit} takes a launch template instead of disableIMDSv1."
            if limit is not None and limit > 1
            else "eksctl has no key for the hop limit. Another one takes a launch template instead of disableIMDSv1.",
            "disablePodIMDS: true keeps pods away from the service. Set it only if no pod needs metadata.",
        ),
    )


def _karpenter(owner: Owner, plan: Plan) -> Step:
    pool = word(owner.name, "NODE_POOL")
    node_class = (
        f"NODE_CLASS=$(kubectl get nodepool {pool} --output jsonpath='{{.spec.template.spec.nodeClassRef.name}}')"
    )
    patch = 'kubectl patch ec2nodeclass "$NODE_CLASS" --type merge --patch '
    locked = no_way_back(plan)
    return Step(
        what=f"Require tokens in the EC2NodeClass of Karpenter's node pool{f' {owner.name}' if owner.name else ''}",
        commands=(node_class, f"{patch}{_metadata_options(plan.after)}"),
        rollback=() if locked else (node_class, f"{patch}{_metadata_options(way_back(plan))}"),
        notes=(
            "Karpenter replaces each node of the class, as far as disruption budgets allow it.",
            "The rollback sets the options that this node had. Compare them with the class before the change: "
            'kubectl get ec2nodeclass "$NODE_CLASS" --output yaml',
            *_set(("NODE_POOL", owner.name)),
        ),
        no_rollback=locked,
    )


def _metadata_options(options: MetadataOptions) -> str:
    """As an EC2NodeClass has them: it has no key for tags, and writes IPv6 its own way."""
    named = {
        "httpEndpoint": options.http_endpoint,
        "httpProtocolIPv6": options.http_protocol_ipv6,
        "httpPutResponseHopLimit": options.http_put_response_hop_limit,
        "httpTokens": options.http_tokens,
    }
    said = {name: value for name, value in named.items() if value is not None}
    return shlex.quote(json.dumps({"spec": {"metadataOptions": said}}))


def _kops(owner: Owner, plan: Plan) -> Step:
    limit = plan.after.http_put_response_hop_limit
    cluster, group = word(owner.cluster, "CLUSTER_NAME"), word(owner.name, "INSTANCE_GROUP")
    lines = ["spec:", "  instanceMetadata:", "    httpTokens: required"]
    lines += [] if limit is None else [f"    httpPutResponseHopLimit: {limit}"]
    return Step(
        what=f"Require tokens in the kOps instance group{f' {owner.name}' if owner.name else ''}",
        commands=(
            f"kops edit instancegroup --name {cluster} {group}",
            f"kops update cluster --name {cluster} --yes",
            f"kops rolling-update cluster --name {cluster} --instance-group {group} --yes",
        ),
        settings=(Setting("kOps", "\n".join(lines)),),
        notes=(
            f"The first command opens an editor: write there what stands under kOps. {_REPLACES}",
            "To go back, remove these lines and run the commands again.",
            *_set(("CLUSTER_NAME", owner.cluster), ("INSTANCE_GROUP", owner.name)),
        ),
    )


def _set(*variables: tuple[str, str | None]) -> tuple[str, ...]:
    """What the reader has to fill in."""
    missing = [name for name, value in variables if not value]
    return (f"Set {', '.join(missing)} first.",) if missing else ()


CLUSTERS: Mapping[OwnerKind, Made] = {
    "eks-auto-mode": eks_auto_mode,
    "eks-node-group": _eks,
    "eksctl": _eksctl,
    "karpenter": _karpenter,
    "kops": _kops,
}
