"""Whether a stored verdict holds: what is refused at once, and what a quick look finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from observed import FACTS, INSTANCE, PLATFORM, PROBE, changed
from reports_made import report
from test_standing import STANDING, watched

from imds_probe import confirmation
from imds_probe.confirmation import Confirmation, confirmed, unusable
from imds_probe.errors import UsageError
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.report_document import read
from imds_probe.standing import Change

NOW = "2026-11-23T12:00:00Z"
BASE = changed(FACTS, standing=STANDING)


@pytest.fixture(autouse=True)
def by_the_version_that_made_the_reports(monkeypatch):
    """Whichever version this is."""
    monkeypatch.setattr(confirmation, "__version__", PROBE.version)


def stored(facts=BASE, **changes):
    return read(report(facts, **changes))


def test_it_holds():
    assert unusable(stored(), NOW) == ""
    assert confirmed(stored(), BASE, NOW) == Confirmation()
    assert confirmed(stored(), BASE, NOW).holds


def test_what_changed_is_said():
    came = confirmed(stored(), changed(BASE, software=()), NOW)
    assert came == Confirmation((), (Change("packages", "amazon-ssm-agent 3.3.987.0-1.amzn2023 was removed"),))
    assert not came.holds


def test_a_watch_that_has_stopped_gives_no_more_time():
    was = changed(BASE, callers=watched())
    assert confirmed(stored(was), was, NOW).holds
    (why,) = confirmed(stored(was), was, "2026-11-29T00:00:00Z").reasons
    assert why.startswith(
        "callers were last watched at 2026-11-23T00:00:00Z, and without a watch the verdict counted until"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"verdict": {"valid_until": "2026-11-23T11:59:59Z"}}, "the verdict counted until 2026-11-23T11:59:59Z"),
        ({"verdict": {"state": "unknown"}}, "the verdict is unknown, so there is nothing to confirm"),
        ({"probe": {"version": "0.2.0"}}, "imds-probe 0.2.0 made the report, and this is 0.1.0"),
        ({"probe": {"version": "0.1.9"}}, ""),
        (
            {"probe": {"started_at": "2026-11-24T00:00:00Z"}},
            "the report is of 2026-11-24T00:00:00Z, which is later than this host's clock",
        ),
        (
            {"standing": None, "verdict": {"valid_until": None, "digest": None}},
            "the report does not say what its verdict stood on: imds-probe 0.1.0 made it",
        ),
    ],
)
def test_what_holds_no_longer_whatever_is_there_now(changes, why):
    assert unusable(stored(**changes), NOW) == why


@pytest.mark.parametrize("changes", [{"imds": {"hop_limit": 2}}, {"software": []}, {"containers": None}])
def test_a_report_that_was_tampered_with_or_damaged_is_refused(changes):
    if "containers" in changes:
        changes = {"verdict": {"digest": "sha256:0"}}
    with pytest.raises(UsageError, match="damaged: its digest"):
        unusable(stored(**changes), NOW)


def test_another_hosts_report_is_refused():
    other = changed(BASE, instance=replace(INSTANCE, instance_id="i-00000000000000001"))
    with pytest.raises(UsageError, match="the report is of i-0123456789abcdef0, and this is i-00000000000000001"):
        confirmed(stored(), other, NOW)
    # With the service turned off, the firmware tells.
    assert confirmed(stored(), changed(BASE, instance=None), NOW).holds
    unnamed = changed(BASE, instance=None, platform=replace(PLATFORM, instance_id=None))
    with pytest.raises(UsageError, match="this is a host whose instance id is not known"):
        confirmed(stored(), unnamed, NOW)


def test_another_boot_counts_as_a_change_of_everything():
    for boot_id, why in (
        ("ffff", "this host was booted since the report"),
        (None, "the kernel does not say which boot this is"),
    ):
        now = changed(BASE, standing=replace(STANDING, boot_id=boot_id))
        assert confirmed(stored(), now, NOW) == Confirmation((why,))


def test_what_could_not_be_looked_at_confirms_nothing():
    failed = CollectorRun("dpkg", "failed", 1.0, "the database is locked", "the packages of dpkg")
    came = confirmed(stored(), replace(BASE, collectors=(failed,)), NOW)
    assert came.reasons == ("the packages of dpkg could not be looked at: the database is locked",)
