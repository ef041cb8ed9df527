"""What the configuration accepts: by rules and verdict together, as a report comes to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from code_seen import BACKUP, PACKED, watched, with_code
from observed import FACTS, OLD_CLOUD_INIT, changed, container, report_of, with_containers, with_imds
from watched_calls import BOOT, CALLER

from imds_probe.facts.acceptances import Acceptance, Acceptances, UnusableAcceptance
from imds_probe.facts.imds import Imds
from imds_probe.facts.platform import Platform
from imds_probe.rules import RULES
from imds_probe.rules.acceptance import why_not_acceptable
from imds_probe.rules.containers_kinds import HOP_LIMIT_TOO_LOW, SCHEDULED_CONTAINER_WITHOUT_TOKEN

DAY = "2026-11-23"
OLD = changed(FACTS, software=(OLD_CLOUD_INIT,))
ENTRY = Acceptance("software-too-old", "cloud-init", "nobody reads it", "team-os", "2027-01-31", "a.toml:3")


def accepting(facts, *entries, day=DAY, unusable=()):
    return changed(facts, acceptances=Acceptances(day, entries, unusable))


def said(report):
    return {each.id: each for each in report.findings if each.rule == "acceptances"}


def by_id(report, finding_id):
    return [each for each in report.findings if each.id == finding_id]


def test_an_accepted_finding_stays_and_no_longer_decides():
    assert report_of(OLD).verdict.state == "not-ready"
    report = report_of(accepting(OLD, ENTRY))
    (finding,) = by_id(report, "software-too-old")
    assert (finding.severity, finding.implies) == ("warning", None)
    accepted = finding.accepted
    assert (accepted.reason, accepted.owner, accepted.expires) == ("nobody reads it", "team-os", "2027-01-31")
    assert (accepted.severity, accepted.implies) == ("blocker", "not-ready")
    assert report.verdict.state == "ready"
    assert report.verdict.reasons == (
        "1 risk is accepted until 2027-01-31, and no other finding speaks against the switch",
    )
    (risk,) = report.verdict.accepted
    assert (risk.id, risk.subject, risk.implies, risk.owner) == (
        "software-too-old",
        "cloud-init",
        "not-ready",
        "team-os",
    )
    assert {run.id: run.status for run in report.rules}["software"] == "warn"
    assert said(report) == {}


def test_without_entries_the_rule_has_nothing_to_judge():
    (run,) = [run for run in report_of(OLD).rules if run.id == "acceptances"]
    assert (run.status, run.reason) == ("skip", "the configuration accepts no risks")


@pytest.mark.parametrize(
    "entry",
    [
        replace(ENTRY, subject="cloud-init-local"),
        replace(ENTRY, subject="cloud-*"),
        replace(ENTRY, subject="CLOUD-INIT"),
        replace(ENTRY, finding="sdk-too-old"),
    ],
)
def test_an_entry_accepts_what_it_names_and_nothing_else(entry):
    report = report_of(accepting(OLD, entry))
    assert report.verdict.state == "not-ready"
    assert report.verdict.accepted == ()
    unused = said(report)["acceptance-unused"]
    assert unused.severity == "info"
    if entry.finding == "software-too-old":
        assert "but the subject here is cloud-init" in unused.summary


def test_a_star_accepts_every_subject_of_the_finding():
    report = report_of(accepting(OLD, replace(ENTRY, subject="*")))
    assert (report.verdict.state, len(report.verdict.accepted)) == ("ready", 1)


@pytest.mark.parametrize(
    ("day", "state", "finding"),
    [
        ("2027-01-16", "ready", None),
        ("2027-01-17", "ready", "acceptance-expires-soon"),
        ("2027-01-31", "ready", "acceptance-expires-soon"),
        ("2027-02-01", "not-ready", "acceptance-expired"),
        ("2028-01-01", "not-ready", "acceptance-expired"),
    ],
)
def test_an_entry_counts_until_the_end_of_its_day(day, state, finding):
    report = report_of(accepting(OLD, ENTRY, day=day))
    assert report.verdict.state == state
    assert set(said(report)) == ({finding} if finding else set())
    if state == "not-ready":
        assert by_id(report, "software-too-old")[0].severity == "blocker"
        assert "expired at the end of 2027-01-31" in said(report)[finding].summary


def test_how_soon_it_expires_is_said_in_days():
    words = [said(report_of(accepting(OLD, ENTRY, day=f"2027-01-{day}"))) for day in (31, 30, 25)]
    summaries = [each["acceptance-expires-soon"].summary for each in words]
    assert [text.partition("expires ")[2].partition(",")[0] for text in summaries] == ["today", "tomorrow", "in 6 days"]


def test_an_entry_that_was_renewed_counts_and_the_old_one_is_silent():
    report = report_of(accepting(OLD, replace(ENTRY, expires="2026-01-01"), ENTRY))
    assert report.verdict.accepted[0].expires == "2027-01-31"
    assert said(report) == {}


def test_risks_are_counted_and_the_first_to_expire_decides_until_when():
    facts = changed(OLD, callers=watched(CALLER))
    subject = by_id(report_of(facts), "imdsv1-caller")[0].subject
    report = report_of(
        accepting(facts, ENTRY, replace(ENTRY, finding="imdsv1-caller", subject=subject, expires="2026-12-24"))
    )
    assert [each.id for each in report.verdict.accepted] == ["imdsv1-caller", "software-too-old"]
    assert report.verdict.reasons[0].startswith("2 risks are accepted until 2026-12-24, ")


def test_what_is_left_decides():
    facts = changed(OLD, callers=watched(CALLER))
    report = report_of(accepting(facts, ENTRY))
    assert report.verdict.state == "not-ready"
    assert all("imdsv1-caller" in reason for reason in report.verdict.reasons)
    assert len(report.verdict.accepted) == 1


def test_somebodys_word_makes_no_verdict_sure():
    facts = changed(OLD, callers=watched(boots=(BOOT,)))
    assert report_of(changed(FACTS, callers=watched(boots=(BOOT,)))).verdict.confidence == "high"
    assert report_of(accepting(facts, ENTRY)).verdict.confidence == "medium"
    # Nor does an entry that accepts nothing here take anything away.
    assert report_of(accepting(changed(FACTS, callers=watched(boots=(BOOT,))), ENTRY)).verdict.confidence == "high"


def test_what_is_unknown_can_be_accepted():
    facts = with_code(not_read=(PACKED,))
    assert report_of(facts).verdict.state == "unknown"
    entry = replace(ENTRY, finding="code-not-read", subject=PACKED.program)
    report = report_of(accepting(facts, entry))
    assert report.verdict.state == "ready"
    assert report.verdict.accepted[0].implies == "unknown"


def test_one_of_many_is_accepted_alone():
    other = replace(PACKED, program="/opt/other/run", pids=(78,))
    entry = replace(ENTRY, finding="code-not-read", subject=PACKED.program)
    report = report_of(accepting(with_code(not_read=(PACKED, other)), entry))
    found = {each.subject: each for each in by_id(report, "code-not-read")}
    assert set(found) == {PACKED.program, "programs"}
    assert "/opt/other/run" in found["programs"].summary
    assert PACKED.program not in found["programs"].summary
    assert (report.verdict.state, len(report.verdict.accepted)) == ("unknown", 1)


def test_one_container_of_many_is_accepted_alone():
    web, api = (replace(container(name, 1, "error"), not_measured="") for name in ("web", "api"))
    entry = replace(ENTRY, finding="container-not-measured", subject="web")
    report = report_of(accepting(with_containers(web, api), entry))
    assert {each.subject for each in by_id(report, "container-not-measured")} == {"web", "containers"}
    assert [each.subject for each in report.verdict.accepted] == ["web"]


def test_one_of_more_callers_and_files_than_are_named_has_its_finding():
    callers = [replace(CALLER, program=f"/srv/{n}", exe=f"/srv/{n}", unit=f"job-{n}.service") for n in range(30)]
    files = [replace(BACKUP, path=f"/srv/{n}.sh") for n in range(30)]
    facts = with_code(*files, facts=changed(FACTS, callers=watched(*callers)))
    entries = (
        replace(ENTRY, finding="imdsv1-caller", subject="job-29.service"),
        replace(ENTRY, finding="code-imdsv1", subject="/srv/29.sh"),
    )
    accepted = report_of(accepting(facts, *entries)).verdict.accepted
    assert {each.subject for each in accepted} == {"job-29.service", "/srv/29.sh"}


def test_a_user_who_takes_the_name_of_an_accepted_subject_is_not_accepted():
    mine = replace(BACKUP, path="/usr/local/bin/backup")
    theirs = replace(mine, owner_uid=1000, runner_uid=1000, runs="running", started_by=(), pids=(9,))
    entry = replace(ENTRY, finding="code-imdsv1", subject="/usr/local/bin/backup")
    report = report_of(accepting(with_code(mine, theirs), entry))
    assert [bool(each.forgeable_by) for each in by_id(report, "code-imdsv1") if each.accepted] == [False]
    assert report.verdict.state == "not-ready"


def test_a_path_of_the_host_is_not_that_path_in_a_container():
    host = replace(BACKUP, path="/opt/agent/main.py")
    inside = [
        replace(host, on_host=False, container_ids=(each,), runs="running", started_by=())
        for each in ("a" * 12, "b" * 12)
    ]
    facts = with_code(host, *inside)
    subjects = [each.subject for each in by_id(report_of(facts), "code-imdsv1")]
    assert len(set(subjects)) == 3
    for subject in subjects:
        report = report_of(accepting(facts, replace(ENTRY, finding="code-imdsv1", subject=subject)))
        assert [each.subject for each in by_id(report, "code-imdsv1") if each.accepted] == [subject]
        assert report.verdict.state == "not-ready"


@pytest.mark.parametrize(
    ("facts", "finding"),
    [
        (changed(FACTS, platform=Platform(False, "no sign of EC2", None)), "not-ec2"),
        (with_imds(endpoint="unreachable"), "imds-unreachable"),
        (with_imds(endpoint="unknown"), "imds-answer-unusable"),
        (with_containers(container("web", 1, "lost")), "imdsv1-fallback"),
        (with_containers(container("web", 1, "lost")), "token-lost-unmeasured"),
    ],
)
def test_what_leaves_no_meaning_or_what_the_command_cures_is_never_accepted(facts, finding):
    before = report_of(facts).verdict.state
    report = report_of(accepting(facts, replace(ENTRY, finding=finding, subject="*")))
    assert (report.verdict.state, report.verdict.accepted) == (before, ())
    unusable = said(report)["acceptance-unusable"]
    assert f"the risk of {finding} cannot be accepted (a.toml:3)" in unusable.summary
    assert unusable.fix.text.startswith("Remove the entry. ")


def test_what_is_no_finding_is_said():
    report = report_of(accepting(OLD, replace(ENTRY, finding="imdsv1-callers")))
    unusable = said(report)["acceptance-unusable"]
    assert "accepts nothing: finding: imdsv1-callers is not the id of a finding (a.toml:3)" in unusable.summary
    assert "explain" in unusable.fix.text


def test_an_entry_that_cannot_be_used_is_said_and_the_others_count():
    wrong = UnusableAcceptance("b.toml:9", "expires", "is missing", "Add expires = 2027-01-31.")
    report = report_of(accepting(OLD, ENTRY, unusable=(wrong,)))
    assert report.verdict.state == "ready"
    unusable = said(report)["acceptance-unusable"]
    assert (unusable.severity, unusable.implies, unusable.fix.text) == ("warning", None, "Add expires = 2027-01-31.")
    assert unusable.summary == "an entry [[accept]] accepts nothing: expires is missing (b.toml:9)"


def test_days_that_no_calendar_has_break_nothing():
    report = report_of(accepting(OLD, replace(ENTRY, expires="2027-99-99")))
    assert {run.status for run in report.rules} <= {"ok", "warn", "skip"}


def test_every_kind_can_be_accepted_or_says_why_not():
    for kind in (kind for rule in RULES for kind in rule.kinds if kind.implies):
        left_out = kind in (HOP_LIMIT_TOO_LOW, SCHEDULED_CONTAINER_WITHOUT_TOKEN)
        acceptable = (kind.implies in ("not-ready", "unknown") and not kind.not_acceptable) or left_out
        assert bool(why_not_acceptable(kind)) != acceptable, kind.id


def test_nothing_breaks_where_the_service_was_not_asked():
    assert report_of(accepting(changed(OLD, imds=None), ENTRY)).facts.get(Imds) is None
