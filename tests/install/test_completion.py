"""Completion in a real bash, held to what argparse knows."""

from __future__ import annotations

import re
import subprocess

import package_roots
import pytest

from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main
from imds_probe.sinks import SINKS


@pytest.fixture(scope="module")
def script(packages, tmp_path_factory):
    root = package_roots.unpacked(packages.deb(), tmp_path_factory.mktemp("completion") / "root")
    return root / "usr/share/bash-completion/completions/imds-probe"


@pytest.fixture
def complete(script, tmp_path):
    def call(*words: str) -> list[str]:
        code = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imds_probe; printf "%s\\n" "${COMPREPLY[@]}"'
        argv = ["bash", "--norc", "-euc", code, "bash", str(script), "imds-probe", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stderr == ""
        return done.stdout.split()

    return call


def test_commands(complete):
    assert set(complete("")) == {*COMMANDS, "--help", "--version"}
    assert complete("exp") == ["explain"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command(complete, name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    known = set(re.findall(r"(?<![\w-])--[a-z0-9-]+", capsys.readouterr().out.partition("options:")[2]))
    assert set(complete(name, "--")) == known


def test_values_and_files(complete, tmp_path):
    assert complete("run", "--output", "") == ["text", "json", "html", "summary"]
    assert complete("run", "--report", "") == list(SINKS)
    (tmp_path / "mine.json").touch()
    assert complete("run", "--catalog", "mi") == ["mine.json"]
