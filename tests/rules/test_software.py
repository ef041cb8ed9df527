from dataclasses import replace

import pytest
from observed import FACTS, OLD_CLOUD_INIT

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts import CollectorRun, OsRelease, Software
from imds_probe.rules.rule import NothingToJudge
from imds_probe.rules.software import RULE

CATALOG = Catalog.load()
DEBIAN = replace(FACTS.host, os=OsRelease("debian", "12", "Debian GNU/Linux 12 (bookworm)"))


def test_new_enough_is_nothing_to_report():
    assert RULE.judge(FACTS, CATALOG) == []


def test_too_old_blocks_with_version_minimum_and_command():
    (finding,) = RULE.judge(replace(FACTS, host=DEBIAN, software=(OLD_CLOUD_INIT,)), CATALOG)
    assert (finding.id, finding.severity, finding.implies) == ("software-too-old", "blocker", "not-ready")
    assert "18.3-6" in finding.summary
    assert "19.4" in finding.summary
    assert finding.fix.commands == ("apt-get update && apt-get install --only-upgrade cloud-init",)


def test_what_the_catalog_cannot_judge_is_unknown():
    strange = Software("cloud-init", "dpkg", "cloud-init", "not a version", "dpkg database")
    (finding,) = RULE.judge(replace(FACTS, host=DEBIAN, software=(strange,)), CATALOG)
    assert (finding.id, finding.implies) == ("software-unknown", "unknown")


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_an_unread_database_is_not_an_empty_one(status):
    runs = (CollectorRun("dpkg", status, 1.0, "status file is damaged"), CollectorRun("rpm", "nothing", 0.1))
    (finding,) = RULE.judge(replace(FACTS, software=(), collectors=runs), CATALOG)
    assert (finding.id, finding.subject, finding.implies) == ("package-manager-failed", "dpkg", "unknown")
    assert finding.evidence == ("status file is damaged",)


def test_no_database_at_all_is_not_a_clean_bill():
    runs = (CollectorRun("dpkg", "nothing", 0.1), CollectorRun("rpm", "nothing", 0.1))
    (finding,) = RULE.judge(replace(FACTS, software=(), collectors=runs), CATALOG)
    assert (finding.id, finding.implies) == ("no-package-manager", "unknown")


def test_software_that_was_not_looked_at_is_not_judged():
    assert isinstance(RULE.judge(replace(FACTS, collectors=()), CATALOG), NothingToJudge)


def test_what_no_upgrade_helps_is_said_with_what_does():
    boto = Software("boto2", "dpkg", "python-boto", "2.44.0-1.1", "dpkg database")
    (finding,) = RULE.judge(replace(FACTS, software=(boto,)), CATALOG)
    assert (finding.id, finding.implies) == ("software-too-old", "not-ready")
    assert finding.summary == "boto (legacy v2) 2.44.0-1.1 speaks only IMDSv1, in every version"
    assert finding.fix.text.startswith("Port to boto3")
    assert finding.fix.commands == ()
