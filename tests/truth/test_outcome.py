from __future__ import annotations

import pytest
from truth import outcome


def case(name: str, plain: str, watch: str, broke: dict[str, bool], **more) -> dict:
    """An outcome whose verdicts leave the hop limit at 1, unless told otherwise."""
    limits = more.pop("limits", (1, 1))
    return {
        "case": name,
        "limit": 1,
        "plain": {"verdict": plain, "limit": limits[0], "unknown": more.get("unknown", [])},
        "watch": {"verdict": watch, "limit": limits[1], "unknown": []},
        "switched": {limit: {"broke": what} for limit, what in broke.items()},
        "right": outcome.right({int(limit): what for limit, what in broke.items()}, 1),
    }


OUTCOMES = [
    case("b", "ready", "not-ready", {"1": True, "3": True}),
    case("a", "needs-hop-limit", "unknown", {"1": True, "2": False}, limits=(2, 1)),
    case("c", "unknown", "ready", {"1": False}, unknown=["x", "y"]),
    {"case": "d", "not_run": "there is no such package"},
]


@pytest.mark.parametrize(
    ("verdict", "broke", "unchanged", "expected"),
    [
        ("ready", False, False, "true ready"),
        ("ready", True, True, "FALSE ready"),
        ("not-ready", True, True, "true not-ready"),
        ("not-ready", False, False, "FALSE not-ready"),
        ("needs-hop-limit", False, True, "true needs-hop-limit"),
        ("needs-hop-limit", True, True, "FALSE needs-hop-limit"),  # the number does not cure it
        ("needs-hop-limit", False, False, "FALSE needs-hop-limit"),  # nothing was to be cured
        ("unknown", True, True, "unknown"),
    ],
)
def test_a_verdict_is_held_to_what_happened(verdict, broke, unchanged, expected):
    assert outcome.classify(verdict, broke=broke, broke_unchanged=unchanged) == expected


@pytest.mark.parametrize(
    ("unchanged", "printed", "expected"),
    [
        (True, False, "true needs-hop-limit"),  # what never worked does now
        (True, True, "FALSE needs-hop-limit"),
        (False, False, "FALSE needs-hop-limit"),
    ],
)
def test_a_client_that_never_worked_may_be_cured_by_the_number(unchanged, printed, expected):
    one = case("a", "needs-hop-limit", "ready", {"1": False, "2": False}, limits=(2, 1))
    one["switched"]["1"]["lacks"], one["switched"]["2"]["lacks"] = unchanged, printed
    assert outcome.classes(one) == {"plain": expected, "watch": "true ready"}
    assert one["right"] == "ready"


@pytest.mark.parametrize(
    ("broke", "expected"),
    [
        ({1: False}, "ready"),
        ({1: True, 3: False}, "needs-hop-limit"),
        ({1: True, 2: True, 3: False}, "needs-hop-limit"),
        ({1: True, 3: True}, "not-ready"),
    ],
)
def test_what_had_to_be_said_is_what_the_programs_said(broke, expected):
    assert outcome.right(broke, 1) == expected


def test_the_table_counts_by_mode_and_names_what_is_false_and_what_was_not_run():
    said = outcome.table(OUTCOMES)
    lines = {line[:24].strip(): line[24:].split() for line in said.splitlines()}
    assert lines["FALSE ready"] == ["1", "0"]
    assert lines["true not-ready"] == ["0", "1"]
    assert lines["true needs-hop-limit"] == ["1", "0"]
    assert lines["unknown"] == ["1", "1"]
    assert lines["what had to be said"] == ["1", "2"]
    assert lines["x"] == lines["y"] == ["1", "0"]
    assert "  b: FALSE ready, true not-ready; not-ready" in said
    assert "  d: there is no such package" in said
    assert said.startswith("3 cases were run, 1 were not")


def test_a_difference_from_what_is_expected_is_said_case_by_case():
    expected = outcome.expectations(OUTCOMES)
    assert outcome.differences(OUTCOMES, expected) == []
    expected["b"]["plain"] = "true not-ready"
    del expected["c"]
    expected["e"] = {"plain": "true ready"}
    assert outcome.differences(OUTCOMES, expected) == [
        "b, plain: true not-ready was expected, it is FALSE ready",
        "c: is not expected",
        "e: was not looked at",
    ]
