from golden_reports import CASES
from reports_made import BARE, hostile, report
from since_switch_seen import FOR_GOOD, SINCE, since

from imds_probe.sinks.readiness import CUT, VALUE_MAX, readiness


def test_what_was_found():
    made = report()
    commands = {"SwitchCommand": made["verdict"]["switch"], "RollbackCommand": made["verdict"]["rollback"]}
    assert readiness(made) == {
        "Verdict": "not-ready",
        "Confidence": made["verdict"]["confidence"],
        "Reasons": "; ".join(made["verdict"]["reasons"]),
        "Blockers": "; ".join(dict.fromkeys(f["id"] for f in made["findings"] if f["severity"] == "blocker")),
        "AcceptedRisks": "0",
        "AcceptedUntil": "none",
        "AcceptedFindings": "none",
        "HttpTokens": "optional",
        "HopLimit": "1",
        "HopLimitNeeded": "2",
        "Endpoint": "enabled",
        "SwitchedSince": "",
        "SwitchedState": "",
        "CleanHours": "",
        "RefusedCallers": "",
        "IMDSv1Calls": "3",
        "IMDSv1Callers": "/usr/bin/curl",
        "WatchCoverage": "0.5",
        **{name: command["aws_cli"] for name, command in commands.items()},
        "TemplateWaitsFor": "none",
        "ContainersAffected": "web",
        "SoftwareTooOld": "cloud-init 18.3-6",
        "ReportedAt": "2026-11-23T00:00:00Z",
        "ValidUntil": "",
        "RunId": "0" * 32,
        "ProbeVersion": "0.1.0",
        "Schema": "imds-probe.report/v1",
    }


def test_not_looked_at_is_not_none_found():
    bare, looked = readiness(report(BARE)), readiness(report(containers=[], software=[]))
    unseen = (
        "HttpTokens",
        "HopLimit",
        "Endpoint",
        "IMDSv1Calls",
        "IMDSv1Callers",
        "WatchCoverage",
        "ContainersAffected",
    )
    assert {bare[name] for name in unseen} == {""}
    assert (looked["ContainersAffected"], looked["SoftwareTooOld"]) == ("none", "none")


def test_accepted_risks_are_named_with_their_owners():
    content = readiness(report(CASES["ready-accepted"]()))
    assert (content["Verdict"], content["Blockers"]) == ("ready", "none")
    assert (content["AcceptedRisks"], content["AcceptedUntil"]) == ("2", "2026-12-01")
    assert content["AcceptedFindings"] == (
        "code-not-read of programs by team-app until 2026-12-01; software-too-old of cloud-init by team-os until 2027-01-31"
    )


def test_until_when_a_verdict_counts_and_what_the_template_waits_for():
    verdict = {"valid_until": "2026-11-24T00:00:00Z", "switch": {"template_waits_for": ["one", "two"]}}
    content = readiness(report(verdict=verdict | {"switch": report()["verdict"]["switch"] | verdict["switch"]}))
    assert (content["ValidUntil"], content["TemplateWaitsFor"]) == ("2026-11-24T00:00:00Z", "one; two")


def test_of_a_switched_host_who_is_refused_is_named():
    content = readiness(report(since(FOR_GOOD)))
    assert {name: content[name] for name in ("SwitchedSince", "SwitchedState", "CleanHours", "RefusedCallers")} == {
        "SwitchedSince": SINCE,
        "SwitchedState": "refused",
        "CleanHours": "4.0",
        "RefusedCallers": "web.service",
    }
    assert readiness(report(since()))["RefusedCallers"] == "none"
    assert readiness(report(since(watched=None)))["RefusedCallers"] == ""


def test_within_the_agents_limits_whatever_the_text():
    content = readiness(hostile(1000))
    assert len(content) <= 50
    for name, value in content.items():
        assert 0 < len(name) <= 64
        assert len(value.encode()) <= VALUE_MAX
        assert value.isprintable()
    assert content["Reasons"].endswith(CUT)
