"""AWS SDKs in archives that something will start, judged by their versions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import DAY_S, watched, with_code
from observed import FACTS, changed, container, report_of

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.code import OF_LIBRARY, CodeSeen
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.findings import Finding
from imds_probe.rules.sdks import RULE
from imds_probe.rules.settling import CATALOG, OWNER

BY_VERSION = Catalog.load()
LOOKED = changed(FACTS, collectors=(*FACTS.collectors, CollectorRun("sdks", "ok", 1.0)))
JOB = CodeSeen(
    "/srv/a/a.jar",
    None,
    ("com.amazonaws:aws-java-sdk-core 1.11.457 in BOOT-INF/lib/core.jar",),
    "v1",
    OF_LIBRARY,
    runs="scheduled",
    started_by=("/etc/cron.d/j, daily",),
    component="aws-sdk-java-v1",
    manager="maven",
    version="1.11.457",
    every_s=DAY_S,
    standing_s=100 * DAY_S,
)
NEW = replace(JOB, version="1.12.700", speaks="v2")
LYING = SdkSoftware(
    "aws-sdk-java-v1",
    "maven",
    "com.amazonaws:aws-java-sdk-core",
    "1.11.457",
    "pom.properties",
    JOB.path,
    sdk=SdkUse(None, None, (f"{JOB.path}!BOOT-INF/lib/core.jar",), 1),
)


def judged(*code: CodeSeen, facts=LOOKED) -> list[Finding]:
    found = RULE.judge(with_code(*code, facts=facts), BY_VERSION)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("facts", [LOOKED, FACTS])
def test_too_old_and_scheduled_blocks_also_where_no_process_was_searched(facts):
    (finding,) = judged(JOB, facts=facts)
    assert (finding.id, finding.implies) == ("sdk-too-old", "not-ready")
    assert "1.11.457 in /srv/a/a.jar, started by /etc/cron.d/j, daily, speaks only IMDSv1" in finding.summary
    assert finding.fix is not None and finding.fix.text.startswith("Rebuild the application with com.amazonaws:")


def test_several_archives_are_one_finding():
    (finding,) = judged(JOB, replace(JOB, path="/srv/b/b.jar"))
    assert "/srv/a/a.jar" in finding.summary and "/srv/b/b.jar" in finding.summary


def test_new_enough_is_nothing_to_report_and_blocks_nothing():
    assert judged(NEW) == []
    assert report_of(with_code(NEW)).verdict.state == report_of(with_code()).verdict.state


def test_the_rules_on_code_do_not_say_it_again():
    ids = [each.id for each in report_of(with_code(JOB, facts=LOOKED)).findings]
    assert ids.count("sdk-too-old") == 1
    assert "code-imdsv1" not in ids


def test_a_silent_window_in_which_it_came_round_makes_it_a_warning():
    (finding,) = judged(JOB, facts=changed(LOOKED, callers=watched()))
    assert (finding.id, finding.implies) == ("sdk-too-old-silent", None)
    for other in (replace(JOB, every_s=40 * DAY_S), replace(JOB, standing_s=0.0), replace(JOB, every_s=None)):
        (finding,) = judged(other, facts=changed(LOOKED, callers=watched()))
        assert finding.id == "sdk-too-old"


def test_where_no_metadata_is_served_it_loses_nothing():
    cut_off = container("off", 1, "unreachable")
    inside = replace(JOB, on_host=False, container_ids=(cut_off.identity,))
    (finding,) = judged(inside, facts=changed(LOOKED, containers=(cut_off,)))
    assert (finding.id, finding.implies) == ("sdk-unserved", None)


def test_a_version_that_does_not_tell_is_unknown_until_a_window_has_seen_it():
    unknown = replace(JOB, version=None, speaks="both", quote=("com.amazonaws:aws-java-sdk-core of unknown version",))
    (finding,) = judged(unknown)
    assert (finding.id, finding.implies) == ("sdk-unknown", "unknown")
    assert CATALOG not in finding.settled_by and finding.settled_by[-1] == OWNER and len(finding.settled_by) > 1
    (settled,) = judged(unknown, facts=changed(LOOKED, callers=watched()))
    assert (settled.id, settled.implies) == ("sdk-settled", None)
    (finding,) = judged(replace(JOB, speaks="both"))  # it only may be started
    assert finding.id == "sdk-unknown"


def test_a_range_decides_as_the_run_has_judged_it():
    before = replace(JOB, version=None, quote=("com.amazonaws:aws-java-sdk-core before 1.11.678",))
    (finding,) = judged(before)
    assert finding.id == "sdk-too-old" and "before 1.11.678 in /srv/a/a.jar" in finding.summary


def test_what_lies_in_such_an_archive_alone_is_not_said_twice():
    both = changed(LOOKED, software=(LYING,))
    assert [each.id for each in judged(JOB, facts=both)] == ["sdk-too-old"]
    elsewhere = replace(LYING, sdk=replace(LYING.sdk, paths=(*LYING.sdk.paths, "/srv/c.jar"), places=2))
    ids = sorted(each.id for each in judged(JOB, facts=changed(LOOKED, software=(elsewhere,))))
    assert ids == ["sdk-on-disk-too-old", "sdk-too-old"]
    assert [each.id for each in judged(facts=both)] == ["sdk-on-disk-too-old"]
