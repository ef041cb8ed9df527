import itertools
from dataclasses import replace

import pytest
from golden_reports import CASES, DIRECTORY, golden_report
from observed import FACTS, HOST, OLD_CLOUD_INIT, changed, container, report_of, with_containers, with_imds

from imds_probe.render.text import Style, render

MANY = changed(
    with_containers(*(container(f"a-rather-long-name-{number}", 1, "lost") for number in range(40))),
    software=(OLD_CLOUD_INIT,) * 4,
)
STARTS = {
    "ready": "READY  ",
    "not-ready": "NOT READY  ",
    "unknown": "UNKNOWN  ",
    "needs-hop-limit": "NEEDS A HIGHER HOP LIMIT  ",
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_the_first_word(name):
    report = golden_report(name)
    start = "READY, 2 risks accepted until 2026-12-01  " if name == "ready-accepted" else STARTS[report.verdict.state]
    assert render(report, Style()).startswith(start)


@pytest.mark.parametrize("facts", [MANY, CASES["not-ready-much"]()])
def test_verdict_and_command_are_within_what_ssm_shows(facts):
    text = render(report_of(facts), Style())
    assert text.index("--http-tokens required") + 160 < 2500


def test_so_is_the_way_back_where_there_are_few_kinds_of_findings():
    assert render(report_of(MANY), Style()).index("--http-tokens optional") + 80 < 2500


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["not-ready", "unknown"])
def test_only_commands_are_wider_than_the_terminal(name, width):
    for line in render(golden_report(name), Style(width=width)).splitlines():
        assert len(line) <= width or any(each in line for each in ("aws ec2", "apt-get", "imds-probe explain"))


@pytest.mark.parametrize("name", CASES)
def test_no_line_begins_or_ends_with_more_than_it_should(name):
    lines = (DIRECTORY / f"{name}.txt").read_text().splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert lines[-1] != ""
    assert not any(before == after == "" for before, after in itertools.pairwise(lines))


def test_colour_only_when_asked():
    report = golden_report("not-ready")
    assert "\x1b[" not in render(report, Style())
    assert "\x1b[31;1mNOT READY\x1b[0m" in render(report, Style(colour=True))


def test_hostile_names_are_spelled_out():
    hostile = changed(
        with_imds(answered_by="\x1b[2Jnginx\n"),
        host=replace(HOST, hostname="\x1b]0;x\x07host"),
        software=(replace(OLD_CLOUD_INIT, version="1\x1b[31m2"),),
    )
    text = render(report_of(hostile), Style())
    assert "\x1b" not in text
    assert "\\x1b]0;x\\x07host" in text


def test_names_stand_in_a_column_and_long_values_hang_from_it():
    long = changed(FACTS, host=replace(HOST, kernel="word " * 40))
    lines = render(report_of(long), Style(width=60)).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  kernel:"))
    assert lines[at - 1].index("Amazon") == lines[at].index("word") == lines[at + 1].index("word")
