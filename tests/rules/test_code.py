from dataclasses import replace

import pytest
from code_seen import AGENT, BACKUP, DAY_S, PACKED, watched, with_code
from observed import (
    CATALOG,
    DROP_ALL,
    ENDPOINT,
    FACTS,
    SSM_AGENT,
    changed,
    container,
    kept_away,
    report_of,
    with_containers,
    with_imds,
)
from watched_calls import CALLER

from imds_probe.facts.code import HEADER_ELSEWHERE
from imds_probe.facts.software import Installed
from imds_probe.rules.code import NAMED_MAX, RULE
from imds_probe.rules.rule import NothingToJudge

JAR = replace(AGENT, path="/srv/app/app.jar", form="jar", speaks="both", pids=(50,))
WEB = container("web", 1, "ok")
STATIC = (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),)


def judged(*code, **given):
    found = RULE.judge(with_code(*code, **given), CATALOG)
    assert isinstance(found, list)
    return found


GOOGLE = replace(
    BACKUP,
    path="/opt/app/lib/python3.11/site-packages/google/auth/aws.py",
    speaks="both",
    form="python",
    package="google-auth 2.40.3 (pypi)",
    component="google-auth-python",
    manager="pypi",
    version="2.40.3",
)
CLI = replace(GOOGLE, speaks="v1", package="awscli 1.46.2 (pypi)", component="aws-cli-v1", version="1.46.2")


def in_web(code, **changes):
    return replace(code, on_host=False, container_ids=(WEB.identity,), **changes)


def test_without_a_look_nothing_is_judged():
    assert isinstance(RULE.judge(FACTS, CATALOG), NothingToJudge)


def test_what_something_starts_and_asks_without_a_token_blocks_and_says_what_starts_it():
    (finding,) = judged(BACKUP)
    assert (finding.id, finding.severity, finding.implies) == ("code-imdsv1", "blocker", "not-ready")
    assert finding.summary == (
        "/usr/local/bin/backup, started by /etc/cron.d/backup, daily, asks the metadata service without a token"
    )
    assert finding.evidence == ("/usr/local/bin/backup:7 has 169.254.169.254, latest/meta-data",)
    assert finding.forgeable_by == ()


def test_what_runs_blocks_and_says_which_processes_and_whose_package_it_is():
    (finding,) = judged(replace(AGENT, package="agent 1.2-1 (dpkg)"))
    assert finding.summary == (
        "/opt/agent/agent, running as processes 41, 42, asks the metadata service without a token"
    )
    assert finding.evidence == (
        "/opt/agent/agent has 169.254.169.254, latest/meta-data",
        "the file belongs to agent 1.2-1 (dpkg)",
    )


def test_what_a_process_was_given_is_said_to_be_in_its_arguments():
    given = replace(BACKUP, path="/usr/bin/dash", runs="running", pids=(5,), started_by=(), in_arguments=True)
    (finding,) = judged(given)
    assert finding.summary == (
        "code in the arguments of /usr/bin/dash, running as process 5, asks the metadata service without a token"
    )
    assert finding.evidence == ("the arguments of /usr/bin/dash have 169.254.169.254, latest/meta-data",)
    assert finding.subject == "/usr/bin/dash"
    (undecided,) = judged(replace(given, speaks="both"))
    assert undecided.summary.endswith("which are used: code in the arguments of /usr/bin/dash")


@pytest.mark.parametrize("runs", ["running", "scheduled", "boot"])
def test_each_way_to_be_started_blocks(runs):
    assert [each.id for each in judged(replace(BACKUP, runs=runs))] == ["code-imdsv1"]


@pytest.mark.parametrize("speaks", ["v2", "mentions"])
def test_what_asks_for_a_token_or_nobody_is_nothing_to_report(speaks):
    assert judged(replace(BACKUP, speaks=speaks), replace(AGENT, speaks=speaks)) == []


@pytest.mark.parametrize(
    ("runs", "finding_id", "files"),
    [
        ("once", "code-imdsv1-once", "2 files that ran once here and will run on each new instance ask"),
        ("lies", "code-on-disk-imdsv1", "2 files on disk that nothing starts ask"),
    ],
)
def test_what_nothing_starts_here_again_is_named_with_its_place_and_blocks_nothing(runs, finding_id, files):
    first = replace(BACKUP, runs=runs, started_by=())
    (finding,) = judged(first, replace(first, path="/opt/b.sh", line=2))
    assert (finding.id, finding.severity, finding.implies) == (finding_id, "warning", None)
    assert finding.summary == f"{files} without a token: /usr/local/bin/backup:7, /opt/b.sh:2"
    assert len(finding.evidence) == 2


NAMED = replace(BACKUP, runs="lies", started_by=("/etc/acme/agent.conf",))


def test_what_settings_of_unknown_software_name_is_a_doubt_that_a_silent_window_settles():
    (finding,) = judged(NAMED)
    assert (finding.id, finding.severity, finding.implies) == ("code-named-imdsv1", "warning", "unknown")
    assert finding.summary == "1 program asks without a token, and a file of settings names it: /usr/local/bin/backup"
    assert "named in /etc/acme/agent.conf" in finding.evidence[0]
    assert "a watched window without a call by IMDSv1 (imds-probe's daemon)" in finding.settled_by
    (settled,) = RULE.judge(changed(with_code(NAMED), callers=watched()), CATALOG)
    assert (settled.id, settled.implies) == ("code-on-disk-imdsv1", None)
    (turned_off,) = judged(NAMED, facts=with_imds(endpoint="disabled"))
    assert turned_off.id == "code-on-disk-imdsv1"


@pytest.mark.parametrize("runs", ["once", "lies"])
def test_what_nothing_starts_and_cannot_be_told_apart_is_no_doubt(runs):
    assert judged(replace(JAR, runs=runs)) == []


def test_many_are_named_up_to_a_bound():
    found = judged(*(replace(BACKUP, path=f"/opt/{number}.sh") for number in range(NAMED_MAX + 30)))
    assert len(found) == NAMED_MAX + 1
    assert found[-1].summary.startswith("30 more programs and scripts ask")
    assert len(found[-1].evidence) == 21
    assert found[-1].evidence[-1] == "and 10 more"
    assert {each.implies for each in found} == {"not-ready"}


def test_a_watch_without_a_call_does_not_outweigh_code():
    facts = changed(FACTS, callers=watched())
    (finding,) = judged(replace(AGENT, oldest_s=3 * DAY_S), facts=facts)
    assert finding.implies == "not-ready"


def test_a_user_who_can_write_the_file_is_named_and_can_have_made_it_up():
    (finding,) = judged(replace(BACKUP, owner_uid=1000))
    assert finding.forgeable_by == ("user 1000",)
    assert "user 1000 can write the file" in finding.evidence
    verdict = report_of(with_code(replace(BACKUP, owner_uid=1000))).verdict
    assert (verdict.state, verdict.forgeable) == (
        "not-ready",
        ("All evidence for this verdict comes from user 1000 and may be forged",),
    )


def test_what_only_a_user_runs_is_told_apart_even_where_root_has_written_it():
    """As his calls are: anybody can start an example that lies in a directory of the system."""
    (finding,) = judged(replace(AGENT, runner_uid=4242))
    assert finding.implies == "not-ready"
    assert finding.summary.startswith("/opt/agent/agent of user 4242, running as processes 41, 42, asks")
    assert "only user 4242 runs it" in finding.evidence
    assert finding.forgeable_by == ("user 4242",)


def test_what_a_container_runs_is_its_own_word():
    (finding,) = judged(in_web(AGENT), facts=with_containers(WEB))
    assert finding.summary.startswith("/opt/agent/agent in web, running as")
    assert finding.forgeable_by == ("container web",)


def test_where_no_metadata_is_served_nothing_breaks():
    (finding,) = judged(BACKUP, facts=with_imds(endpoint="disabled"))
    assert (finding.id, finding.implies) == ("code-imdsv1-unserved", None)
    assert finding.evidence == ("/usr/local/bin/backup: the metadata service is turned off",)


@pytest.mark.parametrize(
    ("token", "implies"),
    [("refused", "not-ready"), ("unreachable", None), ("lost", "not-ready"), ("ok", "not-ready")],
)
def test_a_container_that_is_cut_off_loses_nothing(token, implies):
    cut_off = container("web", 1, token)
    (finding,) = judged(in_web(AGENT), facts=with_containers(cut_off))
    assert finding.implies == implies
    (both,) = judged(in_web(JAR), facts=with_containers(cut_off))
    assert (both.id == "code-settled") == (implies is None)


@pytest.mark.parametrize(
    ("code", "finding_id"),
    [
        (AGENT, "code-imdsv1-unserved"),
        (BACKUP, "code-imdsv1-unserved"),
        # The rule may come later in a boot.
        (replace(AGENT, pids=(), runs="boot"), "code-imdsv1"),
    ],
)
def test_where_rules_keep_all_programs_of_the_host_away_only_a_boot_may_ask_before(code, finding_id):
    (finding,) = judged(code, facts=kept_away(DROP_ALL))
    assert finding.id == finding_id
    (finding,) = judged(code, facts=kept_away(replace(DROP_ALL, scope="not uid 33")))
    assert finding.id == "code-imdsv1"


OF_33 = replace(DROP_ALL, kind="reject", scope="uid 33")
OVER_IPV6 = replace(ENDPOINT, family="ipv6", address="fd00:ec2::254")


@pytest.mark.parametrize(
    ("uid", "rules", "kept"),
    [
        (33, (OF_33,), True),
        (33, (replace(OF_33, scope="uid 30-40"),), True),
        (33, (replace(OF_33, scope="not uid 0"),), True),  # all but who may
        (33, (replace(OF_33, scope="not uid 33"),), False),
        (34, (OF_33,), False),
        (None, (OF_33,), False),
        (33, (replace(OF_33, certain=False),), False),
        (33, (replace(OF_33, scope="uid 33, not gid 5"),), False),
        (33, (replace(OF_33, family="ipv6"),), False),
        (33, (OF_33, replace(OF_33, kind="redirect", scope="uid 33")), False),
        (33, (replace(OF_33, namespace="web", container_id="a" * 64),), False),
        (33, (DROP_ALL,), False),  # the host itself was answered, whatever the rule says
    ],
)
def test_what_runs_as_a_user_whom_a_rule_keeps_away_loses_nothing(uid, rules, kept):
    facts = changed(FACTS, obstacles=rules)
    (finding,) = judged(replace(AGENT, uid=uid), facts=facts)
    assert finding.id == ("code-imdsv1-unserved" if kept else "code-imdsv1")
    if kept:
        assert finding.evidence == (f"/opt/agent/agent: a rule or route keeps all programs of user {uid} from it",)
    (at_boot,) = judged(replace(AGENT, uid=uid, pids=(), runs="boot"), facts=facts)
    assert at_boot.id == "code-imdsv1"  # the rule may come later in a boot


def test_a_rule_on_users_has_to_hold_for_each_address_that_answers():
    both = with_imds(endpoints=(ENDPOINT, OVER_IPV6))
    ipv6_too, at_once = replace(OF_33, family="ipv6"), replace(OF_33, family="both")
    for rules, kept in (((OF_33,), False), ((OF_33, ipv6_too), True), ((at_once,), True)):
        (finding,) = judged(replace(AGENT, uid=33), facts=changed(both, obstacles=rules))
        assert (finding.id == "code-imdsv1-unserved") == kept


def test_what_its_unit_keeps_from_the_service_loses_nothing():
    kept = replace(BACKUP, kept_off=True)
    (finding,) = judged(kept)
    assert finding.id == "code-imdsv1-unserved"
    assert "the unit that starts it keeps it from the service" in finding.evidence[0]
    (by_ipv6,) = judged(replace(kept, quote=("fd00:ec2::254",)))
    assert by_ipv6.id == "code-imdsv1"
    (settled,) = judged(replace(kept, speaks="both"))
    assert settled.id == "code-settled"


def test_variables_that_steer_sdks_do_not_keep_a_script_from_asking():
    (finding,) = judged(in_web(AGENT), facts=with_containers(replace(WEB, environment=STATIC)))
    assert finding.implies == "not-ready"


def test_the_one_in_a_container_that_is_not_known_still_blocks():
    (finding,) = judged(replace(AGENT, on_host=False, container_ids=("f" * 64,)))
    assert finding.implies == "not-ready"
    assert "/opt/agent/agent in container ffffffffffff" in finding.summary


def test_what_reading_cannot_tell_apart_is_unknown_in_one_finding():
    (finding,) = judged(JAR, replace(JAR, path="/srv/b.jar"))
    assert (finding.id, finding.implies) == ("code-undecided", "unknown")
    assert finding.summary == (
        "2 programs have requests with and without a token, and reading cannot tell which are used: /srv/app/app.jar, /srv/b.jar"
    )
    assert finding.fix.commands == ("systemctl enable --now imds-probe-daemon",)


def test_a_header_from_elsewhere_may_be_a_token():
    (finding,) = judged(replace(JAR, quote=(*JAR.quote, HEADER_ELSEWHERE)))
    assert finding.implies == "unknown" and finding.settled_by
    assert finding.summary == (
        "1 program may ask with or without a token, and reading cannot tell which: /srv/app/app.jar"
    )
    assert finding.evidence[0].partition(",")[0].startswith("/srv/app/app.jar has ")


def test_a_watched_window_settles_what_was_started_in_it():
    facts = changed(FACTS, callers=watched())
    (finding,) = judged(replace(JAR, oldest_s=3 * DAY_S), facts=facts)
    assert (finding.id, finding.implies) == ("code-settled", None)
    assert finding.summary == "1 program is cleared by evidence other than its code"
    assert finding.evidence == (
        "/srv/app/app.jar has requests with and without a token: started 3 d ago, and no call by IMDSv1 was seen in the 14 d "
        "that were watched",
    )


BY_TOKEN = replace(CALLER, version="v2", program=JAR.path, on_host=True)


@pytest.mark.parametrize(
    ("callers", "finding_id"),
    [
        (watched(BY_TOKEN), "code-settled"),
        (watched(replace(BY_TOKEN, on_host=False)), "code-undecided"),
        (watched(replace(BY_TOKEN, program="/usr/bin/other")), "code-undecided"),
        (watched(BY_TOKEN, CALLER), "code-undecided"),
        (watched(BY_TOKEN, coverage=0.5), "code-undecided"),
    ],
)
def test_one_that_was_seen_asking_by_token_alone_is_settled(callers, finding_id):
    (finding,) = judged(replace(JAR, runs="scheduled", pids=()), facts=changed(FACTS, callers=callers))
    assert finding.id == finding_id


def test_code_of_software_that_the_catalog_knows_is_judged_with_it():
    agent = replace(AGENT, component=SSM_AGENT.component)
    assert judged(agent, replace(JAR, component=SSM_AGENT.component)) == []
    assert judged(in_web(agent), facts=with_containers(WEB)) != []
    assert judged(agent, facts=FACTS.with_(Installed(()))) != []


def test_what_software_of_the_catalog_ran_once_is_named_all_the_same():
    (finding,) = judged(replace(BACKUP, component=SSM_AGENT.component, runs="once"))
    assert finding.id == "code-imdsv1-once"


def test_one_without_evidence_of_anybody_is_not_hidden_by_what_is_settled():
    found = judged(JAR, not_read=(replace(PACKED, oldest_s=2 * DAY_S),), facts=changed(FACTS, callers=watched()))
    assert [each.id for each in found] == ["code-undecided", "code-settled"]


BYOBU = replace(
    BACKUP,
    path="/usr/lib/byobu/ip_address",
    package="byobu 5.133-1.1 (dpkg)",
    started_by=("/etc/profile.d/Z97-byobu.sh, at each login",),
)


def test_what_only_a_login_may_start_of_a_package_warns():
    (finding,) = judged(BYOBU)
    assert (finding.id, finding.severity, finding.implies) == ("code-imdsv1-at-login", "warning", None)
    assert finding.summary == (
        "1 file of packages that a login may start asks without a token: /usr/lib/byobu/ip_address:7"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"package": None},
        {"package": "ip 1.0 (pypi)"},
        {"path": "/etc/profile.d/Z97-byobu.sh"},
        {"started_by": (*BYOBU.started_by, "/etc/cron.d/byobu, daily")},
        {"started_by": ()},
        {"pids": (41,), "runs": "running"},
    ],
)
def test_what_a_login_itself_asks_or_something_else_starts_blocks(changes):
    (finding,) = judged(replace(BYOBU, **changes))
    assert finding.id == "code-imdsv1"


RARE = replace(
    JAR, runs="scheduled", pids=(), started_by=("/etc/cron.d/x, monthly",), every_s=31 * DAY_S, standing_s=400 * DAY_S
)


def test_what_comes_less_often_than_the_window_is_said_and_stays_open():
    (finding,) = judged(RARE, facts=changed(FACTS, callers=watched()))
    assert finding.id == "code-undecided"
    assert finding.evidence[0].endswith(
        "started by /etc/cron.d/x, monthly; started less often than once in the 14 d that are watched"
    )
    (finding,) = judged(replace(RARE, every_s=DAY_S), facts=changed(FACTS, callers=watched()))
    assert finding.id == "code-settled"


def test_why_the_watch_did_not_see_what_blocks_is_said_with_it():
    (finding,) = judged(replace(RARE, speaks="v1"), facts=changed(FACTS, callers=watched()))
    assert (finding.implies, finding.evidence[-1]) == (
        "not-ready",
        "started less often than once in the 14 d that are watched",
    )


def test_what_cannot_be_told_apart_is_told_by_its_version():
    (settled,) = judged(GOOGLE)
    assert settled.id == "code-settled"
    assert "speaks IMDSv2 by its version" in settled.evidence[0]
    old = replace(GOOGLE, version="2.3.3")
    assert [each.id for each in judged(old)] == ["code-undecided"]
    assert [each.id for each in judged(replace(GOOGLE, version=None))] == ["code-undecided"]


def test_a_version_clears_code_without_a_token_only_where_another_library_makes_the_calls():
    assert [each.id for each in judged(CLI)] == ["code-settled"]
    assert [each.id for each in judged(replace(CLI, version="1.16.260"))] == ["code-imdsv1"]
    alone = replace(GOOGLE, speaks="v1")
    assert [each.id for each in judged(alone)] == ["code-imdsv1"]
