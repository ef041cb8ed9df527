"""Completion in the real shells, held to what argparse knows."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest
import shells

from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main
from imds_probe.rules import RULES
from imds_probe.sinks import SINKS

PACKAGING = Path(__file__).parents[2] / "packaging"
ASKED = {"bash": shells.bash, "zsh": shells.zsh, "fish": shells.fish}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The files as they are packaged, by their shells."""
    root = tmp_path_factory.mktemp("root")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACKAGING))
        texts = {path: script() for path, script in importlib.import_module("completion").FILES.items()}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)
        found[Path(path).parts[2].partition("-")[0]] = root / path
    return found


@pytest.fixture
def complete(scripts, tmp_path):
    """What the shell offers for the last of these words."""

    def call(shell: str, *words: str) -> list[str]:
        return ASKED[shell](scripts[shell], words, tmp_path)

    return call


@pytest.fixture(params=ASKED)
def shell(request):
    return request.param


@pytest.mark.parametrize(
    ("shell", "argv"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])]
)
def test_each_shell_reads_its_file(scripts, shell, argv):
    done = subprocess.run([*argv, str(scripts[shell])], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_commands(complete, shell):
    assert set(COMMANDS) <= set(complete(shell, ""))
    assert complete(shell, "exp") == ["explain"]


def options(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    return set(re.findall(r"(?<![\w-])--[a-z0-9-]+", capsys.readouterr().out.partition("options:")[2]))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_every_option_of_every_command(complete, shell, name, capsys):
    assert set(complete(shell, name, "--")) == options(name, capsys)


@pytest.mark.parametrize("name", ["run", "fleet", "rehearse"])
def test_every_option_in_zsh_which_takes_longer_to_start(complete, name, capsys):
    assert {each for each in complete("zsh", name, "--") if each.startswith("--")} == options(name, capsys)


def test_every_option_of_every_command_is_in_the_file_for_zsh(scripts, capsys):
    sections = re.split(r"^    (\w+)\)\n", scripts["zsh"].read_text().partition("argument)\n")[2], flags=re.MULTILINE)[
        1:
    ]
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    assert found.keys() == COMMANDS.keys()
    for name, text in found.items():
        assert set(re.findall(r"'(?:\*|\([^)]*\))?(--[a-z0-9-]+)\[", text)) == options(name, capsys)


def test_values(complete, shell):
    forms = {"text", "json", "html", "summary"}
    assert set(complete(shell, "run", "--output", "")) == set(complete(shell, "run", "-o", "")) == forms
    assert set(complete(shell, "run", "--report", "")) >= set(SINKS)
    assert complete(shell, "fleet", "--confidence", "hi") == ["high"]
    assert "switch" in complete(shell, "explain", "swi")


def test_several_values_by_commas(complete):
    rules = {rule.id for rule in RULES}
    assert set(complete("bash", "run", "--only", "code,")) == {f"code,{each}" for each in rules}
    assert complete("bash", "run", "--only", "code,sdk") == ["code,sdks"]
    assert "code,sdks" in complete("fish", "run", "--only", "code,sdk")
    assert "sdks" in complete("zsh", "run", "--only", "code,sdk")


def test_files(complete, shell, tmp_path):
    (tmp_path / "mine.json").touch()
    assert complete(shell, "run", "--catalog", "mi") == ["mine.json"]
    assert complete(shell, "judge", "mi") == ["mine.json"]


def test_a_word_that_makes_another_command_of_one(complete, shell):
    assert "plan" in complete(shell, "fleet", "pl")
