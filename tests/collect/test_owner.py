"""Which of several owners has the say, and what a whole collector finds below a made-up root."""

from __future__ import annotations

from dataclasses import replace

from contexts import collected, context

from imds_probe.collect.instance import JOIN, Identity
from imds_probe.collect.owner import COLLECTOR, chosen
from imds_probe.collect.owner_said import OwnersSaid
from imds_probe.collect.owner_tasks import OwnersSeen
from imds_probe.facts.instance import Instance
from imds_probe.facts.owner import LaunchedFrom, Owner

GROUP = Owner("auto-scaling", "eks-web-1234", ("tag aws:autoscaling:groupName=eks-web-1234",))
NODES = Owner("eks-node-group", "web", ("/etc/eks/kubelet/environment: eks.amazonaws.com/nodegroup=web",))
BY_TAG = Owner("eks-node-group", "web", ("tag eks:nodegroup-name=web",), "shop")


def test_a_tag_has_the_name_of_an_environment_whose_id_alone_is_in_a_file():
    by_file = Owner("elastic-beanstalk", None, ("a file",), environment_id="e-abcd123456")
    by_tag = Owner("elastic-beanstalk", "shop-prod", ("a tag",))
    assert chosen([by_file]) == by_file
    assert chosen([by_file, by_tag]) == replace(by_tag, evidence=("a tag", "a file"))


def test_who_decides_what_the_next_instance_is_has_the_say():
    assert chosen([]) is None
    assert chosen([GROUP]) == GROUP
    found = chosen([GROUP, NODES, BY_TAG])
    assert found == Owner("eks-node-group", "web", (*NODES.evidence, *BY_TAG.evidence, *GROUP.evidence), "shop")


def test_a_name_comes_from_whoever_knows_it():
    unnamed = Owner("auto-scaling", None, ("autoscaling/target-lifecycle-state is InService",))
    found = chosen([unnamed, GROUP])
    assert found is not None
    assert found.name == GROUP.name


def test_the_collector_reads_a_root_and_the_report_joins_it_with_metadata(tmp_path):
    place = tmp_path / "etc/ecs/ecs.config"
    place.parent.mkdir(parents=True)
    place.write_text("ECS_CLUSTER=web\n")
    document = Instance("i-0123456789abcdef0", "eu-west-1", auto_scaling_group="group")
    template = LaunchedFrom("lt-0123456789abcdef0", "2", "tag aws:ec2launchtemplate:id=lt-0123456789abcdef0")
    given = context(tmp_path, Identity(document, OwnersSaid((GROUP,), template, "group")))
    assert collected(given, [COLLECTOR])["owner"].status == "ok"
    joined = JOIN.join(given)
    assert joined is not None
    assert (joined.instance_id, joined.auto_scaling_group) == (document.instance_id, "group")
    assert joined.owner == Owner("ecs", "web", ("/etc/ecs/ecs.config: ECS_CLUSTER=web", *GROUP.evidence))
    assert joined.launch_template == template


def test_a_bare_host_has_no_owner(tmp_path):
    given = context(tmp_path, Identity(Instance("i-0123456789abcdef0")))
    run = collected(given, [COLLECTOR])["owner"]
    assert (run.status, run.reason) == ("nothing", "no file or process of this host names an owner")
    assert given.get(OwnersSeen) == OwnersSeen()
    assert JOIN.join(given) == Instance("i-0123456789abcdef0")
