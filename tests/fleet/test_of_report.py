import fleets_made
import msgspec
import pytest

from imds_probe.fleet.lean import REPORT
from imds_probe.fleet.of_report import host_of


def row(**verdict):
    return host_of(REPORT.decode(msgspec.json.encode(fleets_made.report(1, **verdict))))


def test_how_long_a_verdict_counts():
    assert row(valid_until="2026-11-30T00:00:00Z").valid_until == fleets_made.NOW
    assert row(valid_until=None).valid_until == 0
    with pytest.raises(ValueError, match="is no time"):
        row(valid_until="for ever")


def test_the_first_risk_to_expire():
    risks = [{"id": "x", "expires": day} for day in ("2027-01-01", "2026-12-01")]
    found = row(accepted=risks, accepted_left_out=3)
    assert (found.accepted, found.accepted_until) == (5, "2026-12-01")
