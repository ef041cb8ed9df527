"""Who launched this instance, and will launch the next one: what else has to change beside the instance itself."""

from __future__ import annotations

from typing import Literal

from imds_probe.dataclass import dataclass

# What has the say comes first: a node group of EKS has an Auto Scaling group, too, and so has a cluster of ECS. EKS Auto Mode makes
# its nodes by Karpenter's node pools.
OwnerKind = Literal[
    "eks-auto-mode",
    "karpenter",
    "eksctl",
    "eks-node-group",
    "kops",
    "elastic-beanstalk",
    "emr",
    "parallelcluster",
    "batch",
    "ecs",
    "auto-scaling",
    "ec2-fleet",
    "spot-fleet",
]


@dataclass(frozen=True)
class Owner:
    """By files and processes of the host, and by what its metadata says; nobody outside was asked.

    `name` is that of the node group, node pool, instance group, environment, cluster, compute environment or group; `cluster` is
    the EKS, kOps or EMR cluster that these belong to. Both are None where the host does not say. `environment_id` is the
    id of an Elastic Beanstalk environment whose name the host does not say. `evidence` is one observation a line.
    """

    kind: OwnerKind
    name: str | None
    evidence: tuple[str, ...]
    cluster: str | None = None
    environment_id: str | None = None


@dataclass(frozen=True)
class LaunchedFrom:
    """The version of a launch template that this instance was made from. `version` is None where the host does not say."""

    launch_template_id: str
    version: str | None
    evidence: str
