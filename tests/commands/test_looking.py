"""What the collectors of a run look at, in their own words."""

from __future__ import annotations

from types import SimpleNamespace

from imds_probe.collect.collectors import COLLECTORS
from imds_probe.commands.looking import SUBJECTS, counted, looked
from imds_probe.facts.collector_run import CollectorRun


def test_who_begins_is_told_with_a_number_and_a_subject():
    said = []
    begun = counted(SimpleNamespace(say=said.append))
    begun("platform")
    begun("sdks")
    assert said == [
        f"1 of {len(SUBJECTS)}, platform: whether this is an EC2 instance",
        f"2 of {len(SUBJECTS)}, sdks: the AWS SDKs that programs use",
    ]


def test_at_the_end_each_has_a_line():
    runs = (CollectorRun("sdks", "partial", 1234.5, "/srv hangs"), CollectorRun("dpkg", "ok", 20.0))
    assert list(looked(SimpleNamespace(facts=SimpleNamespace(collectors=runs)))) == [
        "sdks (the AWS SDKs that programs use): done in part in 1.23 s: /srv hangs",
        "dpkg (the packages installed by dpkg on this host): done in 0.02 s",
    ]


def test_every_collector_has_a_subject():
    assert {each.id for each in COLLECTORS} <= SUBJECTS.keys()
