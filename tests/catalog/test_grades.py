"""A verdict is known as well as the weakest of the figures that it rests on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imds_probe.catalog.grades import Figure, resting_on
from imds_probe.catalog.judging import Installed, judge_row
from imds_probe.catalog.rows import Backport, Fault, Prevention, Requirement, Row, Setting, SettingPlace, Switch
from imds_probe.facts.software import SettingSeen

OK = Requirement("2.0", "ok", "why", "source", figure="2.0", grade="source")
ROW = Row(
    id="thing",
    name="Thing",
    packages={"dpkg": ("thing",)},
    since=None,
    before=None,
    minimum="2.0",
    setting=None,
    no_v1_fallback=None,
    on_lost_token="fails",
    backports=(),
    known_bad=(),
    notes=(),
    fix="upgrade",
    sources=("source",),
    confidence="documented",
    grade="package",
)
SWITCH = Switch(("true",), (SettingPlace("environment", "KEY"),))


def figure(row: Row, version: str, *seen: SettingSeen) -> tuple[str | None, str | None]:
    judged = judge_row(row, Installed("dpkg", version, settings=seen))
    return judged.figure, judged.grade


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([], ("2.0", "source")),
        ([Figure("3.0", "package")], ("2.0", "source")),
        ([Figure("3.0", "documented")], ("3.0", "documented")),
        ([Figure("3.0", "inferred"), Figure("4.0", "documented")], ("3.0", "inferred")),
        ([Figure("3.0", None)], ("2.0", "source")),
    ],
)
def test_the_weakest_counts(figures: list[Figure], expected: tuple[str, str]) -> None:
    judged = resting_on(OK, figures)
    assert (judged.figure, judged.grade) == expected
    assert replace(judged, figure=OK.figure, grade=OK.grade) == OK


def test_nothing_graded_stays_without_a_grade() -> None:
    bare = replace(OK, figure=None, grade=None)
    assert resting_on(bare, [Figure("3.0", None)]) == bare


def test_the_minimum_decides_on_both_sides_of_it() -> None:
    assert figure(ROW, "1.0-1") == figure(ROW, "2.0-1") == ("2.0", "package")
    assert figure(replace(ROW, grade="inferred"), "1.0-1") == ("2.0", "inferred")
    assert figure(ROW, "garbage") == (None, None)


def test_no_version_has_a_grade_and_no_figure() -> None:
    assert figure(replace(ROW, minimum=None, never=True, grade="source"), "9-1") == (None, "source")


def test_a_distributions_figure_has_a_grade_of_its_own() -> None:
    row = replace(ROW, backports=(Backport("dpkg", (), False, None, "1.5-1", "too-old", "w", "s", "inferred"),))
    assert figure(row, "1.5-1") == figure(row, "1.4-1") == ("1.5-1", "inferred")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.0-1", ("3.0", "inferred")),  # it is sound as long as the fault began no earlier
        ("3.2-1", ("3.5", "inferred")),
        ("3.5-1", ("3.5", "inferred")),
        ("1.0-1", ("2.0", "package")),
    ],
)
def test_a_faults_ends_are_figures_too(version: str, expected: tuple[str, str]) -> None:
    assert figure(replace(ROW, known_bad=(Fault("3.0", "3.5", "fails", "w", "inferred"),)), version) == expected
    partial = replace(ROW, known_bad=(Fault("3.0", "3.5", "partial", "w", "inferred"),))
    assert figure(partial, version) == ("2.0", "package")


def test_a_fault_is_cured_by_its_end_and_not_by_the_minimum() -> None:
    row = replace(ROW, known_bad=(Fault("3.0", "3.5", "fails", "w", "source"), Fault("4.0", None, "fails", "w")))
    assert judge_row(row, Installed("dpkg", "3.2-1")).minimum == "3.5"
    assert judge_row(row, Installed("dpkg", "4.2-1")).minimum == "2.0"


def test_a_setting_and_its_default_are_figures_too() -> None:
    row = replace(ROW, setting=Setting("set it", "5.0", "s", SWITCH, since="3.0", grade="inferred"))
    assert figure(row, "2.5-1") == ("3.0", "inferred")  # before it needs the setting
    assert figure(row, "4.0-1") == ("5.0", "inferred")
    assert figure(row, "5.0-1") == ("5.0", "inferred")
    made = SettingSeen("setting", "the environment", "KEY", "true")
    assert figure(row, "4.0-1", made) == ("2.0", "package")


def test_what_prevents_it_has_a_grade() -> None:
    prevention = Prevention("off", SWITCH, "false", "2.5", None, "s", "documented")
    on = SettingSeen("prevented_by[0]", "the environment", "KEY", "true")
    assert figure(replace(ROW, prevented_by=(prevention,)), "3.0-1", on) == ("2.5", "documented")


@pytest.mark.parametrize(("confidence", "grade"), [("documented", "documented"), ("inferred", "inferred")])
def test_a_row_without_a_grade_is_known_as_it_says_of_itself(confidence, grade: str) -> None:
    assert figure(replace(ROW, grade=None, confidence=confidence), "3.0-1") == ("2.0", grade)
