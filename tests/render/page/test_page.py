import pytest
from golden_reports import golden_report

from imds_probe.render.page.bounds import LONG, SHORT
from imds_probe.render.page.page import page_of


def test_the_parts_come_in_the_order_in_which_they_are_needed():
    page = page_of(golden_report("not-ready-much"), SHORT)
    assert [part.heading for part in page.parts] == [
        "Blockers",
        "Command for later, once this host is ready",
        "Command to undo the switch",
        "The whole switch, in this order",
        "Worth knowing",
        "Host",
        "Instance metadata service",
        "Containers",
        "Calls to the metadata service",
        "Code",
        "Software in the catalog",
        "This run",
    ]


def test_long_and_short_have_the_same_words():
    report = golden_report("not-ready-much")
    short, long = page_of(report, SHORT), page_of(report, LONG)
    assert (short.headline, short.sentence, short.hints) == (long.headline, long.sentence, long.hints)
    drawn = ["At a glance", "The way of a token"]  # which say again what others say
    assert [*drawn, *(part.heading for part in short.parts)] == [part.heading for part in long.parts]


def test_a_hint_names_what_the_verdict_comes_from():
    page = page_of(golden_report("unknown"), SHORT)
    assert page.hints[0].command == "imds-probe explain containers-not-seen"


@pytest.mark.parametrize(
    ("kept", "command"),
    [
        (True, "imds-probe explain switch"),
        (False, "imds-probe run --output json --out report.json; imds-probe explain switch report.json"),
    ],
)
def test_a_hint_explains_the_switch_of_this_host_where_its_report_is_kept_and_where_it_is_not(kept, command):
    page = page_of(golden_report("not-ready-much"), SHORT, kept=kept)
    assert [each.command for each in page.hints if each.shows == "Every command of the switch"] == [command]
