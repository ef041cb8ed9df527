from dataclasses import replace

import pytest
from observed import ENDPOINT, FACTS, changed, container, report_of, with_containers, with_imds
from rules.test_relays import LOWERS
from rules.test_sdks import library
from watched_calls import CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Containers
from imds_probe.facts.imds import Imds
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.facts.software import SettingSeen, Software
from imds_probe.rules.containers import RULE
from imds_probe.rules.rule import NothingToJudge
from imds_probe.watch.evidence import callers_of

LIKELY = (("AWS_REGION",),)
UNLIKELY = (("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),)
CONFIGURED = [
    (row.id, asked.switch.values[0])
    for row in Catalog.load().rows
    for asked in row.asks_for[:1]
    if asked.switch and asked.when == "on-request"
]
SEVERAL = {row.id for row in Catalog.load().rows if len(row.asks_for) > 1}


def judged(*containers, limit=1, **changes):
    return RULE.judge(with_containers(*containers, limit=limit, **changes), Catalog(()))


def ids(*containers, **options):
    return {(finding.id, finding.implies) for finding in judged(*containers, **options)}


def test_no_containers_nothing_to_report():
    assert RULE.judge(FACTS, Catalog(())) == []


def test_where_the_token_arrives_nothing_is_to_be_said():
    assert judged(container("web", 1, "ok", 2), container("host", 0, "ok", 2), limit=2) == []


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


def with_configured(component, *seen, version="v9"):
    """A container with credentials of its own, and software there whose settings were looked up."""
    web = replace(container("web", 1, "lost"), environment=UNLIKELY)
    software = Software(component, "image", component, version, "name of the image", container_ids=(web.identity,))
    return with_containers(web, software=(replace(software, settings=seen),))


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


@pytest.mark.parametrize(("environment", "implied"), [(LIKELY, "not-ready"), ((), "unknown"), (UNLIKELY, None)])
def test_a_token_that_should_arrive_and_does_not(environment, implied):
    (finding,) = judged(container("web", 1, "lost", 2, environment=environment), container("b", 1, "ok", 2), limit=2)
    assert (finding.id, finding.implies) == ("token-filtered", implied)
    assert "the hop limit suffices for 1 container, but the token response does not arrive: web" in finding.summary


def test_a_token_that_should_not_arrive_and_does():
    (finding,) = judged(container("web", 2, "ok", 1, environment=UNLIKELY))
    assert (finding.id, finding.severity, finding.implies) == ("token-beyond-hop-limit", "warning", None)


@pytest.mark.parametrize(
    ("environment", "status", "implied"),
    [
        (LIKELY, 403, "not-ready"),
        (LIKELY, 200, "unknown"),
        ((), 403, "unknown"),
        ((), 200, "unknown"),
        (UNLIKELY, 403, None),
        (UNLIKELY, 200, None),
    ],
)
def test_a_proxy(environment, status, implied):
    proxied = container("web", None, "answered-by-proxy", environment=environment)
    proxied = replace(proxied, reach=(replace(proxied.reach[0], status=status),))
    assert ids(proxied) == {("answered-by-proxy", implied)}


def test_without_a_way_there_the_switch_changes_nothing():
    (finding,) = judged(container("web", None, "unreachable", environment=LIKELY))
    assert (finding.id, finding.severity, finding.implies) == ("metadata-unreachable", "info", None)


def test_no_way_over_the_second_address_is_how_most_are():
    both = container("web", 1, "ok", 2)
    both = replace(both, reach=(*both.reach, replace(both.reach[0], family="ipv6", token="refused", expected=None)))
    assert judged(both, limit=2) == []


def test_lost_over_ipv6_alone_counts_too():
    both = container("web", 0, "ok", 1)
    far = replace(both.reach[0], family="ipv6", token="lost", distance=1, needs_hop_limit=2, expected="lost")
    assert ids(replace(both, reach=(*both.reach, far))) == {("hop-limit-too-low", "needs-hop-limit")}


@pytest.mark.parametrize("environment", [LIKELY, ()])
def test_not_measured_is_unknown(environment):
    (finding,) = judged(container("web", reach=(), not_measured="run as root", environment=environment))
    assert (finding.id, finding.implies, finding.evidence) == (
        "container-not-measured",
        "unknown",
        ("web: run as root",),
    )


def test_an_answer_that_makes_no_sense_is_not_measured():
    assert ids(container("web", 1, "error")) == {("container-not-measured", "unknown")}


def test_one_that_does_without_metadata_need_not_be_measured():
    assert judged(container("web", reach=(), not_measured="busy", environment=UNLIKELY)) == []


def test_a_pause_container_is_never_the_subject():
    assert judged(container("pause", 1, "lost", sandbox=True)) == []
    assert judged(container("pause", reach=(), not_measured="busy", sandbox=True)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"containers": None}, "the running containers could not be seen"),
        ({"containers_unseen": ("3 of 9 processes hide",)}, "not all running containers could be seen"),
    ],
)
def test_containers_that_nobody_saw_are_never_called_none(changes, words):
    run = CollectorRun("containers", "failed", 1.0, "no /proc")
    facts = changed(FACTS, collectors=(run,), **changes)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert (finding.id, finding.implies, finding.summary) == ("containers-not-seen", "unknown", words)
    assert finding.evidence == (("no /proc",) if facts[Containers].containers is None else ("3 of 9 processes hide",))


def test_where_none_could_be_looked_for_that_is_the_reason():
    runs = (
        CollectorRun("running-containers", "failed", 1.0, "no /proc"),
        CollectorRun("containers", "failed", 1.0, "nobody to ask for"),
    )
    (finding,) = RULE.judge(changed(FACTS, collectors=runs, containers=None), Catalog(()))
    assert finding.evidence == ("no /proc",)


@pytest.mark.parametrize(
    ("status", "unseen", "fix"),
    [
        ("skipped", (), "Give the run more time with --timeout."),
        ("failed", (), "Run as root on the host."),
        ("partial", ("3 of 9 processes hide",), "Run as root on the host."),
    ],
)
def test_the_fix_for_unseen_containers_is_of_their_cause(status, unseen, fix):
    run = CollectorRun("containers", status, 1.0, "the cause")
    facts = changed(FACTS, collectors=(run,), containers=() if unseen else None, containers_unseen=unseen)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert finding.fix.text.startswith(fix)


@pytest.mark.parametrize(("hops", "limit", "warned"), [(1, 3, True), (2, 3, False), (0, 2, True), (0, 1, False)])
def test_a_limit_higher_than_anything_needs(hops, limit, warned):
    findings = judged(container("web", hops, "ok", limit), limit=limit)
    assert [(f.id, f.severity, f.implies) for f in findings] == [
        ("hop-limit-higher-than-needed", "warning", None)
    ] * warned
    assert all(f"needs more than {hops + 1}" in f.summary for f in findings)


def test_a_host_that_is_switched_lowers_its_limit_by_a_command_that_leaves_the_tokens_required():
    facts = with_containers(container("web", 1, "ok", 3), limit=3)
    (finding,) = RULE.judge(changed(facts, imds=replace(facts[Imds], tokens="required")), Catalog(()))
    (command,) = finding.fix.commands
    assert command.endswith(" --http-put-response-hop-limit 2 --http-endpoint enabled")
    assert "switch command" not in finding.fix.text


def test_whether_it_is_higher_than_needed_is_not_said_when_not_all_was_seen():
    assert ids(limit=5, containers_unseen=("hidden",)) == {("containers-not-seen", "unknown")}
    blind = container("web", reach=(), not_measured="no root")
    assert ids(blind, limit=5) == {("container-not-measured", "unknown")}


def test_many_containers_make_one_finding_with_a_summary_of_bounded_length():
    (finding,) = judged(*(container(f"web-{number}", 1, "lost") for number in range(500)))
    assert "500 containers" in finding.summary
    assert finding.summary.endswith("web-0, web-1, web-2 and 497 more")
    assert len(finding.evidence) == 500


def test_with_the_endpoint_off_no_container_can_miss_it():
    facts = changed(with_imds(endpoint="disabled"), containers=None)
    assert isinstance(RULE.judge(facts, Catalog(())), NothingToJudge)


UNTESTED = "the given endpoint is on loopback, and every container has a loopback of its own"


@pytest.mark.parametrize(
    ("containers", "wanted"),
    [
        (None, {("containers-not-seen", "unknown")}),
        ((), set()),
        ((container("web", reach=(), not_measured=UNTESTED),), {("container-not-measured", "unknown")}),
        (
            (
                container(
                    "web",
                    reach=(),
                    not_measured=UNTESTED,
                    environment=(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),),
                ),
            ),
            set(),
        ),
    ],
    ids=["unseen", "none", "one", "one that has credentials of its own"],
)
def test_an_endpoint_on_loopback_says_nothing_of_containers_that_are_there(containers, wanted):
    facts = changed(with_imds(endpoints=(replace(ENDPOINT, address="127.0.0.1"),), hop_limit=3), containers=containers)
    found = RULE.judge(facts, Catalog(()))
    assert {(each.id, each.implies) for each in found} == wanted
    for each in found:
        assert each.evidence
        if each.id == "container-not-measured":
            assert each.fix.text.startswith("Unset AWS_EC2_METADATA_SERVICE_ENDPOINT, and run imds-probe again.")
            assert "a run without AWS_EC2_METADATA_SERVICE_ENDPOINT" in each.settled_by


def far_away(name, token="lost", **changes):
    """A distance that no links and routes bear out."""
    reach = replace(container(name, 63, token, 64 if token == "ok" else 1).reach[0], way=())
    return container(name, reach=(reach,), **changes)


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


@pytest.mark.parametrize(
    ("hops", "limit", "implied", "switch"),
    [
        (1, 2, "needs-hop-limit", 3),
        (1, 1, "needs-hop-limit", 3),
        (1, 3, "not-ready", None),
        (2, 3, "not-ready", None),
        (2, 1, "not-ready", None),
    ],
)
def test_where_a_rule_lowers_ttls_the_limit_allows_for_that(hops, limit, implied, switch):
    """Up to a hop limit that needs no explanation; where it has to be higher, somebody shall look at the rule."""
    web = container("web", hops, "lost", limit, environment=LIKELY)
    facts = changed(with_containers(web, limit=limit), obstacles=(LOWERS,))
    (finding,) = (each for each in RULE.judge(facts, Catalog(())))
    assert (finding.id, finding.implies) == ("hop-limit-too-low" if switch else "token-filtered", implied)
    if switch:
        assert f"at hop limit {limit}; hop limit {switch} suffices" in finding.summary
        assert any("--ttl-dec 1" in line for line in finding.evidence)
        assert report_of(facts).verdict.switch.http_put_response_hop_limit == switch
    else:
        assert "A higher hop limit does not help" not in finding.fix.text
        assert any("--ttl-dec 1" in line for line in finding.evidence)


@pytest.mark.parametrize(
    ("obstacles", "switch"),
    [
        ((LOWERS, replace(LOWERS, family="ipv6")), 3),  # a packet is of one family
        ((replace(LOWERS, family="ipv6"),), 2),
        ((replace(LOWERS, family="both"),), 3),
        ((LOWERS, LOWERS), 1),
        ((replace(LOWERS, target="-3"),), 1),
    ],
)
def test_rules_count_for_packets_of_their_own_family(obstacles, switch):
    facts = changed(with_containers(container("web", 1, "lost", environment=LIKELY)), obstacles=obstacles)
    (finding,) = RULE.judge(facts, Catalog(()))
    verdict = report_of(facts).verdict
    assert verdict.switch.http_put_response_hop_limit == switch
    if (
        switch == 1
    ):  # a hop limit above 3 would be needed: the rule has to go, and no number is named that does not help
        assert (finding.id, finding.implies, verdict.state) == ("token-filtered", "not-ready", "not-ready")
        assert finding.fix.text == "Remove the rule that lowers TTLs, and run imds-probe again."
        assert "the hop limit suffices" not in finding.summary


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


def test_a_limit_that_serves_a_user_is_not_called_too_high():
    assert judged(container("rootless", 1, "ok", 2, netns_owner_uid=1000), limit=2) == []


WITH_TOKEN = replace(
    CALLER, version="v2", path_class="token", token="answered", token_ttl=3, distance=1, unit=None, origin="process"
)
JOB = replace(WITH_TOKEN, container="job", container_id="9" * 64, image="ci:1")
MACHINE = replace(WITH_TOKEN, program="virtual machine", pid=None, client="192.168.122.5", origin="virtual-machine")


def _lower(*by, limit=3, containers=()):
    callers = callers_of(
        by, window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until="2023-11-14T22:13:20Z"
    )
    found = judged(*containers, limit=limit, callers=callers)
    return [each.summary for each in found if each.id == "hop-limit-higher-than-needed"]


@pytest.mark.parametrize(
    ("by", "needed"),
    [
        (JOB, 2),
        (MACHINE, 2),
        (replace(MACHINE, program="another host", origin="another-host", distance=2), 3),
        (replace(JOB, distance=63), 3),  # it received its token at the present one
        (replace(JOB, path_class="meta-data", token=None), 2),  # its token is from before the watch
        (replace(JOB, token="lost"), 1),
        (replace(JOB, distance=None), 1),
        (replace(JOB, distance=0), 1),
        (replace(JOB, probe=True), 1),
        (replace(JOB, container=None, container_id=None, distance=0), 1),  # a program of the host
    ],
)
def test_the_hop_limit_is_not_to_be_lowered_below_what_was_seen_asking_with_a_token_needs(by, needed):
    said = f"the hop limit is 3, but nothing that runs here or was seen asking with a token needs more than {needed}"
    assert _lower(by) == ([said] if needed < 3 else [])
    assert _lower(by, limit=needed) == []


def test_of_a_container_that_runs_the_measured_distance_counts():
    there = replace(container("job", 0, "ok", 3), network="host")
    assert len(_lower(replace(JOB, container_id=there.identity, distance=2), containers=(there,))) == 1


def test_what_time_was_lacking_for_is_settled_by_more_of_it():
    late = ("not all records of containers were read: the run's time limit came first",)
    (finding,) = RULE.judge(changed(FACTS, containers_unseen=late), Catalog(()))
    assert finding.settled_by == ("a run with more time (--timeout)", "the owner's acceptance of the risk ([[accept]])")
