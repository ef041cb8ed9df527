from dataclasses import replace

from golden_reports import golden_report
from observed import OLD_CLOUD_INIT, changed, report_of

from imds_probe.findings import Finding, Fix
from imds_probe.render.page.blocks import Item, Text
from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.findings import BLOCKERS, BROKEN, NOTES, UNKNOWN, decisive, notes

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
