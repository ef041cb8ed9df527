"""Who owns this instance, as the parser reads it: what node groups, clusters and environments leave on their hosts."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imds_probe.collect.owner_tasks import OwnersLooked, OwnersSeen
from imds_probe.facts.owner import LaunchedFrom, Owner, OwnerKind
from imds_probe.inventory.settings.programs import find
from imds_probe.system import rootfs
from imds_probe.system.small_file import needed, read_several

LIMIT_BYTES = 256 * 1024
KUBELET = "kubelet"
# Where the arguments and labels of a kubelet stand: nodeadm, Amazon Linux 2's bootstrap.sh, eksctl, kOps.
KUBELET_FILES = (
    "etc/eks/kubelet/environment",
    "etc/systemd/system/kubelet.service.d/30-kubelet-extra-args.conf",
    "etc/eksctl/kubelet.env",
    "etc/sysconfig/kubelet",
)
KUBECONFIG = "var/lib/kubelet/kubeconfig"
ECS_CONFIG = "etc/ecs/ecs.config"
KOPS_ENV = "opt/kops/conf/kube_env.yaml"
BEANSTALK = "opt/elasticbeanstalk/config/ebenvinfo"
EMR_JOB_FLOW = "mnt/var/lib/info/job-flow.json"
PARALLEL_CLUSTER = "etc/parallelcluster/cfnconfig"
_NODE_GROUP, _KARPENTER, _PROVISIONER = (
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
)
_TEMPLATE, _TEMPLATE_VERSION = (
    "eks.amazonaws.com/sourceLaunchTemplateId",
    "eks.amazonaws.com/sourceLaunchTemplateVersion",
)
# EKS User Guide, "Control if a workload is deployed on EKS Auto Mode nodes".
_COMPUTE_TYPE, _AUTO_MODE = "eks.amazonaws.com/compute-type", "auto"
_EKSCTL, _EKSCTL_CLUSTER = "alpha.eksctl.io/nodegroup-name", "alpha.eksctl.io/cluster-name"
_KOPS = "kops.k8s.io/instancegroup"
_BY_LABEL: Mapping[str, OwnerKind] = {
    _NODE_GROUP: "eks-node-group",
    _EKSCTL: "eksctl",
    _KARPENTER: "karpenter",
    _PROVISIONER: "karpenter",
    _KOPS: "kops",
}
# Kubernetes, "Labels and Selectors": what a value may be. Nothing longer or stranger gets into a command to paste.
NODE_LABEL = re.compile(
    r"(?<![\w./-])((?:eks\.amazonaws\.com|karpenter\.sh|alpha\.eksctl\.io|kops\.k8s\.io)/[A-Za-z-]{1,40})"
    r"=([A-Za-z0-9][\w.-]{0,62})"
)
ASSIGNED = re.compile(r"(?:export )?([A-Za-z_]{1,40}) ?[:=] ?[\"']?([A-Za-z0-9][\w.-]{0,254})[\"']?")
ENVIRONMENT_ID = re.compile(r"e-[a-z0-9]{6,20}")
JOB_FLOW = re.compile(r"j-[A-Z0-9]{6,20}")
TEMPLATE_ID = re.compile(r"lt-[0-9a-f]{8,17}")
TEMPLATE_NUMBER = re.compile(r"\d{1,9}")
# What Batch calls the clusters that it makes: the compute environment's name and something of its own.
BATCH_CLUSTER = re.compile(r"(?:AWSBatch-([\w-]{1,128})-[0-9a-f-]{36}|([\w-]{1,128})_Batch_[0-9a-f-]{36})")
CLUSTER_ARGUMENT = re.compile(r"^\s*-\s*[\"']?(?:-i|--cluster-name|--cluster-id)[\"']?\s*$")
LISTED_NAME = re.compile(r"^\s*-\s*[\"']?([A-Za-z0-9][\w-]{0,99})[\"']?\s*$")
ROOTS_OWN = re.compile(rb"^Uid:\t0\t0\t", re.MULTILINE)


def read_owners(looked: OwnersLooked) -> Iterator[OwnersSeen]:
    """All owners that something names. What one file does not tell, the others do."""
    root = Path(looked.root)
    files = _Files(root)
    texts = [(f"/{path}", text) for path in KUBELET_FILES if (text := files.text(path))]
    texts += [("arguments of the kubelet", text) for text in _arguments(looked)]
    labels: dict[str, tuple[str, str]] = {}
    for place, text in texts:
        for name, value in node_labels(text).items():
            labels.setdefault(name, (value, place))
    by_label = labels.get(_EKSCTL_CLUSTER)
    cluster = by_label[0] if by_label else cluster_of(files.text(KUBECONFIG))
    owners = list(_by_labels(labels, cluster))
    owners += [owner for make in _BY_FILES if (owner := make(files)) is not None]
    yield OwnersSeen(tuple(owners), template_of(labels), tuple(files.troubles))


def node_labels(text: str) -> dict[str, str]:
    """The labels among the arguments of a kubelet that say who made the node. What is commented out says nothing."""
    return {name: value for line in _lines(text) for name, value in NODE_LABEL.findall(line)}


def template_of(labels: Mapping[str, tuple[str, str]]) -> LaunchedFrom | None:
    """The launch template, which EKS names exactly."""
    template, place = labels.get(_TEMPLATE, ("", ""))
    version, _ = labels.get(_TEMPLATE_VERSION, ("", ""))
    if not TEMPLATE_ID.fullmatch(template):
        return None
    known = version if TEMPLATE_NUMBER.fullmatch(version) else None
    return LaunchedFrom(template, known, f"{place}: {_TEMPLATE}={template}")


def cluster_of(kubeconfig: str) -> str | None:
    """The name of the EKS cluster by which the kubelet asks for its token."""
    lines = kubeconfig.splitlines()
    for option, value in itertools.pairwise(lines):
        if CLUSTER_ARGUMENT.match(option) and (named := LISTED_NAME.match(value)):
            return named[1]
    return None


def assigned(text: str) -> dict[str, str]:
    """Lines NAME=VALUE or NAME: VALUE of files that shells and services read, as far as their values are names."""
    return {found[1]: found[2] for line in _lines(text) if (found := ASSIGNED.fullmatch(line))}


def _lines(text: str) -> list[str]:
    return [line for each in text.splitlines() if (line := each.strip()) and not line.startswith("#")]


def _arguments(looked: OwnersLooked) -> Iterator[str]:
    """Those of root's kubelets: anybody may call a program so."""
    proc = Path(looked.proc)
    for program in find(proc, looked.pids, {KUBELET: [KUBELET]}, ())[KUBELET]:
        try:
            status = needed(read_several(proc / str(program.pid), [("status", LIMIT_BYTES)])[0])
        except OSError:
            continue
        if ROOTS_OWN.search(status):
            yield "\n".join(program.arguments)


def _by_labels(labels: Mapping[str, tuple[str, str]], cluster: str | None) -> Iterator[Owner]:
    value, place = labels.get(_COMPUTE_TYPE, ("", ""))
    if value == _AUTO_MODE:
        pool = labels[_KARPENTER][0] if _KARPENTER in labels else None
        yield Owner("eks-auto-mode", pool, (f"{place}: {_COMPUTE_TYPE}={value}",), cluster)
    for label, kind in _BY_LABEL.items():
        if label in labels:
            value, place = labels[label]
            yield Owner(kind, value, (f"{place}: {label}={value}",), None if kind == "kops" else cluster)


class _Files:
    """What lies below the root; what cannot be read is told of."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.troubles: list[str] = []

    def text(self, path: str) -> str:
        try:
            content = rootfs.read(self._root, path, LIMIT_BYTES)
        except rootfs.FileUnreadable as trouble:
            self.troubles.append(trouble.problem)
            return ""
        return (content or b"").decode(errors="replace")

    def names(self, path: str) -> tuple[str, ...]:
        try:
            return rootfs.names(self._root, path)
        except rootfs.FileUnreadable as trouble:
            self.troubles.append(trouble.problem)
            return ()


def _kops(files: _Files) -> Owner | None:
    said = {name.lower(): value for name, value in assigned(files.text(KOPS_ENV)).items()}  # its case has changed
    cluster, group = said.get("clustername"), said.get("instancegroupname")
    if cluster is None and group is None:
        return None
    return Owner("kops", group, (f"/{KOPS_ENV} is there",), cluster)


def _beanstalk(files: _Files) -> Owner | None:
    if not files.names(BEANSTALK):
        return None
    environment = files.text(f"{BEANSTALK}/envid").strip()
    known = environment if ENVIRONMENT_ID.fullmatch(environment) else None
    return Owner("elastic-beanstalk", None, (f"/{BEANSTALK} names an environment",), environment_id=known)


def _emr(files: _Files) -> Owner | None:
    job_flow = job_flow_of(files.text(EMR_JOB_FLOW))
    if job_flow is None:
        return None
    return Owner("emr", job_flow, (f"/{EMR_JOB_FLOW}: jobFlowId={job_flow}",), job_flow)


def job_flow_of(text: str) -> str | None:
    """The EMR cluster's id."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = document.get("jobFlowId") if isinstance(document, dict) else None
    return found if isinstance(found, str) and JOB_FLOW.fullmatch(found) else None


def _parallel_cluster(files: _Files) -> Owner | None:
    stack = assigned(files.text(PARALLEL_CLUSTER)).get("stack_name")
    if stack is None:
        return None
    return Owner("parallelcluster", stack, (f"/{PARALLEL_CLUSTER}: stack_name={stack}",))


def _ecs(files: _Files) -> Owner | None:
    cluster = assigned(files.text(ECS_CONFIG)).get("ECS_CLUSTER")
    if cluster is None:
        return None
    evidence = (f"/{ECS_CONFIG}: ECS_CLUSTER={cluster}",)
    if batch := BATCH_CLUSTER.fullmatch(cluster):
        return Owner("batch", batch[1] or batch[2], evidence)
    return Owner("ecs", cluster, evidence)


_BY_FILES = (_kops, _beanstalk, _emr, _parallel_cluster, _ecs)
