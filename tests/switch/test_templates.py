import json
import shlex

import pytest
from switch_plans import TEMPLATE_ID, plan

from imds_probe.facts.control_plane import MetadataOptions, Template
from imds_probe.switch.templates import new_version


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
    made = new_version(Template(None, "web nodes", "$Latest"), plan(), 2)
    assert "--launch-template-name 'web nodes'" in made.command
    assert made.specification == "LaunchTemplateName='web nodes'"
    assert made.create[0].startswith("SOURCE_VERSION_2=$(")
    assert made.create[1].startswith("VERSION_2=$(")
