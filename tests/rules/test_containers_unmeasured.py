from dataclasses import replace

import pytest
from observed import changed, container, report_of, with_containers
from rules.test_relays import MESH, ON_HOST, behind_relay, taken_inside, written

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.obstacles import PathObstacle
from imds_probe.render.page.bounds import LONG
from imds_probe.render.page.outcome import TO_TRY, commands
from imds_probe.rules.containers import RULE
from imds_probe.rules.containers_unmeasured import limits_to_try
from imds_probe.watch.evidence import callers_of

WATCHED = callers_of((), window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until=None)
UNLIKELY = (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)


def facts_of(*containers, limit=1, obstacles=(MESH,)):
    return changed(with_containers(*containers, limit=limit), obstacles=obstacles)


def judged(*containers, **options):
    return RULE.judge(facts_of(*containers, **options), Catalog(()))


def test_behind_a_sidecar_a_higher_limit_is_needed_and_nobody_knows_by_how_much():
    (finding,) = judged(behind_relay())
    assert (finding.id, finding.severity, finding.implies) == ("token-lost-unmeasured", "blocker", "needs-hop-limit")
    assert finding.summary == (
        "1 container receives no token at hop limit 1 and needs a higher hop limit; try 2, as a relay hides its distance: shop"
    )
    assert finding.evidence[1:] == (
        "shop: links and routes show 1 router between it and the uplink",
        f"in shop, {MESH.where}: {MESH.quote}",
    )
    assert finding.fix.text.startswith("Raise the hop limit to 2 while tokens are still optional, and do not ")
    (command,) = finding.fix.commands
    assert command.startswith("aws ec2 modify-instance-metadata-options ")
    assert command.endswith(" --http-put-response-hop-limit 2 --http-endpoint enabled")  # and tokens stay as they are


def test_what_is_known_of_the_relay_is_said_where_no_rule_could_be_read():
    (finding,) = judged(taken_inside(behind_relay()), obstacles=())
    assert finding.id == "token-lost-unmeasured"
    assert finding.evidence[-1] == "shop: the program that took the connection is in the container's own network"
    assert finding.forgeable_by == ("container shop",)


def test_the_switch_has_the_number_to_try():
    verdict = report_of(facts_of(behind_relay())).verdict
    assert (verdict.state, verdict.switch.http_put_response_hop_limit) == ("needs-hop-limit", 2)
    assert "--http-put-response-hop-limit 2 " in verdict.switch.try_first
    assert "--http-tokens" not in verdict.switch.try_first  # nobody has seen the token arrive yet
    assert (verdict.switch.steps[0].commands, bool(verdict.switch.steps[1].waits_for)) == (
        (verdict.switch.try_first,),
        True,
    )


def test_the_command_that_is_printed_first_does_not_require_tokens():
    report = report_of(facts_of(behind_relay()))
    (tried,) = [part for part in commands(report, LONG) if part.heading == TO_TRY]
    assert "--http-tokens" not in str(tried.blocks[0])
    assert not [part for part in commands(report, LONG) if part.heading.startswith("Command to switch")]
    measured = report_of(facts_of(container("web", 1, "lost"), obstacles=()))
    assert measured.verdict.switch.try_first == ""
    assert TO_TRY not in [part.heading for part in commands(measured, LONG)]


def test_the_worst_of_several():
    deep = replace(behind_relay(routers=2), id="d" * 64, name="deep")
    (finding,) = judged(behind_relay(), deep)
    assert "2 containers receive no token at hop limit 1 and need a higher hop limit; try 3" in finding.summary
    assert "as a relay hides their distances: shop, deep" in finding.summary


def test_one_that_needs_no_metadata_needs_no_limit():
    (finding,) = judged(behind_relay(environment=UNLIKELY))
    assert (finding.id, finding.implies) == ("hop-limit-keeps-out", None)


@pytest.mark.parametrize("options", [{"limit": 2}, {"obstacles": ()}, {"obstacles": (ON_HOST,)}])
def test_where_a_higher_limit_is_not_known_to_help_none_is_advised(options):
    (finding,) = judged(behind_relay(), **options)
    assert (finding.id, finding.implies) == ("token-lost-behind-relay", "unknown")
    assert "a higher hop limit may not help, as a relay hides its distance: shop" in finding.summary
    assert report_of(facts_of(behind_relay(), **options)).verdict.switch.http_put_response_hop_limit == options.get(
        "limit", 1
    )


def test_ttls_that_somebody_writes():
    (finding,) = judged(written(), obstacles=())
    assert (finding.id, finding.implies) == ("token-lost-unmeasured", "needs-hop-limit")
    assert "try 2, as a rule on TTLs hides its distance" in finding.summary
    (finding,) = judged(written("ok"), limit=2, obstacles=())
    assert (finding.id, finding.severity, finding.implies) == ("ttls-changed", "warning", None)


@pytest.mark.parametrize("limit", [1, 2, 3, 64])
def test_through_a_relay_the_token_decides_and_nothing_is_lowered(limit):
    (finding,) = judged(behind_relay("ok"), limit=limit)
    assert (finding.id, finding.severity, finding.implies) == ("token-through-relay", "info", None)
    assert finding.summary == (
        f"the token reaches 1 container through a relay at hop limit {limit}; the distance could not be measured: shop"
    )
    report = report_of(facts_of(behind_relay("ok"), limit=limit))
    assert (report.verdict.state, report.verdict.switch.http_put_response_hop_limit) == ("ready", limit)


GAVE_TOKEN = behind_relay("answered-by-proxy")
GAVE_TOKEN = replace(GAVE_TOKEN, reach=(replace(GAVE_TOKEN.reach[0], status=200),))
KUBE2IAM = PathObstacle("host", "proxy", "ipv4", "process 7", "kube2iam (pid 7)", ":8181", True, None, "prerouting")


@pytest.mark.parametrize("limit", [2, 3])
def test_a_proxy_that_gave_a_token_lowers_nothing(limit):
    (finding,) = judged(GAVE_TOKEN, limit=limit)
    assert (finding.id, finding.severity, finding.implies) == ("answered-by-proxy", "warning", "unknown")


@pytest.mark.parametrize(
    ("more", "implies"),
    [
        ({"callers": WATCHED}, None),
        ({"callers": replace(WATCHED, coverage=0.5)}, "unknown"),
        ({"callers": replace(WATCHED, imdsv1=1)}, "unknown"),
        ({"obstacles": (replace(KUBE2IAM, image="jtblin/kube2iam:0.12.0"),)}, None),
        ({"obstacles": (replace(KUBE2IAM, image="jtblin/kube2iam:0.11.2"),)}, "unknown"),
        ({"obstacles": (replace(KUBE2IAM, image="jtblin/kube2iam:0.12.0", certain=False),)}, "unknown"),
        ({"obstacles": (KUBE2IAM,)}, "unknown"),
    ],
)
def test_how_a_proxy_asks_the_service_is_known_by_a_watch_or_its_version(more, implies):
    (finding,) = (each for each in RULE.judge(changed(facts_of(GAVE_TOKEN), **more), Catalog(())))
    assert (finding.id, finding.implies) == ("answered-by-proxy", implies)
    assert ("may itself speak only IMDSv1" in finding.summary) == (implies is not None)


PASSED_ON = replace(GAVE_TOKEN.reach[0], token_is_the_services=True, answered_by="envoy")


@pytest.mark.parametrize(
    ("reach", "more", "expected"),
    [
        (PASSED_ON, {}, ("token-through-relay", None)),
        (PASSED_ON, {"obstacles": ()}, ("token-through-relay", None)),
        (replace(PASSED_ON, token_is_the_services=False), {}, ("answered-by-proxy", "unknown")),
        (replace(PASSED_ON, token_is_the_services=None), {}, ("answered-by-proxy", "unknown")),
        (replace(PASSED_ON, answered_by="kube2iam"), {}, ("answered-by-proxy", "unknown")),
        (
            PASSED_ON,
            {"obstacles": (replace(KUBE2IAM, image="jtblin/kube2iam:0.11.2"),)},
            ("answered-by-proxy", "unknown"),
        ),
        (PASSED_ON, {"obstacles": (KUBE2IAM,)}, ("answered-by-proxy", "unknown")),
        (PASSED_ON, {"obstacles": (replace(KUBE2IAM, image="jtblin/kube2iam:0.12.0"),)}, ("token-through-relay", None)),
        (replace(PASSED_ON, status=403, token_is_the_services=None), {}, ("answered-by-proxy", "unknown")),
    ],
)
def test_a_proxy_whose_token_the_service_knows_passes_requests_on(reach, more, expected):
    shop = replace(GAVE_TOKEN, reach=(reach,))
    (finding,) = (each for each in RULE.judge(changed(facts_of(shop, limit=2), **more), Catalog(())))
    assert (finding.id, finding.implies) == expected


def test_one_address_that_a_server_answers_leaves_it_open():
    other = replace(PASSED_ON, family="ipv6", token_is_the_services=False)
    (finding,) = judged(replace(GAVE_TOKEN, reach=(PASSED_ON, other)), limit=2)
    assert (finding.id, finding.implies) == ("answered-by-proxy", "unknown")


def test_a_proxy_before_what_needs_no_metadata_leaves_nothing_open():
    without = replace(GAVE_TOKEN, environment=(("AWS_EC2_METADATA_DISABLED",),), sdk_settings=())
    assert [each.implies for each in judged(without)] == [None]


def test_without_the_hop_limit_in_force():
    (finding,) = judged(behind_relay(), limit=None)
    assert "no token at the present hop limit and needs a higher hop limit" in finding.summary


def test_the_limits_of_each_address():
    shop = behind_relay()
    both = replace(shop, reach=(*shop.reach, container("shop", 1, "lost").reach[0]))
    assert limits_to_try(both, facts_of(both)) == [2]
