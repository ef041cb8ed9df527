"""Whether a stored verdict holds: what is refused at once, and what a quick look finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fallen_back import LOST, WEB
from observed import FACTS, IMDS, INSTANCE, OLD_CLOUD_INIT, PLATFORM, PROBE, changed, report_of
from reports_made import report
from test_standing import STANDING, watched

from imds_probe import confirmation
from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.acceptances import COLLECTOR as ACCEPTANCES
from imds_probe.confirmation import Confirmation, confirmed, unusable
from imds_probe.errors import UsageError
from imds_probe.facts.acceptances import Acceptance, Acceptances
from imds_probe.facts.collector_run import CollectorRun
from imds_probe.facts.containers import Reach
from imds_probe.report_document import read
from imds_probe.rules import RULES, callers
from imds_probe.standing import Change

NOW = "2026-11-23T12:00:00Z"
BASE = changed(FACTS, standing=STANDING)
CATALOG = Catalog.load()


@pytest.fixture(autouse=True)
def by_the_version_that_made_the_reports(monkeypatch):
    """Whichever version this is."""
    monkeypatch.setattr(confirmation, "__version__", PROBE.version)


def stored(facts=BASE, **changes):
    return read(report(facts, **changes))


def test_it_holds():
    assert unusable(stored(), NOW) == ""
    assert confirmed(stored(), BASE, NOW, CATALOG) == Confirmation()
    assert confirmed(stored(), BASE, NOW, CATALOG).holds


def test_what_changed_is_said():
    came = confirmed(stored(), changed(BASE, software=()), NOW, CATALOG)
    assert came == Confirmation((), (Change("packages", "amazon-ssm-agent 3.3.987.0-1.amzn2023 was removed"),))
    assert not came.holds


def test_a_watch_that_has_stopped_gives_no_more_time():
    was = changed(BASE, callers=watched())
    assert confirmed(stored(was), was, NOW, CATALOG).holds
    (why,) = confirmed(stored(was), was, "2026-11-29T00:00:00Z", CATALOG).reasons
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
        confirmed(stored(), other, NOW, CATALOG)
    # With the service turned off, the firmware tells.
    assert confirmed(stored(), changed(BASE, instance=None), NOW, CATALOG).holds
    unnamed = changed(BASE, instance=None, platform=replace(PLATFORM, instance_id=None))
    with pytest.raises(UsageError, match="this is a host whose instance id is not known"):
        confirmed(stored(), unnamed, NOW, CATALOG)


def test_another_boot_counts_as_a_change_of_everything():
    for boot_id, why in (
        ("ffff", "this host was booted since the report"),
        (None, "the kernel does not say which boot this is"),
    ):
        now = changed(BASE, standing=replace(STANDING, boot_id=boot_id))
        assert confirmed(stored(), now, NOW, CATALOG) == Confirmation((why,))


def test_what_could_not_be_looked_at_confirms_nothing():
    failed = CollectorRun("dpkg", "failed", 1.0, "the database is locked", "the packages of dpkg")
    came = confirmed(stored(), replace(BASE, collectors=(failed,)), NOW, CATALOG)
    assert came.reasons == ("the packages of dpkg could not be looked at: the database is locked",)


FELL_BACK = replace(LOST, first_seen="2026-11-20T00:00:00Z", last_seen="2026-11-20T00:00:00Z")
TOKEN = replace(FELL_BACK, version="v2", token="answered", path_class="token", last_seen="2026-11-22T23:00:00Z")
SERVED = replace(TOKEN, token=None, path_class="meta-data")
# In a container to which tokens come since the hop limit was raised.
MENDED = changed(
    BASE,
    imds=replace(IMDS, hop_limit=2),
    containers=(replace(WEB, reach=(Reach("ipv4", "ok", "", distance=1, needs_hop_limit=2),)),),
)


def called(*by, facts=MENDED):
    return changed(facts, callers=watched(*by))


def calls_changed(was, now):
    return [each.what for each in confirmed(stored(was), now, NOW, CATALOG).changes]


def test_who_was_taken_for_mended_and_calls_again_is_a_change():
    was = called(FELL_BACK, TOKEN, SERVED)
    assert (report_of(was).verdict.state, calls_changed(was, was)) == ("ready", [])
    again = replace(FELL_BACK, token="none", token_ttl=None, count=53, last_seen="2026-11-23T10:00:00Z")
    now = called(FELL_BACK, again, TOKEN, SERVED)
    assert report_of(now).verdict.state == "not-ready"
    (said,) = calls_changed(was, now)
    assert "called IMDSv1 53 times, last at 2026-11-23T10:00:00Z" in said
    (said,) = calls_changed(was, called(replace(FELL_BACK, last_seen="2026-11-23T10:00:00Z"), TOKEN, SERVED))
    assert "it asked for a token, received none and fell back" in said
    # Received tokens after that, too.
    late = {"first_seen": "2026-11-23T11:00:00Z", "last_seen": "2026-11-23T11:00:00Z"}
    past = called(replace(FELL_BACK, last_seen="2026-11-23T10:00:00Z"), replace(TOKEN, **late), replace(SERVED, **late))
    assert (report_of(past).verdict.state, calls_changed(was, past)) == ("ready", [])


def test_who_goes_on_as_the_verdict_has_it_is_no_change():
    """A higher hop limit cures who falls back, and nothing but a change of the program who asks for no token."""
    was = called(FELL_BACK, facts=changed(BASE, containers=(WEB,)))
    assert report_of(was).verdict.state == "needs-hop-limit"
    on = replace(FELL_BACK, count=9, last_seen="2026-11-23T10:00:00Z")
    assert calls_changed(was, called(on, facts=was)) == []
    (said,) = calls_changed(was, called(FELL_BACK, replace(on, token="none", token_ttl=None), facts=was))
    assert "it asked for no token" in said
    entry = Acceptance("imdsv1-caller", "web", "it is replaced", "team", "2027-01-31", "a.toml:3")
    plain = replace(on, token="none", token_ttl=None)
    accepted = changed(MENDED, acceptances=Acceptances("2026-11-23", (entry,)))
    assert report_of(called(plain, facts=accepted)).verdict.state == "ready"
    assert calls_changed(called(plain, facts=accepted), called(replace(plain, count=99), facts=accepted)) == []


def test_who_falls_back_where_no_metadata_is_to_be_had_is_no_change():
    entry = Acceptance("hop-limit-too-low", "web", "it needs none", "team", "2027-01-31", "a.toml:3")
    kept_out = changed(BASE, containers=(WEB,), acceptances=Acceptances("2026-11-23", (entry,)))
    was = called(FELL_BACK, facts=kept_out)
    assert report_of(was).verdict.state == "ready"
    on = replace(FELL_BACK, count=9, last_seen="2026-11-23T10:00:00Z")
    assert calls_changed(was, called(on, facts=kept_out)) == []
    (said,) = calls_changed(was, called(on, facts=changed(kept_out, acceptances=Acceptances("2026-11-23", ()))))[:1]
    assert said == "the configuration no longer accepts the risk of hop-limit-too-low for web"


def test_calls_that_cannot_be_judged_confirm_nothing(monkeypatch):
    def broken(facts, catalog):
        raise RuntimeError("broken")

    rules = [replace(rule, find=broken) if rule is callers.RULE else rule for rule in RULES]
    monkeypatch.setattr(confirmation, "RULES", rules)
    was = called(FELL_BACK, TOKEN, SERVED)
    (said,) = calls_changed(was, called(replace(FELL_BACK, last_seen="2026-11-23T10:00:00Z"), TOKEN, SERVED))
    assert said.startswith("calls by IMDSv1 since the report could not be judged: a bug in imds-probe: RuntimeError")


def test_a_verdict_needs_the_risks_to_be_accepted_still():
    entry = Acceptance("software-too-old", "cloud-init", "nobody reads it", "team", "2027-01-31", "a.toml:3")
    old = changed(BASE, software=(OLD_CLOUD_INIT,))

    def accepting(*entries):
        return changed(old, acceptances=Acceptances("2026-11-23", entries))

    was = accepting(entry)
    assert report_of(was).verdict.state == "ready"
    assert confirmed(stored(was), was, NOW, CATALOG).holds
    for now in (replace(entry, subject="*"), replace(entry, expires="2027-05-31", reason="nobody reads it any more")):
        assert confirmed(stored(was), accepting(now), NOW, CATALOG).holds
    gone = "the configuration no longer accepts the risk of software-too-old for cloud-init"
    for now in (old, accepting(), accepting(replace(entry, subject="curl")), accepting(replace(entry, finding="x"))):
        assert confirmed(stored(was), now, NOW, CATALOG) == Confirmation((), (Change("acceptances", gone),))
    (change,) = confirmed(stored(was), accepting(replace(entry, expires="2026-12-01")), NOW, CATALOG).changes
    assert change.what.endswith("for cloud-init until 2026-12-01, and did until 2027-01-31")
    more = accepting(entry, replace(entry, finding="imdsv1-caller", subject="*"))
    assert confirmed(stored(was), more, NOW, CATALOG).holds


def test_what_the_configuration_accepts_is_looked_at_to_confirm_a_verdict():
    assert ACCEPTANCES.confirms
