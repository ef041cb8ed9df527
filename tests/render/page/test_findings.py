from dataclasses import replace

from golden_reports import golden_report
from observed import OLD_CLOUD_INIT, changed, report_of

from imds_probe.findings import Accepted, Finding, Fix
from imds_probe.render.page.blocks import Item, Text
from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.findings import ACCEPTED, BLOCKERS, BROKEN, NOTES, UNKNOWN, accepted, decisive, notes

REPORT = golden_report("not-ready")
FIX = Fix("Mend it.", ("mend",))
FINDING = Finding("x", "r", "blocker", "s", "it breaks", ("a", "b", "c"), FIX, "not-ready")


def with_findings(*findings):
    return replace(REPORT, findings=findings)


def test_each_stands_under_what_it_means():
    report = with_findings(FINDING, replace(FINDING, implies="unknown"), replace(FINDING, implies=None))
    assert [part.heading for part in decisive(report, SHORT)] == [BLOCKERS, UNKNOWN]
    assert [part.heading for part in notes(report, SHORT)] == [NOTES]
    assert [part.heading for part in decisive(golden_report("not-ready-switched"), SHORT)] == [BROKEN]
    assert list(decisive(with_findings(), SHORT)) == list(notes(with_findings(), SHORT)) == []


def test_an_item_has_what_is_needed_to_act():
    (part,) = decisive(with_findings(FINDING), SHORT)
    assert part.blocks == (Item("blocker", "it breaks [x]", ("a", "b", "and 1 more"), "Mend it.", ("mend",)),)


def test_in_short_a_note_is_one_line_but_a_warning_is_explained():
    report = with_findings(
        replace(FINDING, implies=None, severity="info"), replace(FINDING, implies=None, severity="warning")
    )
    (short,), (long,) = notes(report, SHORT), notes(report, LONG)
    assert [bool(item.evidence) for item in short.blocks] == [False, True]
    assert [item.fix for item in long.blocks] == ["Mend it.", "Mend it."]


def test_many_are_counted_not_listed():
    many = tuple(replace(OLD_CLOUD_INIT, version=f"18.3-{number}") for number in range(20))
    (part,) = decisive(report_of(changed(REPORT.facts, software=many)), SHORT)
    assert part.blocks[-1] == Text("and 14 more")
    assert len(part.blocks) == SHORT.findings + 1


def test_what_is_accepted_stands_by_itself_with_its_terms():
    terms = Accepted("the job ends", "team-storage", "2027-01-31", "blocker", "not-ready")
    report = with_findings(replace(FINDING, severity="info", implies=None, accepted=terms))
    assert list(decisive(report, SHORT)) == list(notes(report, SHORT)) == []
    (part,) = accepted(report, SHORT)
    assert part.heading == ACCEPTED
    assert part.blocks[0].accepted == "by team-storage until 2027-01-31: the job ends"
    assert part.blocks[0].labelled == (
        ("evidence", ("a", "b", "and 1 more")),
        ("accepted", (part.blocks[0].accepted,)),
        ("fix", ("Mend it.",)),
    )


def test_what_is_unknown_says_what_settles_it():
    (part,) = decisive(with_findings(replace(FINDING, implies="unknown", settled_by=("a run as root", "a row"))), SHORT)
    assert ("settles", ("a run as root; or a row",)) in part.blocks[0].labelled
