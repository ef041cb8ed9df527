"""Which groups will launch hosts that serve IMDSv1, by what they launch from and by the account."""

import pytest

from imds_probe.aws.account import Group, LaunchedBy
from imds_probe.facts.control_plane import AccountDefaults, MetadataOptions
from imds_probe.fleet.bounded import NAMED_MAX
from imds_probe.fleet.launching import NO_ANSWER, OTHERS, launcher, launching, next_template

NO_PREFERENCE = AccountDefaults(MetadataOptions(), http_tokens_enforced=False)
REQUIRED = AccountDefaults(MetadataOptions("required"), http_tokens_enforced=False)
ENFORCED = AccountDefaults(MetadataOptions("required"), http_tokens_enforced=True)

ACCOUNT_OFF = AccountDefaults(MetadataOptions(http_endpoint="disabled"), http_tokens_enforced=False)
OFF = LaunchedBy("lt-1", "web", 1, MetadataOptions("optional", http_endpoint="disabled"))


def template(tokens=None, number=1, template_id="lt-1"):
    return LaunchedBy(template_id, "web", number, MetadataOptions(tokens))


def group(*launches, hosts=2, name="web", **tags):
    return Group(name, tags, tuple(f"i-{at:017x}" for at in range(hosts)), launches)


@pytest.mark.parametrize(
    ("launches", "defaults", "tokens", "by"),
    [
        ((template("optional"),), REQUIRED, "optional", "template"),
        ((template("required"),), NO_PREFERENCE, "required", "template"),
        ((template("optional"),), ENFORCED, "refused", "template"),
        ((template(),), REQUIRED, "required", "account"),
        ((template(),), NO_PREFERENCE, "image", "image"),
        ((template(),), None, "unknown", ""),
        ((LaunchedBy("lt-1"),), REQUIRED, "unknown", ""),
        ((), REQUIRED, "unknown", ""),
        # The worst of a mixed group counts.
        ((template("required"), template("optional", template_id="lt-2")), NO_PREFERENCE, "optional", "template"),
        ((template("required"), template()), NO_PREFERENCE, "image", "image"),
        # Who turned the metadata service off serves nothing.
        ((OFF,), NO_PREFERENCE, "off", "template"),
        ((OFF,), ENFORCED, "refused", "template"),
        ((OFF, template("optional", template_id="lt-2")), NO_PREFERENCE, "optional", "template"),
        ((template("optional"),), ACCOUNT_OFF, "off", "account"),
    ],
)
def test_what_becomes_of_tokens(launches, defaults, tokens, by):
    made = launcher("123456789012", "eu-west-1", group(*launches), defaults)
    assert (made.tokens, made.decided_by, made.hosts) == (tokens, by, 2)


def test_a_group_goes_by_who_made_it():
    tags = {"eks:nodegroup-name": "blue", "eks:cluster-name": "prod"}
    assert launcher("1", "eu-west-1", group(template(), **tags), None).owner == "eks-node-group prod/blue"
    assert launcher("1", "eu-west-1", group(template(), name="web"), None).owner == "auto-scaling web"


def test_the_present_template_is_one_or_not_known():
    assert next_template(group(template(number=3))) == "lt-1:3"
    for others in ((template(number=3), template(number=4)), (LaunchedBy(name="configuration"),)):
        assert next_template(group(*others)) == OTHERS
    for unread in ((), (LaunchedBy("lt-1"),)):
        assert next_template(group(*unread)) == NO_ANSWER


def test_the_list_is_bounded_and_counts_go_on():
    launchers = [
        launcher("1", "eu-west-1", group(template("optional"), hosts=at % 7, name=f"{at:03d}"), None)
        for at in range(150)
    ]
    made = launching(launchers, (), ())
    assert (made.groups, made.tokens) == (150, (("optional", 150),))
    assert (len(made.by_v1), made.left_out) == (NAMED_MAX, 50)
    assert made.hosts_by_v1 == sum(at % 7 for at in range(150))
    assert [each.hosts for each in made.by_v1] == sorted((each.hosts for each in made.by_v1), reverse=True)
