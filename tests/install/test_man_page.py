"""The manual pages: whole, well formed by both formatters, and with examples that work."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from reports_made import report

from imds_probe import exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main
from imds_probe.commands.kept_reports import REPORTS

PACKAGING = Path(__file__).parents[2] / "packaging"
OVERVIEW = PACKAGING / "imds-probe.1"
PAGES = {name: PACKAGING / f"man/imds-probe-{name}.1" for name in COMMANDS}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO", "BUGS"]
# A row of a catalog of one's own, as an example names it.
ROW = {
    "schema": "imds-probe.catalog/v1",
    "components": [
        {
            "id": "mine",
            "name": "Mine",
            "packages": {"dpkg": ["mine"]},
            "minimum": "2.0",
            "on_lost_token": "fails",
            "sources": ["https://example.invalid/mine"],
            "confidence": "documented",
            "fix": "Upgrade mine to 2.0.",
        }
    ],
}


def shown(page: Path) -> str:
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-c", str(page)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


@pytest.fixture(scope="module")
def text():
    return shown(OVERVIEW)


def test_every_command_and_exit_code_is_in_the_overview(text):
    assert all(re.search(rf"^ +imds-probe-{name}\(1\)$", text, re.MULTILINE) for name in COMMANDS)
    codes = set(exitcodes.MEANINGS)
    assert codes <= {int(line) for line in re.findall(r"^ +(\d+) ", text, re.MULTILINE)}


def test_the_overview_has_the_sections_of_a_command_that_it_can_have(text):
    sections = re.findall(r"^([A-Z][A-Z ]+)$", text, re.MULTILINE)
    assert [each for each in sections if each in SECTIONS] == [each for each in SECTIONS if each != "OPTIONS"]


def test_there_is_a_page_for_each_command_and_no_other():
    assert {path.name for path in (PACKAGING / "man").iterdir()} == {page.name for page in PAGES.values()}


@pytest.mark.parametrize("page", [OVERVIEW, *PAGES.values()], ids=lambda page: page.stem)
def test_mandoc_has_nothing_to_say_of_it(page):
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True, check=False
    )
    # No date: a page is as old as its package, which says so.
    said = [line for line in done.stdout.splitlines() if "missing date" not in line and not line.endswith(".1")]
    assert said == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_its_sections_and_every_option(name, capsys):
    page = shown(PAGES[name])
    sections = re.split(r"^(?=[A-Z])", page, flags=re.MULTILINE)
    found = [section.splitlines()[0] for section in sections if section]
    assert [each for each in found if each in SECTIONS] == SECTIONS
    with pytest.raises(SystemExit):
        main([name, "--help"])
    known = set(re.findall(r"(?<![\w-])--?[a-z0-9][a-z0-9-]*", capsys.readouterr().out.partition("options:")[2]))
    options = next(section for section in sections if section.startswith("OPTIONS"))
    assert {each for each in known if each.startswith("--")} <= set(re.findall(r"--[a-z0-9-]+", options))


def examples() -> list[str]:
    """The command lines of all pages, as they are typed."""
    lines = []
    for page in PAGES.values():
        for block in re.findall(r"^\.EX\n(.*?)^\.EE$", page.read_text(), re.MULTILINE | re.DOTALL):
            lines += block.replace("\\-", "-").replace("\\e", "\\").splitlines()
    return lines


def test_each_page_has_examples_of_its_own_command():
    assert all(f"imds\\-probe {name}" in page.read_text().partition(".SH EXAMPLES")[2] for name, page in PAGES.items())


@pytest.mark.parametrize("line", [line for line in examples() if line.startswith("imds-probe")])
def test_their_options_exist(line, capsys):
    _, name, *rest = shlex.split(line)
    with pytest.raises(SystemExit):
        main([name, "--help"])
    known = capsys.readouterr().out
    ours = rest[: rest.index("--")] if "--" in rest else rest
    assert all(word in known for word in ours if word.startswith("-"))


@pytest.mark.parametrize(
    "line",
    [
        line
        for line in examples()
        if line.startswith(tuple(f"imds-probe {name}" for name in ("explain", "catalog", "judge", "fleet")))
    ],
)
def test_those_that_read_files_do_what_they_say(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    for path in ("report.json", "reports/one.json"):
        (tmp_path / path).write_text(json.dumps(report()))
    (tmp_path / "mine.json").write_text(json.dumps(ROW))
    _, *arguments = shlex.split(line)
    assert main(arguments) in (exitcodes.READY, exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT)
    said = capsys.readouterr()
    assert said.out
    assert said.err == ""


def test_the_page_on_the_switch_names_the_reports_that_it_is_read_from():
    text = shown(PAGES["explain"])
    assert all(path in text.split() for path in REPORTS)
