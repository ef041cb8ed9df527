from dataclasses import FrozenInstanceError

import pytest

from imds_probe.findings import Finding, Fix, Kind

KIND = Kind("id", "info", "A title", "What it means.", "What to do.")
GRAVE = Kind("grave", "blocker", "A title", "What it means.", "What to do.", implies="not-ready")


def test_a_finding_by_itself_implies_nothing_and_cannot_be_changed():
    finding = KIND.found("host", "says").by("rule")
    assert finding == Finding("id", "rule", "info", "host", "says")
    assert (finding.implies, finding.fix, finding.evidence) == (None, None, ())
    with pytest.raises(FrozenInstanceError):
        finding.summary = "other"


def test_a_finding_is_as_grave_as_its_kind_unless_it_says_more():
    assert GRAVE.found("host", "says").by("rule") == Finding(
        "grave", "rule", "blocker", "host", "says", implies="not-ready"
    )
    fix = Fix("Mend it.", ("true",))
    found = KIND.found("host", "says", evidence=("seen",), fix=fix, severity="warning", implies="unknown")
    assert found.by("rule") == Finding("id", "rule", "warning", "host", "says", ("seen",), fix, "unknown")
