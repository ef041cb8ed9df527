from dataclasses import FrozenInstanceError

import pytest

from imds_probe.findings import Finding


def test_a_finding_by_itself_implies_nothing_and_cannot_be_changed():
    finding = Finding("id", "rule", "info", "host", "says")
    assert (finding.implies, finding.fix, finding.evidence) == (None, None, ())
    with pytest.raises(FrozenInstanceError):
        finding.summary = "other"
