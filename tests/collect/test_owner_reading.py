"""Owners by the files that they leave on their hosts, after the layouts that they publish."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from imds_probe.collect.owner_reading import assigned, cluster_of, job_flow_of, node_labels, read_owners
from imds_probe.collect.owner_tasks import OwnersLooked, OwnersSeen
from imds_probe.facts.owner import LaunchedFrom, Owner

UUID = "5b9eb0f5-0c4c-4c6c-9d3a-0123456789ab"
TEMPLATE = "lt-0123456789abcdef0"
# nodeadm of Amazon Linux 2023: internal/kubelet/environment.go; the labels are those of a managed node group.
NODEADM = (
    'NODEADM_KUBELET_ARGS="--node-ip=10.0.0.7 --hostname-override=ip-10-0-0-7 --node-labels='
    f"eks.amazonaws.com/nodegroup=web,eks.amazonaws.com/sourceLaunchTemplateId={TEMPLATE},"
    'eks.amazonaws.com/sourceLaunchTemplateVersion=3,eks.amazonaws.com/capacityType=ON_DEMAND --max-pods=29"\n'
)
# bootstrap.sh of Amazon Linux 2.
DROP_IN = (
    "[Service]\nEnvironment='KUBELET_EXTRA_ARGS=--node-labels=eks.amazonaws.com/nodegroup=old,"
    "alpha.eksctl.io/cluster-name=shop,alpha.eksctl.io/nodegroup-name=old'\n"
)
KUBECONFIG = """\
users:
  - name: kubelet
    user:
      exec:
        command: aws-iam-authenticator
        args:
          - "token"
          - "-i"
          - "shop"
          - --region
          - "eu-west-1"
"""
KARPENTER = 'NODEADM_KUBELET_ARGS="--node-labels=karpenter.sh/capacity-type=spot,karpenter.sh/nodepool=general"\n'
AUTO_MODE = KARPENTER.replace("capacity-type=spot", "capacity-type=spot,eks.amazonaws.com/compute-type=auto")
KOPS = (
    "ClusterName: k8s.example.com\nConfigServer: null\nInstanceGroupName: nodes-eu-west-1a\nInstanceGroupRole: Node\n"
)
JOB_FLOW = json.dumps({"jobFlowId": "j-1K48XXXXXXHCB", "masterInstanceId": "i-0123456789abcdef0", "instanceGroups": []})


def host(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def seen(root: Path, *pids: int) -> OwnersSeen:
    (found,) = read_owners(OwnersLooked(str(root), str(root / "proc"), pids))
    return found


@pytest.mark.parametrize(
    ("files", "kind", "name", "cluster"),
    [
        ({"etc/eks/kubelet/environment": NODEADM}, "eks-node-group", "web", None),
        (
            {"etc/eks/kubelet/environment": NODEADM, "var/lib/kubelet/kubeconfig": KUBECONFIG},
            *("eks-node-group", "web", "shop"),
        ),
        ({"etc/eks/kubelet/environment": KARPENTER}, "karpenter", "general", None),
        ({"etc/eks/kubelet/environment": AUTO_MODE}, "eks-auto-mode", "general", None),
        ({"etc/systemd/system/kubelet.service.d/30-kubelet-extra-args.conf": DROP_IN}, "eksctl", "old", "shop"),
        (
            {
                "etc/eksctl/kubelet.env": "NODE_LABELS=alpha.eksctl.io/cluster-name=shop,"
                "alpha.eksctl.io/nodegroup-name=ng-1\nMAX_PODS=29\n"
            },
            *("eksctl", "ng-1", "shop"),
        ),
        ({"opt/kops/conf/kube_env.yaml": KOPS}, "kops", "nodes-eu-west-1a", "k8s.example.com"),
        (
            {"opt/kops/conf/kube_env.yaml": KOPS.replace("ClusterName", "clusterName")},
            "kops",
            *("nodes-eu-west-1a",),
            "k8s.example.com",
        ),
        (
            {"etc/sysconfig/kubelet": 'DAEMON_ARGS="--node-labels=kops.k8s.io/instancegroup=nodes --v=2"\n'},
            *("kops", "nodes", None),
        ),
        (
            {
                "opt/elasticbeanstalk/config/ebenvinfo/envid": "e-abcd123456\n",
                "opt/elasticbeanstalk/config/ebenvinfo/region": "eu-west-1\n",
            },
            *("elastic-beanstalk", None, None),
        ),
        ({"opt/elasticbeanstalk/config/ebenvinfo/region": "eu-west-1"}, "elastic-beanstalk", None, None),
        ({"mnt/var/lib/info/job-flow.json": JOB_FLOW}, "emr", "j-1K48XXXXXXHCB", "j-1K48XXXXXXHCB"),
        (
            {"etc/parallelcluster/cfnconfig": "stack_name=hpc\ncfn_node_type=ComputeFleet\n"},
            *("parallelcluster", "hpc", None),
        ),
        ({"etc/ecs/ecs.config": "ECS_CLUSTER=web\nECS_ENABLE_TASK_IAM_ROLE=true\n"}, "ecs", "web", None),
        ({"etc/ecs/ecs.config": f"ECS_CLUSTER=night_Batch_{UUID}\n"}, "batch", "night", None),
        ({"etc/ecs/ecs.config": f'ECS_CLUSTER="AWSBatch-night-{UUID}"\n'}, "batch", "night", None),
    ],
)
def test_each_owner_is_known_by_what_it_leaves(tmp_path, files, kind, name, cluster):
    found = [owner for owner in seen(host(tmp_path, files)).owners if owner.kind == kind]
    assert [(owner.name, owner.cluster) for owner in found] == [(name, cluster)]
    (evidence,) = found[0].evidence
    assert evidence.startswith("/")


@pytest.mark.parametrize(("said", "known"), [("e-abcd123456\n", "e-abcd123456"), ("$(reboot)", None)])
def test_a_file_has_the_id_of_an_environment_and_not_its_name(tmp_path, said, known):
    (owner,) = seen(host(tmp_path, {"opt/elasticbeanstalk/config/ebenvinfo/envid": said})).owners
    assert (owner.name, owner.environment_id) == (None, known)


@pytest.mark.parametrize(
    "files",
    [
        {},
        # What images have before anybody has launched them, and what is only an example.
        {"etc/ecs/ecs.config": ""},
        {"etc/ecs/ecs.config": "#ECS_CLUSTER=web\n"},
        {"etc/eks/kubelet/environment": 'NODEADM_KUBELET_ARGS="--node-ip=10.0.0.7"\n'},
        {"etc/sysconfig/kubelet": "# --node-labels=eks.amazonaws.com/nodegroup=web\n"},
        {"etc/eks/kubelet/environment": "--node-labels=evil.eks.amazonaws.com/nodegroup=web\n"},
        {"mnt/var/lib/info/job-flow.json": '{"jobFlowId": "$(reboot)"}'},
        {"mnt/var/lib/info/job-flow.json": "[" * 100_000},
        {"etc/parallelcluster/cfnconfig": "stack_name=$(reboot)\n"},
        {"etc/ecs/ecs.config": "ECS_CLUSTER=web; reboot\n"},
    ],
)
def test_no_owner_where_nothing_names_one(tmp_path, files):
    assert seen(host(tmp_path, files)) == OwnersSeen()


def test_eks_names_the_launch_template_exactly(tmp_path):
    found = seen(host(tmp_path, {"etc/eks/kubelet/environment": NODEADM})).launched_from
    assert found == LaunchedFrom(
        TEMPLATE, "3", f"/etc/eks/kubelet/environment: eks.amazonaws.com/sourceLaunchTemplateId={TEMPLATE}"
    )


def process(root: Path, pid: int, uid: int, *arguments: str) -> None:
    at = root / "proc" / str(pid)
    at.mkdir(parents=True)
    (at / "cmdline").write_bytes(b"\0".join(map(os.fsencode, arguments)) + b"\0")
    (at / "status").write_text(f"Name:\tkubelet\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    (at / "exe").symlink_to(arguments[0])


def test_arguments_count_of_a_kubelet_that_is_roots(tmp_path):
    labels = "--node-labels=karpenter.sh/nodepool=general"
    process(tmp_path, 7, 0, "/usr/bin/kubelet", "--cloud-provider=external", labels)
    process(tmp_path, 8, 1000, "/usr/bin/kubelet", "--node-labels=eks.amazonaws.com/nodegroup=forged")
    process(tmp_path, 9, 0, "/usr/bin/sleep", "--node-labels=eks.amazonaws.com/nodegroup=other")
    expected = Owner("karpenter", "general", ("arguments of the kubelet: karpenter.sh/nodepool=general",))
    assert seen(tmp_path, 7, 8, 9).owners == (expected,)


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path):
    root = host(tmp_path, {"etc/ecs/ecs.config": "ECS_CLUSTER=web\n", "etc/eks/kubelet/environment": "x" * 300_000})
    found = seen(root)
    assert [owner.kind for owner in found.owners] == ["ecs"]
    assert len(found.troubles) == 1
    assert "etc/eks/kubelet/environment" in found.troubles[0]


def test_parts():
    assert node_labels("--node-labels=a.b/c=d,karpenter.sh/nodepool=x,eks.amazonaws.com/nodegroup=" + "y" * 80) == {
        "karpenter.sh/nodepool": "x",
        "eks.amazonaws.com/nodegroup": "y" * 63,
    }
    assert cluster_of("args:\n- --cluster-name\n- shop\n- -i\n") == "shop"
    assert cluster_of("- -i") is None
    assert assigned("export A='b'\n#B=c\nC: d\nE=f g\n") == {"A": "b", "C": "d"}
    assert job_flow_of("[]") is None
