"""How reports are shown, in full: each file in golden/ is what one renderer makes of one report."""

import json

import pytest
from golden_reports import CASES, DIRECTORY, RENEW, all_files, files, golden_report
from report_schema import check


@pytest.mark.parametrize("name", CASES)
def test_each_is_shown_as_its_files_say(name):
    for path, held in files(name).items():
        there = path.read_text() if path.exists() else ""
        # Compared by line: what differs is then seen at once.
        assert held.splitlines() == there.splitlines(), f"{path.name} differs; if that is right, renew it with: {RENEW}"


def test_there_is_no_file_that_nothing_makes():
    assert set(DIRECTORY.iterdir()) == set(all_files()), f"renew them with: {RENEW}"


@pytest.mark.parametrize("name", CASES)
def test_each_is_of_the_verdict_that_its_name_says_and_valid(name):
    report = golden_report(name)
    assert name.startswith(report.verdict.state)
    check(json.loads((DIRECTORY / f"{name}.json").read_text()))
