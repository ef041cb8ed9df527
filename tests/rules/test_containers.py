from dataclasses import replace

import pytest
from observed import FACTS, with_imds

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.containers import RULE
from imds_probe.rules.rule import NothingToJudge


def test_no_containers_nothing_to_report():
    assert RULE.judge(FACTS, Catalog(())) == []


@pytest.mark.parametrize(
    ("seen", "words"), [(None, "could not be seen"), (1, "1 running container:"), (7, "7 running containers")]
)
def test_containers_that_nobody_measured_are_never_called_ready(seen, words):
    (finding,) = RULE.judge(replace(FACTS, containers_seen=seen), Catalog(()))
    assert finding.implies == "unknown"
    assert words in finding.summary


def test_with_the_endpoint_off_no_container_can_miss_it():
    facts = replace(with_imds(endpoint="disabled"), containers_seen=3)
    assert isinstance(RULE.judge(facts, Catalog(())), NothingToJudge)
