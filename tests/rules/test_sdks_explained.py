from pathlib import Path

from imds_probe.rules import sdks
from imds_probe.rules.sdks_explained import EXPLANATIONS


def test_each_finding_of_the_rule_is_explained_and_nothing_else():
    source = Path(sdks.__file__).read_text()
    ids = [explanation.id for explanation in EXPLANATIONS]
    assert len(set(ids)) == len(ids)
    assert all(f'id="{finding_id}"' in source for finding_id in ids)
    assert source.count("Finding(\n") == len(ids)
