"""What the checks found, laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.doctor.checks import Told
from imds_probe.doctor.page import document, lines, sentence
from imds_probe.render.lines import Style

FINE = Told("kernel", "ok", "Linux 6.1.0")
LESS = Told(
    "spool", "limited", "cloudwatch: 2 reports wait to be sent", (), ("the sink has not received them",), "See why."
)
LOST = Told(
    "packets", "missing", "no packet socket can be opened: \x1b[2J", ("the running containers",), (), "Run as root."
)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([FINE], "Nothing is missing on this host: a run sees all that it can see."),
        ([FINE, LESS], "Nothing that the verdict rests on is missing on this host. 1 thing is limited."),
        ([LOST], "1 thing that the verdict rests on is missing on this host."),
        ([LOST, LOST, LESS], "2 things that the verdict rests on are missing on this host, and 1 thing is limited."),
    ],
)
def test_one_sentence_says_what_it_comes_to(told, said):
    assert sentence(told) == said


def test_what_is_missing_comes_first_with_costs_and_remedy():
    assert "\n".join(lines([FINE, LESS, LOST], Path("/"), Style(width=100), everything=False)).splitlines() == [
        "1 thing that the verdict rests on is missing on this host, and 1 thing is limited.",
        "",
        "missing    packets: no packet socket can be opened: \\x1b[2J",
        "             unknown or incomplete without it: the running containers",
        "             do: Run as root.",
        "",
        "limited    spool: cloudwatch: 2 reports wait to be sent",
        "             costs: the sink has not received them",
        "             do: See why.",
        "",
        "in order: kernel",
        "all that was looked at: imds-probe doctor --verbose",
    ]


@pytest.mark.parametrize("everything", [True, False])
def test_it_fits_a_narrow_terminal(everything):
    long = Told("units", "limited", "a word " * 40, ("what " * 30,), ("cost " * 30,), "do it " * 30)
    text = "\n".join(lines([FINE, long, LOST], Path("/srv/x"), Style(width=80), everything=everything))
    assert max(map(len, text.splitlines())) <= 80
    assert ("Linux 6.1.0" in text) is everything


def test_for_programs_it_is_an_object():
    found = document([FINE, LOST], Path("/"), 3)
    assert (found["schema"], found["exit_code"]) == ("imds-probe.doctor/v1", 3)
    assert [each["id"] for each in found["checks"]] == ["kernel", "packets"]
    assert found["checks"][1]["unknown"] == ["the running containers"]
