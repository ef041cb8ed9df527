"""`run --confirm`: what is refused before anything is looked at. The rest is in tests/lab/test_confirm.py."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from reports_made import UNTRIED, hostile, report

from imds_probe.commands import confirming
from imds_probe.confirmation import Confirmation
from imds_probe.errors import UsageError
from imds_probe.report_document import read
from imds_probe.standing import Change


def arguments(**given):
    defaults = {"image": False, "only": (), "skip": (), "report": None, "keep": None, "output": "text"}
    defaults |= {"confirm": Path("/nonexistent")}
    return argparse.Namespace(**(defaults | given))


@pytest.mark.parametrize(
    ("given", "flags", "named"),
    [
        ({"image": True}, [], "--image"),
        ({"only": ("tokens",)}, [], "--only"),
        ({"report": ("file",)}, [], "--report"),
        ({"keep": "x"}, ["--watch", "--deep"], "--keep, --watch, --deep"),
    ],
)
def test_options_that_mean_nothing_are_refused(given, flags, named):
    with pytest.raises(UsageError, match=f"--confirm does not go together with {named}\\. "):
        confirming.stored_report(arguments(**given), flags)


def test_options_of_how_it_is_looked_at_are_taken():
    with pytest.raises(UsageError, match="it cannot be read"):
        confirming.stored_report(arguments(report=()), list(confirming.ALONG))
    with pytest.raises(UsageError, match="no --output html"):
        confirming.stored_report(arguments(output="html"), [])


def test_what_changed_is_said_in_lines_that_steer_no_terminal():
    changes = tuple(Change("containers", f"the container web{number}\x1b[2J was started") for number in range(30))
    lines = list(confirming.in_words(read(report()), Confirmation(("it was booted",), changes)))
    assert lines[0].startswith("The verdict not-ready, reported ") and lines[0].endswith(", no longer holds:")
    assert lines[1:3] == ["  it was booted", "  the container web0\\x1b[2J was started"]
    assert lines[-2:] == ["  and 11 more, which --output json has", "Run imds-probe again for a new verdict."]
    line = confirming._json(read(hostile(20)), Confirmation((), changes * 20), "2026-11-23T00:00:00Z", one_line=True)
    assert line.isascii() and len(line) <= confirming.LIMIT_BYTES and "\n" not in line
    found = json.loads(line)
    assert len(found["changes"]) + found["changes_left_out"] == 600


@pytest.mark.parametrize("one_line", [True, False])
def test_a_hop_limit_that_has_to_be_tried_is_no_number_to_switch_with(one_line):
    for facts, needed in (({}, 2), ({"facts": UNTRIED}, None)):
        said = confirming._json(read(report(**facts)), Confirmation((), ()), "2026-11-23T00:00:00Z", one_line=one_line)
        assert json.loads(said)["hop_limit_needed"] == needed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is not JSON"),
        ("{}", "it is not a report of the schema"),
        ('{"schema": "imds-probe.report/v1"}', "not a whole report"),
    ],
)
def test_what_is_no_report_is_named(content, why, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"--confirm {path}: .*{why}"):
        confirming.stored_report(arguments(confirm=path), [])
