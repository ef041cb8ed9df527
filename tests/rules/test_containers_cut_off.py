from dataclasses import replace

import pytest
from code_seen import watched
from observed import CATALOG, DROP_ALL, changed, container, kept_away, report_of, with_containers

from imds_probe.facts.obstacles import PathObstacle
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.rules.containers import RULE

NEEDS, NEEDS_NONE = (("AWS_REGION",),), (("AWS_EC2_METADATA_DISABLED",),)
REFUSED = container("web", None, "refused", environment=NEEDS)
OWNER = PathObstacle(
    "web",
    "reject",
    "ipv4",
    "ip filter OUTPUT",
    "-j REJECT",
    None,
    True,
    "not uid 33",
    "output",
    None,
    None,
    REFUSED.identity,
)
REDIRECT = PathObstacle(
    "host", "redirect", "ipv4", "ip nat PREROUTING", "-j REDIRECT", ":8181", True, None, "prerouting"
)


def judged(made, *obstacles, limit=2, **changes):
    return RULE.judge(changed(with_containers(made, limit=limit), obstacles=obstacles, **changes), CATALOG)


@pytest.mark.parametrize(
    ("obstacles", "why", "settled_by_running_again"),
    [
        ((OWNER,), "web: a rule keeps root away, and may let other users through: -j REJECT", False),
        ((REDIRECT,), "web: a rule redirects requests, and nothing answers there just now: -j REDIRECT", True),
        ((), "web: the connection was refused, and rules that may redirect it were not read", True),
    ],
)
def test_who_may_be_served_nonetheless_is_unknown_and_keeps_the_hop_limit(obstacles, why, settled_by_running_again):
    (finding,) = judged(REFUSED, *obstacles)
    assert (finding.id, finding.implies) == ("metadata-perhaps-served", "unknown")
    assert finding.evidence[-1] == why
    assert any("listens" in noun for noun in finding.settled_by) == settled_by_running_again
    assert finding.fix.text.startswith("Start the server") == settled_by_running_again
    assert report_of(changed(with_containers(REFUSED, limit=2), obstacles=obstacles)).verdict.state == "unknown"


@pytest.mark.parametrize("environment", [NEEDS, ()])
def test_a_watched_window_settles_it_and_the_hop_limit_stays(environment):
    made = replace(REFUSED, environment=environment)
    assert judged(made, OWNER, callers=watched()) == []


@pytest.mark.parametrize(
    ("names", "implies"), [(("AWS_REGION",), "unknown"), ((), None), (("AWS_EC2_METADATA_DISABLED",), None)]
)
def test_an_http_proxy_may_ask_for_what_is_cut_off(names, implies):
    told = SdkSettings((*(Variable(name, "true") for name in names), Variable("HTTP_PROXY", "elsewhere")))
    off = container("web", None, "unreachable", environment=(("HTTP_PROXY", *names),), sdk_settings=(told,))
    found = judged(off, replace(OWNER, scope=None, container_id=off.identity), limit=1)
    assert [each.implies for each in found] == [implies] * (implies is not None)
    if implies:
        assert "in NO_PROXY" in found[0].settled_by[0]
        assert found[0].evidence[-1].startswith("web: its environment has HTTP_PROXY")


def test_what_needs_no_metadata_is_not_asked_after():
    (finding,) = judged(replace(REFUSED, environment=NEEDS_NONE), OWNER)
    assert finding.id == "hop-limit-higher-than-needed"


def test_a_rule_that_is_the_same_for_all_cuts_off():
    unreachable, higher = judged(REFUSED, replace(OWNER, scope=None))
    assert (unreachable.id, unreachable.implies) == ("metadata-unreachable", None)
    assert higher.id == "hop-limit-higher-than-needed"


def test_containers_of_a_host_that_rules_keep_away_wait_for_no_later_run():
    unmeasured = replace(REFUSED, reach=(), not_measured="the service does not answer the host itself")
    (finding,) = RULE.judge(kept_away(DROP_ALL, containers=(unmeasured,)), CATALOG)
    assert (finding.id, finding.implies) == ("container-not-measured", "unknown")
    assert any("watched window" in noun for noun in finding.settled_by)
    assert "a later run" not in finding.settled_by
    assert RULE.judge(kept_away(DROP_ALL, containers=(unmeasured,), callers=watched()), CATALOG) == []
    by_route = replace(DROP_ALL, kind="route", applies_to="any")
    (finding,) = RULE.judge(kept_away(by_route, containers=(unmeasured,)), CATALOG)
    assert finding.id == "metadata-unreachable"
