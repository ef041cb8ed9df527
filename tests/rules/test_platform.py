import pytest
from observed import FACTS, changed

from imds_probe.catalog.catalog import Catalog
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.image import Image
from imds_probe.facts.platform import Platform
from imds_probe.rules.platform import RULE
from imds_probe.rules.rule import NothingToJudge


def test_ec2_is_nothing_to_report():
    assert RULE.judge(FACTS, Catalog(())) == []


def test_not_ec2_makes_the_verdict_unknown_and_says_how_it_is_known():
    facts = changed(FACTS, platform=Platform(False, "DMI: sys_vendor is QEMU"), imds=None)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert (finding.id, finding.implies, finding.evidence) == ("not-ec2", "unknown", ("DMI: sys_vendor is QEMU",))


@pytest.mark.parametrize("status", ["skipped", "failed"])
def test_a_host_that_was_not_looked_at_is_not_said_to_be_on_another_platform(status):
    runs = (CollectorRun("platform", status, 0.0, "the time limit was reached"),)
    facts = changed(FACTS, platform=Platform.absent(), collectors=runs, imds=None)
    (finding,) = RULE.judge(facts, Catalog(()))
    assert (finding.id, finding.implies, finding.evidence) == (
        "platform-unseen",
        "unknown",
        ("the time limit was reached",),
    )
    assert ("--timeout" in finding.fix.text) == (status == "skipped")


def test_an_image_is_no_host():
    assert isinstance(RULE.judge(FACTS.with_(Image()), Catalog(())), NothingToJudge)
