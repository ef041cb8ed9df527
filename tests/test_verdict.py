import json
import shlex
from dataclasses import replace

import pytest
from code_seen import BACKUP, DAY_S, watched, with_code
from hypothesis import given
from hypothesis import strategies as st
from observed import (
    FACTS,
    IMDS,
    OLD_CLOUD_INIT,
    PLATFORM,
    SSM_AGENT,
    changed,
    container,
    report_of,
    with_containers,
    with_imds,
)
from watched_calls import BOOT, CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.callers import BOOT_S
from imds_probe.facts.code import CodeRead
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Reach
from imds_probe.facts.host import OsRelease
from imds_probe.facts.image import Image
from imds_probe.facts.instance import Instance
from imds_probe.facts.platform import Platform
from imds_probe.facts.software import SdkSoftware, SdkUse, Software
from imds_probe.findings import Kind
from imds_probe.rules.judging import RuleRun
from imds_probe.verdict import EXIT_CODES, decide
from imds_probe.watch.evidence import callers_of

CATALOG = Catalog(())
RUNS = (RuleRun("software", "ok", 0.1),)


def finding(implies, finding_id="some-finding"):
    kind = Kind(finding_id, "blocker", "A title", "What it means.", "What to do.", implies)
    return kind.found("host", f"says {implies}").by("software")


@pytest.mark.parametrize(
    ("implied", "state", "code"),
    [
        ((), "ready", 0),
        (("needs-hop-limit",), "needs-hop-limit", 4),
        (("unknown",), "unknown", 3),
        (("not-ready",), "not-ready", 1),
        (("needs-hop-limit", "unknown"), "unknown", 3),
        (("unknown", "not-ready", "needs-hop-limit"), "not-ready", 1),
        ((None,), "ready", 0),
    ],
)
def test_the_worst_finding_decides(implied, state, code):
    verdict = decide(FACTS, tuple(finding(i) for i in implied), RUNS, CATALOG)
    assert verdict.state == state
    assert EXIT_CODES[verdict.state] == code
    assert verdict.reasons


@pytest.mark.parametrize(
    "run", [RuleRun("software", "error", 0.1, "broken"), RuleRun("software", "skip", 0, "asked", True)]
)
def test_a_rule_that_did_not_judge_leaves_no_ready(run):
    verdict = decide(FACTS, (), (run,), CATALOG)
    assert verdict.state == "unknown"
    assert "rule software was not judged" in verdict.reasons[0]


def test_a_rule_with_nothing_to_judge_does_no_harm():
    assert decide(FACTS, (), (RuleRun("tokens", "skip", 0, "no service"),), CATALOG).state == "ready"


def test_the_step_that_changes_the_template_waits_for_what_ran_once():
    facts = with_code(replace(BACKUP, runs="once"))
    report = report_of(facts)
    assert report.verdict.state == "ready"
    (waits,) = report.verdict.switch.template_waits_for
    assert waits == (
        "1 file that ran once here and will run on each new instance asks without a token: /usr/local/bin/backup:7 "
        "[code-imdsv1-once]"
    )
    assert report_of(with_code(replace(BACKUP, runs="lies"))).verdict.switch.template_waits_for == ()


def test_a_new_version_of_the_launch_template_requires_tokens():
    argv = shlex.split(decide(FACTS, (), RUNS, CATALOG).switch.launch_template)
    assert argv[:3] == ["aws", "ec2", "create-launch-template-version"]
    assert json.loads(argv[argv.index("--launch-template-data") + 1]) == {
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1}
    }


def test_an_image_has_a_command_of_its_own_and_no_switch():
    image = changed(FACTS, imds=None, platform=Platform.absent()).with_(Image())
    report = report_of(image)
    assert (report.verdict.state, report.verdict.switch, report.verdict.rollback) == ("ready", None, None)
    assert (report.verdict.confidence, report.verdict.evidence) == ("low", ("capability",))
    assert report.verdict.reasons[0].startswith("no package was found in the image that speaks only IMDSv1")
    argv = shlex.split(report.verdict.image.aws_cli)
    assert argv[:3] == ["aws", "ec2", "modify-image-attribute"]
    assert argv[-2:] == ["--imds-support", "v2.0"]
    assert report_of(FACTS).verdict.image is None


def test_confidence_is_never_high_without_a_watch():
    assert decide(FACTS, (), RUNS, CATALOG).confidence == "medium"
    assert decide(changed(FACTS, collectors=()), (), RUNS, CATALOG).confidence == "low"
    assert decide(FACTS, (finding("unknown"),), RUNS, CATALOG).confidence == "low"


def test_a_host_without_any_package_manager_is_no_evidence_of_what_it_can_do():
    none = changed(FACTS, collectors=(CollectorRun("dpkg", "nothing", 0.1), CollectorRun("rpm", "nothing", 0.1)))
    verdict = decide(none, (), RUNS, CATALOG)
    assert (verdict.evidence, verdict.confidence) == (("reachability",), "low")


def test_the_commands_name_the_instance_and_keep_the_hop_limit():
    verdict = decide(with_imds(hop_limit=2), (), RUNS, CATALOG)
    start = (
        "aws ec2 modify-instance-metadata-options --region eu-west-1 --instance-id i-0123456789abcdef0 --http-tokens "
    )
    assert verdict.switch.aws_cli == f"{start}required --http-put-response-hop-limit 2 --http-endpoint enabled"
    assert verdict.rollback.aws_cli == f"{start}optional --http-put-response-hop-limit 2 --http-endpoint enabled"
    assert 'http_tokens                 = "required"' in verdict.switch.terraform
    assert "HttpPutResponseHopLimit: 2" in verdict.switch.cloudformation


def test_an_unmeasured_hop_limit_is_not_named():
    verdict = decide(with_imds(hop_limit=None), (), RUNS, CATALOG)
    assert (
        "hop" not in verdict.switch.aws_cli + verdict.switch.terraform.lower() + verdict.switch.cloudformation.lower()
    )


def test_a_disabled_endpoint_is_not_turned_on_by_the_switch():
    verdict = decide(with_imds(endpoint="disabled", hop_limit=None, tokens="unknown"), (), RUNS, CATALOG)
    assert "--http-endpoint disabled" in verdict.switch.aws_cli
    assert "--http-endpoint disabled" in verdict.rollback.aws_cli
    assert "turned off" in verdict.reasons[0]


def test_without_identity_the_command_asks_for_it():
    assert '--instance-id "$INSTANCE_ID"' in decide(changed(FACTS, instance=None), (), RUNS, CATALOG).switch.aws_cli


@pytest.mark.parametrize("field", ["instance_id", "region"])
def test_what_a_stored_report_says_runs_nothing_in_the_command(field):
    """It may be anybody's: `imds-probe judge` prints a command that is there to be pasted."""
    hostile = "x'; touch /tmp/owned #"
    facts = changed(FACTS, instance=replace(FACTS.get(Instance), **{field: hostile}))
    verdict = decide(facts, (), RUNS, CATALOG)
    for command in (verdict.switch.aws_cli, verdict.rollback.aws_cli):
        assert hostile in shlex.split(command)
        assert shlex.split(command)[-2:] == ["--http-endpoint", "enabled"]


def test_elsewhere_there_is_nothing_to_switch():
    elsewhere = changed(FACTS, platform=replace(PLATFORM, is_ec2=False), imds=None)
    verdict = decide(elsewhere, (finding("unknown"),), RUNS, CATALOG)
    assert (verdict.switch, verdict.rollback) == (None, None)


def switch_of(*containers, limit=1):
    return decide(with_containers(*containers, limit=limit), (), RUNS, CATALOG)


def test_the_switch_carries_the_hop_limit_that_is_needed_and_the_way_back_the_present_one():
    verdict = switch_of(container("web", 1, "lost"), container("deep", 2, "lost"))
    assert verdict.switch.http_put_response_hop_limit == 3
    assert "--http-tokens required --http-put-response-hop-limit 3 " in verdict.switch.aws_cli
    assert "http_put_response_hop_limit = 3" in verdict.switch.terraform
    assert "HttpPutResponseHopLimit: 3" in verdict.switch.cloudformation
    assert "--http-tokens optional --http-put-response-hop-limit 1 " in verdict.rollback.aws_cli


@pytest.mark.parametrize(("hops", "after"), [(1, "--http-tokens optional"), (2, "--http-tokens required")])
def test_of_a_host_that_is_switched_a_raised_limit_is_undone_and_else_the_switch(hops, after):
    facts = with_containers(container("deep", hops, "ok" if hops == 1 else "lost"), tokens="required")
    command = decide(facts, (), RUNS, CATALOG).rollback.aws_cli
    assert f"{after} --http-put-response-hop-limit 1 " in command


def test_a_limit_that_is_higher_than_needed_is_never_lowered_by_the_switch():
    assert switch_of(container("web", 1, "ok", 5), limit=5).switch.http_put_response_hop_limit == 5


def test_a_limit_that_is_needed_is_named_even_where_the_present_one_is_not_known():
    verdict = switch_of(container("web", 1, "lost"), limit=None)
    assert verdict.switch.http_put_response_hop_limit == 2
    assert "hop-limit" not in verdict.rollback.aws_cli


def test_the_price_of_a_higher_limit():
    elsewhere = (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),)
    verdict = switch_of(
        container("web", 1, "lost"),
        container("deep", 2, "lost", environment=(("AWS_REGION",),)),
        container("bystander", 2, "lost", environment=elsewhere),
        container("beyond", 3, "lost", environment=elsewhere),
        container("host", 0),
        container("pause", 1, "lost", sandbox=True),
    )
    assert verdict.price == (
        "Hop limit 3 lets every process in 3 containers take the instance role's credentials; it is needed for deep"
    )


def test_a_price_paid_on_a_guess_says_so():
    assert switch_of(container("web", 1, "lost")).price == (
        "Hop limit 2 lets every process in 1 container take the instance role's credentials; it is needed for web, "
        "if metadata is needed there, which is not known"
    )


def test_where_containers_stay_out_of_reach_there_is_no_price():
    assert switch_of(container("host", 0)).price is None
    assert switch_of(container("web", 3, "unreachable"), limit=2).price is None
    assert decide(with_imds(hop_limit=2), (), RUNS, CATALOG).price is None


def test_ready_says_how_many_containers_were_reached():
    verdict = switch_of(container("a"), container("b"), container("c", 2, "lost"))
    assert "the token reaches the host and 2 containers" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("coverage", "calls", "state", "confidence"),
    [
        (1.0, (), "ready", "high"),
        (0.5, (), "ready", "medium"),
        (1.0, (replace(CALLER, probe=True),), "ready", "high"),
        (0.001, (CALLER,), "not-ready", "high"),
    ],
)
def test_only_watching_makes_it_sure(coverage, calls, state, confidence):
    callers = callers_of(
        calls, window_s=1000.0, observed_s=1000.0 * coverage, needed_coverage=0.99, dropped=0, watched_until=None
    )
    verdict = report_of(changed(FACTS, callers=replace(callers, boots=(BOOT,)))).verdict
    assert (verdict.state, verdict.confidence) == (state, confidence)
    assert ("behaviour" in verdict.evidence) == (confidence == "high")


@pytest.mark.parametrize(
    ("boots", "confidence"),
    [
        ((), "medium"),  # as in reports from before
        ((BOOT,), "high"),
        ((replace(BOOT, from_start=False, began_s=41.0),), "medium"),
        ((replace(BOOT, watched_s=BOOT_S - 41),), "medium"),  # the daemon was not there for a while
        ((BOOT, replace(BOOT, age_s=60.0, watched_s=40.0)), "high"),  # the present one is being watched
        ((BOOT, replace(BOOT, age_s=60.0, began_s=41.0, from_start=False)), "medium"),
        ((replace(BOOT, from_start=False), BOOT), "high"),
        (
            (replace(BOOT, imdsv1=1),),
            "high",
        ),  # it is in the window, and no call in it was by IMDSv1 and not the probe's
    ],
)
def test_no_verdict_is_sure_before_a_boot_was_watched_whole(boots, confidence):
    """Each boot's unwatched part counts by itself, however small a share of the window it is."""
    verdict = report_of(changed(FACTS, callers=watched(boots=boots))).verdict
    assert (verdict.state, verdict.confidence) == ("ready", confidence)
    assert "behaviour" in verdict.evidence
    called = report_of(changed(FACTS, callers=watched(CALLER, boots=boots))).verdict
    assert (called.state, called.confidence) == ("not-ready", "high")


def test_calls_of_the_last_boot_are_not_forgotten_with_the_window():
    """The next boot may make them again."""
    boots = (replace(BOOT, imdsv1=1, age_s=30 * 86400.0),)
    verdict = report_of(changed(FACTS, callers=watched(boots=boots))).verdict
    assert (verdict.state, verdict.confidence) == ("unknown", "low")
    off = replace(IMDS, endpoint="disabled")
    assert report_of(changed(FACTS, imds=off, callers=watched(boots=boots))).verdict.state == "ready"


def test_a_watch_does_not_make_up_for_what_was_not_looked_at():
    callers = callers_of((), window_s=10.0, observed_s=10.0, needed_coverage=0.99, dropped=0, watched_until=None)
    assert report_of(changed(FACTS, callers=callers, collectors=())).verdict.confidence == "low"


TOKENS = ("ok", "lost", "refused", "unreachable", "disabled", "answered-by-proxy", "error")
REACHES = st.builds(
    Reach,
    st.sampled_from(("ipv4", "ipv6")),
    st.sampled_from(TOKENS),
    st.just("words"),
    distance=st.none() | st.integers(0, 63),
    needs_hop_limit=st.none() | st.integers(1, 64),
    expected=st.sampled_from((None, "ok", "lost")),
    status=st.sampled_from((None, 200, 403)),
    confirmed=st.sampled_from((None, True, False)),
)
USERS = st.lists(
    st.builds(
        lambda reach, environment, uid: container(
            "rootless", reach=tuple(reach), environment=environment, netns_owner_uid=uid
        ),
        st.lists(REACHES, max_size=2),
        st.sampled_from(((), (("AWS_REGION",),), None, (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),))),
        st.integers(0, 70_000),
    ),
    max_size=4,
)
ORDER = ("low", "medium", "high")


@pytest.mark.parametrize("limit", [1, 2, 4])
@given(users=USERS)
def test_no_network_of_a_user_changes_more_than_the_confidence(limit, users):
    roots = (container("web", 1, "lost" if limit == 1 else "ok", limit), container("agent", 0, "ok", limit))
    before = report_of(with_containers(*roots, limit=limit)).verdict
    after = report_of(with_containers(*roots, *users, limit=limit)).verdict
    assert replace(after, confidence=before.confidence, price=before.price) == before
    assert ORDER.index(after.confidence) <= ORDER.index(before.confidence)


@given(distance=st.integers(0, 63), drawn=st.booleans(), limit=st.integers(1, 3), token=st.sampled_from(("ok", "lost")))
def test_no_command_has_a_limit_above_3_without_the_way(distance, drawn, limit, token):
    there = container("there", distance, token, limit)
    if not drawn:
        there = replace(there, reach=(replace(there.reach[0], way=()),))
    verdict = report_of(with_containers(there, limit=limit)).verdict
    printed = verdict.switch.http_put_response_hop_limit
    assert f"--http-put-response-hop-limit {printed} " in verdict.switch.aws_cli
    assert printed <= 3 or len(verdict.ways[0].split(" -> ")) == printed == distance + 1
    if distance < 3:
        # What arrives needs no more than there is, whatever was measured.
        assert printed == (limit if token == "ok" else max(limit, distance + 1))


@pytest.mark.parametrize(("coverage", "lowered"), [(1.0, "medium"), (0.5, "low")])
def test_a_user_without_a_token_lowers_the_confidence(coverage, lowered):
    callers = callers_of(
        (), window_s=1000.0, observed_s=1000.0 * coverage, needed_coverage=0.99, dropped=0, watched_until=None
    )
    facts = with_containers(container("rootless", None, "lost", netns_owner_uid=1000))
    verdict = report_of(changed(facts, callers=replace(callers, boots=(BOOT,)))).verdict
    assert (verdict.state, verdict.confidence) == ("ready", lowered)


def test_ready_does_not_count_what_users_say_arrives():
    verdict = switch_of(container("a"), container("rootless", None, "ok", netns_owner_uid=1000))
    assert "the token reaches the host and 1 container," in f"{verdict.reasons[0]},"


LIBRARY = SdkSoftware("botocore", "pypi", "botocore", "1.12.0", "METADATA", sdk=SdkUse(None, None, ("/srv/a",), 1))
LOOKED = CollectorRun("sdks", "ok", 1.0)


@pytest.mark.parametrize(
    "facts",
    [
        changed(FACTS, software=(LIBRARY,), collectors=(*FACTS.collectors, LOOKED)),
        with_code(replace(BACKUP, runs="lies", started_by=())),
        with_code(replace(BACKUP, runs="once")),
    ],
)
def test_that_all_speaks_imdsv2_is_never_said_beside_a_finding_that_says_otherwise(facts):
    report = report_of(facts)
    assert report.verdict.state == "ready"
    assert any(each.severity == "warning" for each in report.findings)
    assert report.verdict.reasons == (
        "the token reaches the host; the warnings name software that speaks only IMDSv1, or may",
    )
    assert "all installed software" in report_of(FACTS).verdict.reasons[0]


def test_code_is_evidence_and_makes_no_verdict_surer():
    read = report_of(with_code()).verdict
    assert (read.evidence, read.confidence) == (("capability", "code", "reachability"), "medium")
    blocked = report_of(with_code(BACKUP)).verdict
    assert (blocked.state, blocked.confidence) == ("not-ready", "medium")
    assert blocked.reasons[0].endswith("asks the metadata service without a token [code-imdsv1]")
    watched_whole = report_of(with_code(facts=changed(FACTS, callers=watched(boots=(BOOT,))))).verdict
    assert (watched_whole.evidence, watched_whole.confidence) == (
        ("capability", "code", "reachability", "behaviour"),
        "high",
    )


def test_what_was_too_old_but_silent_leaves_no_high_confidence():
    silent = replace(LIBRARY, pids=(7,), sdk=replace(LIBRARY.sdk, oldest_s=3 * DAY_S))
    facts = changed(FACTS, software=(silent,), collectors=(*FACTS.collectors, LOOKED), callers=watched(boots=(BOOT,)))
    verdict = report_of(facts).verdict
    assert (verdict.state, verdict.confidence) == ("ready", "medium")


def test_what_stronger_evidence_settled_is_said_beside_what_versions_tell():
    settled = replace(LIBRARY, version=None, pids=(7,), sdk=replace(LIBRARY.sdk, oldest_s=3 * DAY_S))
    facts = changed(FACTS, software=(settled,), collectors=(*FACTS.collectors, LOOKED), callers=watched(boots=(BOOT,)))
    verdict = report_of(facts).verdict
    assert (verdict.state, verdict.confidence) == ("ready", "high")
    assert verdict.reasons[0].endswith(
        "the switch breaks none of the installed software that is in the catalog, by its version or by other evidence"
    )


SPEAKS = "all installed software that is in the catalog speaks IMDSv2"


def test_nor_beside_software_that_breaks_nothing_here():
    cut_off = container("off", 1, "unreachable")
    old = replace(
        OLD_CLOUD_INIT, os=OsRelease("debian", "12", None), container="off", container_ids=(cut_off.identity,)
    )
    utils = Software("cloud-utils", "rpm", "cloud-utils", "0.30-1", "rpm database")
    lies = replace(BACKUP, component="cloud-utils", runs="lies", path="/usr/bin/ec2metadata", started_by=())
    for facts, said in (
        (FACTS, None),
        (changed(FACTS, software=(SSM_AGENT, old), containers=(cut_off,)), "software-unserved"),
        (
            with_code(lies, facts=changed(FACTS, software=(utils,))).with_(CodeRead(scheduled=0)),
            "software-unused-imdsv1",
        ),
        (with_code(replace(BACKUP, runs="lies", started_by=())), "code-on-disk-imdsv1"),
        (with_code(replace(BACKUP, runs="once")), "code-imdsv1-once"),
        (changed(FACTS, callers=replace(watched(), unconfirmed=1)), "requests-not-confirmed"),
    ):
        report = report_of(facts)
        assert (said in {finding.id for finding in report.findings}) == (said is not None)
        assert any(SPEAKS in reason for reason in report.verdict.reasons) == (said is None), said
