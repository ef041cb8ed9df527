from dataclasses import replace

import pytest
from code_seen import WINDOW_S, watched
from observed import FACTS, IMDS, changed
from watched_calls import BOOT, CALLER

from imds_probe.catalog.catalog import Catalog
from imds_probe.rules.boots import RULE
from imds_probe.rules.rule import NothingToJudge

NONE = Catalog(())
LATE = replace(BOOT, began_s=41.0, from_start=False, watched_s=3559.0)
LONG_AGO = replace(BOOT, age_s=3 * WINDOW_S)


def judged(*boots, by=(), **changes):
    return RULE.judge(changed(FACTS, callers=watched(*by, boots=boots), **changes), NONE)


def test_where_nobody_watched_there_is_nothing_to_judge():
    assert RULE.judge(FACTS, NONE) == NothingToJudge("the callers were not watched")


def test_a_boot_that_was_watched_from_its_start_is_no_matter():
    assert judged(BOOT) == judged(LATE, BOOT) == judged(LONG_AGO) == []


@pytest.mark.parametrize(
    ("boots", "how"),
    [
        ((LATE,), "the watch began 41 s after the boot of 2026-11-20T00:00:00Z, and earlier calls were not seen"),
        ((BOOT, LATE), "the watch began 41 s after the boot of 2026-11-20T00:00:00Z, and earlier calls were not seen"),
        (
            (replace(BOOT, watched_s=600.0),),
            "the boot of 2026-11-20T00:00:00Z was watched from its start for 10 min of 1 h",
        ),
        (
            (replace(BOOT, age_s=610.0, watched_s=600.0),),
            "the watch began with the boot of 2026-11-20T00:00:00Z and covers 10 min of 1 h so far",
        ),
    ],
)
def test_one_that_was_not_is_said_with_how_much_of_it_was(boots, how):
    (finding,) = judged(*boots)
    assert (finding.id, finding.severity, finding.implies) == ("boot-not-watched", "info", None)
    assert finding.summary == f"no boot of this host was watched whole: {how}"
    assert len(finding.evidence) == (len(boots) if len(boots) > 1 else 0)
    assert finding.fix.commands == ("systemctl reenable imds-probe-daemon",)


def test_a_report_from_before_says_nothing_of_boots():
    (finding,) = judged()
    assert (finding.id, finding.summary) == ("boot-not-watched", "no boot of this host was watched whole")


def test_calls_of_a_boot_that_the_window_has_passed_are_not_forgotten():
    (finding,) = judged(replace(LONG_AGO, imdsv1=3))
    assert (finding.id, finding.severity, finding.implies) == ("boot-called-imdsv1", "warning", "unknown")
    assert "called 3 times in the last boot that was watched whole, 42 d ago" in finding.summary
    assert finding.settled_by == (
        "a watched window with a boot that is watched from its start",
        "the owner's acceptance of the risk ([[accept]])",
    )
    # Within the window, the callers are named themselves.
    assert judged(replace(BOOT, imdsv1=3), by=(CALLER,)) == []


def test_a_later_boot_that_was_missed_does_not_outweigh_them():
    assert [each.id for each in judged(replace(LONG_AGO, imdsv1=3), LATE)] == ["boot-called-imdsv1", "boot-not-watched"]
    assert [each.id for each in judged(LONG_AGO, LATE)] == ["boot-not-watched"]
    # A later one that was seen whole does.
    assert judged(replace(LONG_AGO, imdsv1=3), BOOT) == []
    assert [each.id for each in judged(replace(LONG_AGO, imdsv1=3), BOOT, LATE)] == ["boot-not-watched"]


def test_where_tokens_are_required_already_no_boot_is_asked_for():
    assert judged(LATE, imds=replace(IMDS, tokens="required")) == []
