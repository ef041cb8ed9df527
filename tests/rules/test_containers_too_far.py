from dataclasses import replace

import pytest
from judged_containers import LIKELY, UNLIKELY, far_away, ids, judged
from observed import changed, container, with_containers
from rules.test_sdks import library

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.imds import Imds
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.facts.software import SettingSeen, Software
from imds_probe.rules.containers import RULE

CONFIGURED = [
    (row.id, asked.switch.values[0])
    for row in Catalog.load().rows
    for asked in row.asks_for[:1]
    if asked.switch and asked.when == "on-request"
]
SEVERAL = {row.id for row in Catalog.load().rows if len(row.asks_for) > 1}


def with_configured(component, *seen, version="v9"):
    """A container with credentials of its own, and software there whose settings were looked up."""
    web = replace(container("web", 1, "lost"), environment=UNLIKELY)
    software = Software(component, "image", component, version, "name of the image", container_ids=(web.identity,))
    return with_containers(web, software=(replace(software, settings=seen),))


@pytest.mark.parametrize("environment", [(), LIKELY, (("AWS_PROFILE",),), None])
def test_too_far_for_a_container_that_needs_metadata_or_may(environment):
    (finding,) = judged(container("web", 1, "lost", environment=environment))
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-too-low", "blocker", "needs-hop-limit")
    assert finding.summary == "1 container receives no token at hop limit 1; hop limit 2 suffices: web"
    assert "Raise the hop limit to 2" in finding.fix.text


def test_the_number_serves_the_one_that_is_furthest():
    (finding,) = judged(container("web", 1, "lost"), container("deep", 3, "lost"))
    assert "2 containers receive no token at hop limit 1; hop limit 4 suffices" in finding.summary
    assert [line.partition(":")[0] for line in finding.evidence[:2]] == ["web", "deep"]


def test_where_tokens_are_required_already_there_is_no_metadata_now():
    facts = with_containers(container("web", 1, "lost"))
    facts = changed(facts, imds=replace(facts[Imds], tokens="required"))
    (finding,) = RULE.judge(facts, Catalog(()))
    assert finding.summary.startswith("1 container receives no metadata at hop limit 1; hop limit 2 ")


def test_too_far_for_one_that_has_credentials_of_its_own():
    (finding,) = judged(container("web", 1, "lost", environment=UNLIKELY))
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-keeps-out", "info", None)
    assert "web identity" in finding.evidence[0]


@pytest.mark.parametrize("component", ["aws-for-fluent-bit", "vector", "opentelemetry-collector", "telegraf"])
def test_software_that_asks_where_its_configuration_says_so_is_named(component):
    web = replace(container("web", 1, "lost"), environment=UNLIKELY)
    software = Software(component, "image", component, "v9", "image reference", container_ids=(web.identity,))
    (finding,) = RULE.judge(with_containers(web, software=(software,)), Catalog.load())
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-keeps-out", "warning", None)
    assert "unless an option is set: web" in finding.summary
    assert "where its configuration tells it to" in finding.evidence[-1]


@pytest.mark.parametrize(
    ("component", "manager", "settings", "severity"),
    [
        ("aws-sdk-net", "nuget", {}, "warning"),
        ("aws-sdk-cpp", "binary", {}, "warning"),
        ("aws-sdk-rust", "crate", {}, "warning"),
        ("aws-sdk-net", "nuget", {"AWS_REGION": "set"}, "info"),
        ("botocore", "pypi", {}, "info"),
    ],
)
def test_an_sdk_that_may_be_told_the_region_by_code_needs_no_hop_limit(component, manager, settings, severity):
    """With credentials of its own and no region in the environment: the region mostly stands in code, or in appsettings."""
    names = {"AWS_ROLE_ARN": "set", "AWS_WEB_IDENTITY_TOKEN_FILE": "set"} | settings
    told = SdkSettings(tuple(Variable(name, value) for name, value in sorted(names.items())))
    web = replace(container("web", 1, "lost"), environment=(tuple(sorted(names)),), sdk_settings=(told,))
    user = library(component, "4.0.0", manager=manager, container="web", container_ids=(web.identity,))
    (finding,) = RULE.judge(with_containers(web, software=(user,)), Catalog.load())
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-keeps-out", severity, None)
    assert ("asks for the region unless a program or AWS_" in finding.evidence[-1]) == (severity == "warning")


@pytest.mark.parametrize(("component", "value"), CONFIGURED)
def test_software_that_is_told_to_ask_needs_the_hop_limit(component, value):
    facts = with_configured(component, SettingSeen("asks_for[0]", "/etc/a.conf", "k", value))
    (finding,) = RULE.judge(facts, Catalog.load())
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-too-low", "blocker", "needs-hop-limit")
    assert any("/etc/a.conf tells it to" in line for line in finding.evidence)


@pytest.mark.parametrize("component", [component for component, _ in CONFIGURED])
def test_software_that_is_not_told_to_ask_does_not(component):
    facts = with_configured(component, SettingSeen("asks_for[0]", "/etc/a.conf", "k", None))
    found = {finding.id: finding for finding in RULE.judge(facts, Catalog.load())}
    assert set(found) == {"hop-limit-keeps-out"}
    if component not in SEVERAL:
        assert (found["hop-limit-keeps-out"].severity, found["hop-limit-keeps-out"].fix) == ("info", None)
    assert any("only if told to, and /etc/a.conf does not" in line for line in found["hop-limit-keeps-out"].evidence)


@pytest.mark.parametrize("component", [component for component, _ in CONFIGURED])
def test_software_whose_configuration_could_not_be_read_is_named(component):
    facts = with_configured(component, SettingSeen("asks_for[0]", "/etc/a.conf", "k", None, "/etc/a.conf is not yaml"))
    (finding,) = RULE.judge(facts, Catalog.load())
    assert (finding.id, finding.severity, finding.implies) == ("hop-limit-keeps-out", "warning", None)
    assert any("/etc/a.conf is not yaml" in line for line in finding.evidence)


def test_one_of_several_programs_that_is_told_to_ask_is_enough():
    off, on = (SettingSeen("asks_for[0]", f"/etc/{value}", "k", value) for value in (None, "aws"))
    (finding,) = RULE.judge(with_configured("fluent-bit", off, on), Catalog.load())
    assert finding.id == "hop-limit-too-low"


@pytest.mark.parametrize(
    ("value", "implied"), [("true", None), ("false", "needs-hop-limit"), (None, "needs-hop-limit")]
)
def test_software_that_always_asks_can_be_told_not_to(value, implied):
    facts = with_configured("newrelic-infra", SettingSeen("asks_for[0]", "/etc/newrelic-infra.yml", "k", value))
    (finding,) = RULE.judge(facts, Catalog.load())
    assert finding.implies == implied


def test_they_do_not_raise_the_number():
    findings = judged(container("web", 1, "lost"), container("deep", 3, "lost", environment=UNLIKELY))
    assert {finding.id for finding in findings} == {"hop-limit-too-low", "hop-limit-keeps-out"}
    assert "hop limit 2 suffices" in next(f.summary for f in findings if f.id == "hop-limit-too-low")


def test_lost_over_ipv6_alone_counts_too():
    both = container("web", 0, "ok", 1)
    far = replace(both.reach[0], family="ipv6", token="lost", distance=1, needs_hop_limit=2, expected="lost")
    assert ids(replace(both, reach=(*both.reach, far))) == {("hop-limit-too-low", "needs-hop-limit")}


def test_many_containers_make_one_finding_with_a_summary_of_bounded_length():
    (finding,) = judged(*(container(f"web-{number}", 1, "lost") for number in range(500)))
    assert "500 containers" in finding.summary
    assert finding.summary.endswith("web-0, web-1, web-2 and 497 more")
    assert len(finding.evidence) == 500


@pytest.mark.parametrize("environment", [(), LIKELY])
def test_a_distance_that_nothing_explains_is_in_no_order(environment):
    near, far = container("web", 1, "lost"), far_away("liar", environment=environment)
    findings = {finding.id: finding for finding in judged(near, far)}
    assert set(findings) == {"hop-limit-too-low", "distance-unexplained"}
    found = findings["distance-unexplained"]
    assert (found.severity, found.implies) == ("warning", "unknown")
    assert found.summary == ("1 container receives no token; its measured distance of 63 hops is unexplained: liar")
    assert "Do not raise the hop limit" in found.fix.text
    assert not any("64" in finding.fix.text for finding in findings.values())
    assert "hop limit 2 suffices: web" in findings["hop-limit-too-low"].summary


def test_it_holds_nothing_up_where_no_metadata_is_needed_or_the_token_arrives():
    assert ids(far_away("liar", environment=UNLIKELY)) == {("hop-limit-keeps-out", None)}
    assert ids(far_away("liar", "ok"), limit=64) == set()


def test_the_way_is_evidence_of_the_limit_that_it_needs():
    (finding,) = judged(container("far", 3, "lost"))
    assert "path from far (eth0) -> far-r2 (inner2, eth0)" in finding.evidence[-1]


@pytest.mark.parametrize("token", ["lost", "answered-by-proxy", "error", "disabled"])
@pytest.mark.parametrize("hops", [None, 0, 1, 63])
@pytest.mark.parametrize("limit", [1, 2, 64])
def test_what_is_measured_in_a_users_network_warns_and_no_more(token, hops, limit):
    (finding,) = judged(
        container("rootless", hops, token, limit, netns_owner_uid=1000, environment=LIKELY), limit=limit
    )[:1]
    assert (finding.id, finding.severity, finding.implies) == ("users-network-without-token", "warning", None)
    assert finding.summary == (
        "1 network made by a user receives no token; the verdict does not depend on it: rootless"
    )
    assert finding.evidence[0].endswith("the network belongs to user 1000")


def test_a_users_network_that_was_not_tested_or_needs_nothing():
    (finding,) = judged(container("rootless", reach=(), not_measured="time was up", netns_owner_uid=1000))
    assert (finding.id, finding.implies) == ("users-network-without-token", None)
    assert "rootless: time was up" in finding.evidence[0]
    assert judged(container("rootless", None, "lost", netns_owner_uid=1000, environment=UNLIKELY)) == []
    assert judged(container("rootless", None, "ok", netns_owner_uid=1000)) == []
