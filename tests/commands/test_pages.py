"""Errors name the page that says more."""

from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.commands import COMMANDS, pages
from imds_probe.commands.dispatch import main
from imds_probe.errors import ProbeError, SwitchedOff
from imds_probe.sinks.spool import SpoolError
from imds_probe.system.state_directory import StateError

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "name", [*pages.OF_COMMAND.values(), pages.CONFIGURATION, SwitchedOff.page, StateError.page, SpoolError.page]
)
def test_each_page_is_there(name):
    assert (DOCS / name).is_file()


def test_it_comes_after_the_remedy():
    assert (
        pages.with_page(StateError("it is full", "Free space.")) == "it is full. Free space. See docs/on-the-host.md."
    )
    assert pages.with_page(ProbeError("it is full", "Free space")) == "it is full. Free space"
    assert pages.with_page(ProbeError("it is full"), ["fleet", "x"]) == "it is full. See docs/fleet.md."


def test_each_command_has_one():
    assert list(pages.OF_COMMAND) == list(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "page"),
    [
        (["run", "--root", "/nonesuch"], "verdict.md"),
        (["judge", "/nonesuch"], "report.md"),
        (["daemon", "--root", "/nonesuch"], "on-the-host.md"),
        (["explain", "software-to-old"], "findings.md"),
    ],
)
def test_an_error_of_a_command_ends_with_its_page(arguments, page, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.endswith(f" See docs/{page}.\n")
    assert err.count("\n") == 1


def test_a_configuration_that_is_wrong(tmp_path, capsys):
    file = tmp_path / "wrong.toml"
    file.write_text("nonesuch = 1\n")
    assert main(["catalog", "--config", str(file)]) == 2
    assert capsys.readouterr().err.endswith(" See docs/configuration.md.\n")
