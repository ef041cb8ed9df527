import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from observed import FACTS, changed, with_imds

from imds_probe.facts.control_plane import ControlPlane, MetadataOptions
from imds_probe.switch.options import cloudformation, command_line, for_next, in_force, members, terraform

FULL = MetadataOptions("required", 2, "enabled", "enabled", "enabled")
ONE = MetadataOptions("required", 1, "enabled")
REASON = "hop limit 2 is for web, shop/api"


def test_the_api_has_the_say_before_what_was_measured():
    measured = with_imds(hop_limit=2, ipv6="enabled", instance_tags=True)
    assert in_force(measured) == MetadataOptions("optional", 2, "enabled", "enabled", "enabled")
    said = MetadataOptions("required", 2, "enabled", "disabled", "disabled")
    assert in_force(measured.with_(ControlPlane("2026-11-29T00:00:00Z", instance=said))) == said


@pytest.mark.parametrize(
    ("measured", "said", "limit"), [(3, 2, 3), (1, 2, 2), (None, 2, 2), (3, None, 3), (None, None, None)]
)
def test_no_hop_limit_is_lowered_to_what_the_other_source_has(measured, said, limit):
    facts = with_imds(hop_limit=measured).with_(ControlPlane("2026-11-29T00:00:00Z", MetadataOptions("optional", said)))
    assert in_force(facts).http_put_response_hop_limit == limit


@pytest.mark.parametrize(
    ("own", "after", "limit"), [(3, 2, 3), (1, 2, 2), (None, 2, 2), (3, None, 3), (None, None, None)]
)
def test_what_launches_the_next_instance_keeps_a_higher_hop_limit_and_its_own_endpoint(own, after, limit):
    said = MetadataOptions("optional", own, "disabled", None, "enabled")
    expected = MetadataOptions("required", limit, "disabled", "enabled", "enabled")
    assert for_next(said, MetadataOptions("required", after, "enabled", "enabled", "disabled")) == expected


def test_what_says_nothing_takes_all_of_the_instance():
    assert for_next(None, FULL) == FULL


def test_what_was_not_seen_on_is_not_said_to_be_off():
    found = in_force(with_imds(hop_limit=None, tokens="unknown", instance_tags=False))
    assert found == MetadataOptions(http_endpoint="enabled")
    assert command_line(found) == " --http-endpoint enabled"
    assert in_force(changed(FACTS, imds=None)) == MetadataOptions(http_endpoint="enabled")


def attributes(block):
    """The arguments of a block of Terraform, and its comments."""
    first, *lines, last = block.splitlines()
    assert (first, last) == ("metadata_options {", "}")
    comments = [line.strip() for line in lines if line.strip().startswith("#")]
    said = [line.split(" = ") for line in lines if not line.strip().startswith("#")]
    return {name.strip(): json.loads(value) for name, value in said}, comments


@pytest.mark.parametrize(
    "options", [FULL, ONE, replace(ONE, http_endpoint="disabled"), MetadataOptions("required", None, "enabled")]
)
def test_what_is_printed_is_what_scanners_accept(options):
    """Checkov 79 and 341, Trivy 28 and 130, KICS, Prowler, Security Hub EC2.8: as their rules are."""
    said, comments = attributes(terraform(options, REASON))
    template = yaml.safe_load(cloudformation(options))["MetadataOptions"]
    assert (said["http_tokens"], template["HttpTokens"]) == ("required", "required")
    assert (said["http_endpoint"], template["HttpEndpoint"]) == (options.http_endpoint, options.http_endpoint)
    limit = options.http_put_response_hop_limit
    assert (said.get("http_put_response_hop_limit"), template.get("HttpPutResponseHopLimit")) == (limit, limit)
    assert comments == ([f"# checkov:skip=CKV_AWS_341:{REASON}"] if (limit or 1) > 1 else [])


def test_the_api_is_given_all_that_is_known():
    assert members(FULL) == {
        "HttpTokens": "required",
        "HttpEndpoint": "enabled",
        "HttpPutResponseHopLimit": 2,
        "HttpProtocolIpv6": "enabled",
        "InstanceMetadataTags": "enabled",
    }


def test_a_name_cannot_leave_the_comment():
    block = terraform(FULL, 'hop limit 2 is for a\n}\nresource "x" "y" {\u2028 # */')
    said, (comment,) = attributes(block)
    assert said["http_tokens"] == "required"
    assert comment.startswith("# checkov:skip=CKV_AWS_341:hop limit 2 is for a_")


def test_cfn_lint_takes_it_in_instances_templates_and_configurations(tmp_path):
    places = {
        "Instance": ("AWS::EC2::Instance", FULL, 6, "      ImageId: ami-0123456789abcdef0\n"),
        "Template": ("AWS::EC2::LaunchTemplate", FULL, 8, "      LaunchTemplateData:\n"),
        "Configuration": (
            "AWS::AutoScaling::LaunchConfiguration",
            ONE,
            6,
            "      ImageId: ami-0123456789abcdef0\n      InstanceType: t3.micro\n",
        ),
    }
    text = "Resources:\n"
    for name, (kind, options, indent, before) in places.items():
        text += f"  {name}:\n    Type: {kind}\n    Properties:\n{before}"
        text += textwrap.indent(cloudformation(options), " " * indent) + "\n"
    (tmp_path / "template.yaml").write_text(text)
    # W3697: launch configurations are in maintenance, which no option changes.
    ran = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--ignore-checks", "W3697", "--", str(tmp_path / "template.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "")
