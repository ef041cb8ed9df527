from dataclasses import replace

import golden_fleet

from imds_probe.fleet import page_drawn
from imds_probe.fleet.painting import picture
from imds_probe.fleet.room import DOCUMENT, TERMINAL

FOUND, KNOWN = golden_fleet.fleet(), golden_fleet.known(5, golden_fleet.HOSTS + 4)
PICTURE = golden_fleet.whole_picture(FOUND, KNOWN)


def figures(made):
    (part,) = page_drawn.figures(made, DOCUMENT)
    (block,) = part.blocks
    return {name: (value, tone) for name, value, tone in block.figures}


def test_what_an_owner_wants_to_know_at_once():
    found = figures(PICTURE)
    assert found["Ready to switch"] == (f"{PICTURE.verdicts.switchable} of {golden_fleet.HOSTS}", "care")
    assert found["Silent hosts"] == ("4", "care")
    assert found["Not reports"] == ("2", "care")
    assert found["Call IMDSv1"][1] == "bad"
    assert found["Shortest way"][0].endswith("to 95 %")
    alone = figures(picture(FOUND, by=(), max_age_s=1.0))
    assert "Silent hosts" not in alone
    assert alone["Old reports"] == (str(golden_fleet.HOSTS - 1), "care")


def test_nobody_of_nobody_is_no_success():
    nobody = replace(PICTURE, verdicts=replace(PICTURE.verdicts, switchable=0, assessed=0))
    assert figures(nobody)["Ready to switch"] == ("0 of 0", "unknown")


def test_drawings_have_the_numbers_of_the_picture():
    (by_verdict,) = page_drawn.verdicts(PICTURE, DOCUMENT)
    assert by_verdict.whole == golden_fleet.HOSTS
    (by_age,) = page_drawn.ages(PICTURE, DOCUMENT)
    assert by_age.whole == golden_fleet.HOSTS
    (curve,) = page_drawn.way(PICTURE, DOCUMENT, "said")
    assert curve.points[1:] == tuple(step.percent for step in PICTURE.way.steps)
    assert curve.points[0] <= curve.points[1]
    assert curve.marks == (50, 80, 95)
    for group, bar in zip(PICTURE.groups, page_drawn.groups(PICTURE.groups, DOCUMENT), strict=True):
        assert sum(share.number for share in bar) == group.hosts


def test_one_step_is_no_curve():
    short = replace(PICTURE, way=replace(PICTURE.way, steps=PICTURE.way.steps[:1]))
    assert list(page_drawn.way(short, DOCUMENT, "said")) == []


def test_a_terminal_has_none_of_it():
    assert list(page_drawn.figures(PICTURE, TERMINAL)) == []
    assert list(page_drawn.verdicts(PICTURE, TERMINAL)) == list(page_drawn.ages(PICTURE, TERMINAL)) == []
    assert list(page_drawn.way(PICTURE, TERMINAL, "said")) == []
    assert page_drawn.one("x", (1, 2), TERMINAL) == page_drawn.groups(PICTURE.groups, TERMINAL) == ()
