import json
import shlex
import subprocess
from dataclasses import replace

import jmespath
import pytest
from aws_argv import calls
from switch_plans import TEMPLATE_ID, plan

from imds_probe.facts.control_plane import AutoScalingGroup, ControlPlane, GroupOverride, MetadataOptions, Template
from imds_probe.facts.owner import LaunchedFrom, Owner
from imds_probe.switch.owners import step
from imds_probe.switch.templates import launched_by, new_version

OLD = MetadataOptions("optional", 1, "enabled")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (None, {"HttpEndpoint": "enabled"}),
        (
            MetadataOptions("optional", 5, "enabled", "enabled", "enabled"),
            {
                "HttpPutResponseHopLimit": 5,
                "HttpEndpoint": "enabled",
                "HttpProtocolIpv6": "enabled",
                "InstanceMetadataTags": "enabled",
            },
        ),
        (MetadataOptions(http_endpoint="disabled"), {"HttpEndpoint": "disabled"}),
    ],
)
def test_the_new_version_keeps_what_the_template_says_and_lowers_no_hop_limit(own, said):
    made = new_version(Template(TEMPLATE_ID, None, "3", 3, options=own), plan())
    argv = shlex.split(made.command)
    assert json.loads(argv[argv.index("--launch-template-data") + 1])["MetadataOptions"] == {
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        **said,
    }


def test_a_template_may_be_known_by_its_name_alone():
    made = new_version(Template(None, "web nodes", "$Latest"), plan(), "web", 2)
    assert "--launch-template-name 'web nodes'" in made.command
    assert made.specification == "LaunchTemplateName='web nodes'"
    assert made.create[0].startswith("SOURCE_VERSION_2=$(")
    assert made.create[1].startswith("VERSION_2=$(")


def option(line, name, environ):
    """What a shell makes of an option of the last call in a line."""
    (argv,) = [each for each in calls(line) if f"--{name}" in each]
    word = line[line.index(f"--{name} ") :].split(" ", 1)[1]
    quoted = word[: word.index('"', 1) + 1] if word.startswith('"') else shlex.quote(argv[argv.index(f"--{name}") + 1])
    printed = ["/bin/bash", "-c", f"printf %s {quoted}"]
    return subprocess.run(printed, env=environ, capture_output=True, text=True, check=True).stdout


def ways_of(made, environ):
    """The descriptions that a step gives to versions, and the queries that its rollback finds them by."""
    created = [line for line in made.commands if "--version-description" in line]
    deleted = [line for line in made.rollback if "delete-launch-template-versions" in line]
    return (
        [option(line, "version-description", environ) for line in created],
        [option(line, "query", environ) for line in deleted],
    )


def override(named):
    return GroupOverride("t3.small", Template(TEMPLATE_ID, None, named, 3, options=OLD))


def of_group(name, named="3"):
    return known(AutoScalingGroup(name, Template(TEMPLATE_ID, None, named, 3, options=OLD)))


def known(group):
    """`plan` takes the name of a group alone."""
    return replace(plan(), control_plane=ControlPlane("2026-11-29T00:00:00Z", group=group))


BY_TEMPLATE = plan(launched_from=Template(TEMPLATE_ID, None, "3", 3, options=OLD))
LAUNCHED = LaunchedFrom(TEMPLATE_ID, "3", "a label")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of_group("web-1a"), of_group("web-1b")),
        (of_group("web", "$Latest"), of_group("web b", "$Default")),
        (of_group("web a"), of_group("web/a")),
        (of_group("web'a"), of_group("web`a")),
        (plan(group="web-1a"), plan(group="web-1b")),
        (BY_TEMPLATE, replace(BY_TEMPLATE, instance=replace(BY_TEMPLATE.instance, instance_id="i-0fedcba9876543210"))),
        (
            plan(owner=Owner("eks-node-group", "blue", (), "shop"), launched=LAUNCHED),
            plan(owner=Owner("eks-node-group", "blue", (), "mail"), launched=LAUNCHED),
        ),
    ],
)
def test_a_rollback_deletes_the_version_of_its_own_step_alone(one, other):
    """Groups may share a template, and a step may follow another one of the same group, also from the same version."""
    environ = {"SOURCE_VERSION": "3"}
    (mine,), (query,) = ways_of(step(one), environ)
    (others,), (_) = ways_of(step(other), environ)
    (earlier,), _ = ways_of(step(one), {"SOURCE_VERSION": "2"})
    versions = [
        {"VersionNumber": 3, "VersionDescription": "made by hand"},
        {"VersionNumber": 9, "VersionDescription": mine},
        {"VersionNumber": 4},
        {"VersionNumber": 5, "VersionDescription": mine},
        {"VersionNumber": 10, "VersionDescription": others},
        *([{"VersionNumber": 8, "VersionDescription": earlier}] if earlier != mine else []),
    ]
    assert jmespath.search(query, {"LaunchTemplateVersions": versions}) == [9]
    assert jmespath.search(query, {"LaunchTemplateVersions": versions[:1]}) == []
    assert len(mine) <= 255
    for made in (step(one), step(other)):
        assert any("anything else launches from the new version" in note for note in made.notes)
        assert any("Others that launch $Latest take the new version, too" in note for note in made.notes)


def test_versions_of_one_template_that_one_step_makes_are_told_apart():
    group = replace(of_group("web").control_plane.group, mixed=True)
    both = known(replace(group, overrides=(override("$Latest"), override("$Default"))))
    descriptions, queries = ways_of(step(both), {})
    assert (len(set(descriptions)), len(set(queries))) == (3, 3)


def test_a_step_that_changes_the_default_version_says_whom_it_reaches():
    for each, said in ((of_group("web", "$Default"), True), (of_group("web"), False), (BY_TEMPLATE, False)):
        assert any("launch the default version" in note for note in step(each).notes) == said


def test_a_name_stands_in_the_description_as_far_as_it_is_plain():
    assert launched_by("web-1a", "X") == "web-1a"
    assert launched_by(None, "AUTO_SCALING_GROUP") == "$AUTO_SCALING_GROUP"
    assert launched_by("a'b", "X").startswith("a_b-")
    assert len({launched_by(each, "X") for each in ("a b", "a_b", "a'b", "x" * 200, "x" * 201, "\ud800")}) == 6
