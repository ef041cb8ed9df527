from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import AGENT, DAY_S, watched, with_code
from observed import DROP_ALL, FACTS, IMDS, SSM_AGENT, changed, container, kept_away

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.rows import Setting
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.sdk_settings import SdkSettings, Variable
from imds_probe.facts.software import SdkSoftware, SdkUse, SdkUser, Software
from imds_probe.findings import Finding
from imds_probe.rules.rule import NothingToJudge
from imds_probe.rules.sdks import RULE
from imds_probe.rules.settling import MORE_TIME, OWNER

CATALOG = Catalog.load()
LOOKED = CollectorRun("sdks", "ok", 1.0)
USE = SdkUse(None, None, ("/srv/env/lib/python3.9/site-packages/botocore-1.dist-info",), 1)
USERS = tuple(SdkUser(pid, "gunicorn", "web.service" if pid == 12 else None) for pid in (12, 13))
STATIC = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def library(component="botocore", version="1.12.0", *, pids=(12, 13), manager="pypi", package=None, **changes):
    use = {"users": USERS if pids else (), "environment": ((),), "newest_s": changes.get("oldest_s")} | changes
    at = {name: use.pop(name) for name in ("container", "also_in") if name in use}
    at["container_ids"] = use.get("container_ids", ())
    path = USE.paths[0]
    return SdkSoftware(
        component,
        manager,
        package or component,
        version,
        "dist-info",
        path,
        pids=pids,
        sdk=replace(USE, **use),
        **at,
    )


def judged(*software: Software, **facts) -> list[Finding]:
    collectors = facts.pop("collectors", (*FACTS.collectors, LOOKED))
    found = RULE.judge(changed(FACTS, software=(SSM_AGENT, *software), collectors=collectors, **facts), CATALOG)
    assert isinstance(found, list)
    return found


def test_without_a_look_nothing_is_judged():
    assert isinstance(RULE.judge(FACTS, CATALOG), NothingToJudge)


def test_new_enough_is_nothing_to_report():
    assert judged(library(version="1.34.0")) == []


def test_too_old_and_running_blocks_and_says_who_where_and_how_to_mend_it():
    (finding,) = judged(library())
    assert (finding.id, finding.severity, finding.implies) == ("sdk-too-old", "blocker", "not-ready")
    assert finding.summary == (
        "botocore 1.12.0, in use by web.service (12), gunicorn (13), speaks only IMDSv1 (IMDSv2 since 1.13.25)"
    )
    assert finding.evidence[0] == f"botocore, identified by its dist-info at {USE.paths[0]}"
    assert finding.fix.commands == ("/srv/env/bin/python3 -m pip install --upgrade 'botocore>=1.13.25'",)
    assert (
        finding.fix.text == "Upgrade botocore to 1.13.25 or later in each place, and restart the programs that use it."
    )


def test_one_that_needs_a_setting_is_not_called_too_old():
    row = replace(CATALOG.row("botocore"), setting=Setting("it uses IMDSv2 only where told to", None, "its manual"))
    facts = changed(FACTS, software=(library(version="1.34.0"),), collectors=(LOOKED,))
    (finding,) = RULE.judge(facts, Catalog((row,)))
    assert finding.summary.endswith(", speaks IMDSv2 only with a setting that is not in force")
    assert "it uses IMDSv2 only where told to" in finding.fix.text


def test_a_figure_that_was_inferred_is_said_whichever_way_it_decides():
    row = replace(CATALOG.row("botocore"), grade="inferred")
    line = "the minimum version 1.13.25 is inferred, not verified"

    def found(*software):
        return RULE.judge(changed(FACTS, software=software, collectors=(LOOKED,)), Catalog((row,)))

    (old,), (lying,), (new,) = found(library()), found(library(pids=())), found(library(version="1.34.0"))
    assert (old.id, lying.id) == ("sdk-too-old", "sdk-on-disk-too-old")
    assert line in old.evidence and line in lying.evidence
    assert (new.id, new.severity, new.implies) == ("sdk-figure-inferred", "info", None)
    assert new.summary.startswith("botocore 1.34.0, in use by web.service (12)")
    assert new.summary.endswith(f"counts as new enough for IMDSv2, but {line}")
    assert found(library(version="1.34.0", pids=())) == []


def test_too_old_on_disk_warns():
    (finding,) = judged(library(pids=(), places=9, paths=("/a", "/b", "/c", "/d")))
    assert (finding.id, finding.severity, finding.implies) == ("sdk-on-disk-too-old", "warning", None)
    assert finding.evidence == ("botocore, identified by its dist-info at /a, /b, /c and 6 more places",)


@pytest.mark.parametrize(
    ("environment", "finding_id"),
    [
        ((STATIC,), "sdk-too-old-unasked"),
        ((("AWS_EC2_METADATA_DISABLED",),), "sdk-too-old-unasked"),
        ((STATIC, ()), "sdk-too-old"),
        ((STATIC, ("AWS_REGION",)), "sdk-too-old"),
        (None, "sdk-too-old"),
    ],
)
def test_credentials_from_elsewhere_count_only_if_all_have_them(environment, finding_id):
    (finding,) = judged(library(environment=environment))
    assert finding.id == finding_id
    assert finding.implies == ("not-ready" if finding_id == "sdk-too-old" else None)


def test_unknown_is_unknown_only_where_it_runs():
    unknown = {"version": None, "below": "1.24.0"}
    (finding,) = judged(library(**unknown))
    assert (finding.id, finding.severity, finding.implies) == ("sdk-unknown", "warning", "unknown")
    assert "botocore before 1.24.0" in finding.summary
    assert judged(library(**unknown, pids=())) == []
    assert judged(library(**unknown, environment=(STATIC,))) == []


def test_a_library_is_judged_by_what_makes_its_calls():
    boto3 = library("boto3", "1.9.0")
    assert [finding.subject for finding in judged(boto3)] == ["boto3"]
    assert judged(boto3, library(version="1.34.0")) == []
    assert [finding.subject for finding in judged(boto3, library())] == ["botocore"]
    # In another container or process it makes nobody else's calls.
    assert [finding.subject for finding in judged(boto3, library(version="1.34.0", pids=(99,)))] == ["boto3"]
    inside = library(version="1.34.0", container="web", container_ids=("c1",))
    assert [finding.subject for finding in judged(boto3, inside)] == ["boto3"]


def test_never_is_said_with_what_to_move_to():
    (finding,) = judged(library("boto2", "2.49.0", package="boto"))
    assert finding.summary.endswith("speaks only IMDSv1, in every version")
    assert finding.fix.text.startswith("Port to boto3")


def test_in_a_container_the_image_is_to_be_built_anew():
    inside = library(container="web", also_in=("api", "jobs", "cron"), container_ids=("c1", "c2", "c3", "c4"))
    (finding,) = judged(inside)
    assert "in web, api, jobs and 1 more" in finding.summary
    assert finding.fix.commands == ()
    assert finding.fix.text.startswith("Rebuild the image")


@pytest.mark.parametrize(
    ("software", "command"),
    [
        (
            ("aws-sdk-js-v2", "2.100.0", "npm", "aws-sdk", "/srv/app/node_modules/aws-sdk"),
            "npm install --prefix /srv/app 'aws-sdk@>=2.575.0'",
        ),
        (
            ("aws-sdk-ruby-v3", "3.70.0", "gem", "aws-sdk-core", "/var/lib/gems/3.1.0/specifications/x.gemspec"),
            "gem install aws-sdk-core --version '>= 3.79.0'",
        ),
        (
            ("aws-sdk-php", "3.100.0", "composer", "aws/aws-sdk-php", "/srv/a b/vendor/composer/installed.json"),
            "composer --working-dir='/srv/a b' update aws/aws-sdk-php",
        ),
        (("aws-sdk-go-v1", "v1.20.0", "go", "github.com/aws/aws-sdk-go", "/usr/bin/tool"), None),
    ],
)
def test_the_command_is_the_ecosystems_own(software, command):
    component, version, manager, package, path = software
    (finding,) = judged(replace(library(component, version, manager=manager, package=package), path=path))
    assert finding.fix.commands == ((command,) if command else ())
    assert command or finding.fix.text.startswith("Rebuild the application")


WEB = container("web", 1, "ok", 2, sdks=("botocore 1.34.0",), environment=())
LOST = container("web", 1, "lost", 1, sdks=("botocore 1.34.0",), environment=())
INSIDE = library(version="1.34.0", container="web", container_ids=(LOST.id,))


def test_what_falls_back_is_found_by_its_lost_token():
    (finding,) = judged(INSIDE, containers=(LOST,))
    assert (finding.id, finding.severity, finding.implies) == ("sdk-falls-back", "blocker", "needs-hop-limit")
    assert "falls back to IMDSv1 today (after 1 s, once) and breaks" in finding.summary
    assert "hop limit 2 cures that" in finding.summary


def test_where_the_token_arrives_or_nobody_asks_nothing_falls_back():
    assert judged(INSIDE, containers=(WEB,)) == []
    assert judged(INSIDE, containers=(replace(LOST, environment=(STATIC,)),)) == []
    assert judged(INSIDE, containers=(replace(LOST, id="another"),)) == []
    assert judged(replace(INSIDE, pids=()), containers=(LOST,)) == []
    assert judged(INSIDE, containers=(replace(LOST, netns_owner_uid=1000),)) == []
    far = tuple(replace(reach, distance=63, needs_hop_limit=64) for reach in LOST.reach)
    assert judged(INSIDE, containers=(replace(LOST, reach=far),)) == []
    filtered = tuple(replace(reach, expected="ok") for reach in LOST.reach)
    assert judged(INSIDE, containers=(replace(LOST, reach=filtered),)) == []


def test_what_never_falls_back_has_no_metadata_now():
    rust = library("aws-sdk-rust", "1.1.0", manager="crate", container="web", container_ids=(LOST.id,))
    assert "has no metadata now" in judged(rust, containers=(LOST,))[0].summary
    required = replace(IMDS, tokens="required")
    assert "has no metadata now" in judged(INSIDE, containers=(LOST,), imds=required)[0].summary


@pytest.mark.parametrize(
    ("version", "values", "never"),
    [
        ("1.34.0", ("true",), True),
        ("1.34.0", ("true", "false"), False),  # another process is not
        ("1.34.0", ("true", "empty"), False),
        ("1.32.3", ("true",), False),  # its botocore does not know the variable yet
    ],
)
def test_nor_has_what_is_told_never_to_ask_without_a_token(version, values, never):
    told = tuple(SdkSettings((Variable("AWS_EC2_METADATA_V1_DISABLED", value),)) for value in values)
    inside = library(version=version, container="web", container_ids=(LOST.id,), sdk_settings=told)
    (found,) = judged(inside, containers=(LOST,))
    assert ("has no metadata now" in found.summary, "falls back" in found.summary) == (never, not never)


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_look_that_failed_is_no_clean_bill(status):
    (finding,) = judged(collectors=(*FACTS.collectors, CollectorRun("sdks", status, 0.0, "no time")))
    assert (finding.id, finding.implies, finding.evidence) == ("sdks-not-seen", "unknown", ("no time",))


def test_what_hides_is_unknown_and_what_was_not_searched_is_said():
    (finding,) = judged(sdks_unseen=("12 processes were not inspected: the run's time limit came first",))
    assert finding.settled_by == (MORE_TIME, OWNER)
    (finding,) = judged(sdks_unseen=("3 processes could not be inspected: run as root",))
    assert (finding.id, finding.implies) == ("sdks-not-seen", "unknown")
    (finding,) = judged(sdks_left_out=("the disk was searched in part",))
    assert (finding.id, finding.severity, finding.implies) == ("sdk-search-cut-short", "info", None)
    assert finding.fix.commands == ("imds-probe run --deep",)


def test_a_watched_window_in_which_it_was_started_turns_too_old_into_a_warning():
    (finding,) = judged(library(oldest_s=3 * DAY_S), callers=watched())
    assert (finding.id, finding.severity, finding.implies) == ("sdk-too-old-silent", "warning", None)
    assert finding.summary.endswith(
        "speaks only IMDSv1 (IMDSv2 since 1.13.25), but made no call by IMDSv1 while it was watched"
    )
    assert finding.evidence[0].startswith("started 3 d ago, and no call by IMDSv1 was seen")
    assert finding.fix.text.startswith("Upgrade botocore to 1.13.25 or later")


@pytest.mark.parametrize(("oldest_s", "coverage"), [(None, 1.0), (60.0, 1.0), (90 * DAY_S, 1.0), (3 * DAY_S, 0.5)])
def test_without_certainty_too_old_still_blocks(oldest_s, coverage):
    (finding,) = [
        each for each in judged(library(oldest_s=oldest_s), callers=watched(coverage=coverage)) if each.rule == "sdks"
    ]
    assert finding.id == "sdk-too-old"


@pytest.mark.parametrize(
    ("newest_s", "finding_id"), [(60.0, "sdk-too-old"), (2 * DAY_S, "sdk-too-old-silent"), (None, "sdk-too-old")]
)
def test_what_was_started_last_has_to_have_run_for_long_enough_too(newest_s, finding_id):
    """A process of a user that has run for days with the same copy says nothing of a service that has just been started."""
    (finding,) = [
        each
        for each in judged(library(oldest_s=3 * DAY_S, newest_s=newest_s), callers=watched())
        if each.rule == "sdks"
    ]
    assert finding.id == finding_id


def test_one_place_of_several_without_certainty_still_blocks():
    quiet, other = library(oldest_s=3 * DAY_S), library(container="web", pids=(99,))
    (finding,) = judged(quiet, other, callers=watched())
    assert finding.id == "sdk-too-old"


def test_an_unknown_version_is_settled_by_a_watched_window_and_says_by_what():
    (finding,) = judged(library(version=None, oldest_s=3 * DAY_S), callers=watched())
    assert (finding.id, finding.implies) == ("sdk-settled", None)
    assert finding.summary.endswith("; its version does not show whether it speaks IMDSv2")
    (unsettled,) = judged(library(version=None), callers=watched())
    assert unsettled.id == "sdk-unknown"


@pytest.mark.parametrize(("speaks", "finding_id"), [("v2", "sdk-settled"), ("v1", "sdk-too-old")])
def test_an_unknown_version_is_settled_by_its_code_and_says_by_what(speaks, finding_id):
    code = replace(AGENT, component="botocore", pids=(12, 13), speaks=speaks)
    unknown = library(version=None)
    facts = with_code(code, facts=changed(FACTS, software=(unknown,), collectors=(LOOKED,)))
    (finding,) = RULE.judge(facts, CATALOG)
    assert finding.id == finding_id
    assert finding.evidence[0].startswith("its own code asks ")
    assert "/opt/agent/agent" in finding.evidence[0]


def test_a_watch_does_not_outweigh_code():
    code = replace(AGENT, component="botocore", pids=(12, 13))
    silent = library(version="1.34.0", oldest_s=3 * DAY_S)
    facts = with_code(code, facts=changed(FACTS, software=(silent,), collectors=(LOOKED,), callers=watched()))
    (finding,) = RULE.judge(facts, CATALOG)
    assert finding.id == "sdk-too-old"
    assert "the catalog's row botocore says otherwise" in finding.evidence[0]


def test_where_rules_keep_all_programs_of_the_host_away_an_old_sdk_only_warns():
    facts = kept_away(DROP_ALL, software=(library(),), collectors=(LOOKED,))
    (finding,) = RULE.judge(facts, CATALOG)
    assert (finding.id, finding.implies) == ("sdk-unserved", None)
    facts = kept_away(replace(DROP_ALL, scope="not uid 33"), software=(library(),), collectors=(LOOKED,))
    (finding,) = RULE.judge(facts, CATALOG)
    assert finding.id == "sdk-too-old"


def test_where_nothing_is_served_an_old_sdk_only_warns():
    off = replace(IMDS, endpoint="disabled")
    (finding,) = judged(library(), imds=off)
    assert (finding.id, finding.severity, finding.implies) == ("sdk-unserved", "warning", None)
    assert finding.summary.endswith("but the metadata service is turned off")
    (finding,) = judged(library(version=None), imds=off)
    assert (finding.id, finding.implies) == ("sdk-settled", None)
    cut_off, web = container("off", 1, "unreachable"), container("web", 1, "ok")
    inside = library(container="off", container_ids=(cut_off.identity,))
    (finding,) = judged(inside, containers=(cut_off, web))
    assert (finding.id, finding.implies) == ("sdk-unserved", None)
    proxied = replace(cut_off, sdk_settings=(SdkSettings((Variable("HTTP_PROXY", "elsewhere"),)),))
    (finding,) = judged(inside, containers=(proxied, web))
    assert finding.id == "sdk-too-old"  # botocore heeds it
    javascript = replace(inside, component="aws-sdk-js-v2", manager="npm", package="aws-sdk", version="2.500.0")
    (finding,) = judged(javascript, containers=(proxied, web))
    assert finding.id == "sdk-unserved"
    both = library(container="off", also_in=("web",), container_ids=(cut_off.identity, web.identity))
    (finding,) = judged(both, containers=(cut_off, web))
    assert finding.id == "sdk-too-old"
