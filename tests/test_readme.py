"""README must stay true: its sample is the text that the probe prints, its options exist."""

import re
from pathlib import Path

import pytest
from golden_reports import DIRECTORY

from imds_probe import exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main
from imds_probe.system import remembered

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_its_first_two_commands():
    assert [line.split()[:2] for line in BLOCKS[0][1].splitlines()] == [["make", "demo"], ["make", "test"]]


def test_the_sample_report_is_what_is_printed():
    golden = "".join(path.read_text() for path in DIRECTORY.glob("*.txt"))
    samples = [text for language, text in BLOCKS if not language]
    assert len(samples) == 3
    for line in "".join(samples).splitlines():
        assert line.removesuffix(" ...").removesuffix("...") in golden


SHELL = "".join(text for language, text in BLOCKS if language == "sh")


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^(?:sudo )?imds-probe ([a-z][^#|\n]*)", SHELL, re.MULTILINE))))
def test_its_commands_and_options_exist(line, capsys):
    name, *rest = line.split()
    assert name in COMMANDS
    with pytest.raises(SystemExit):
        main([name, "--help"])
    known = capsys.readouterr().out
    assert all(word in known for word in rest if word.startswith("--"))


def test_what_the_page_on_security_names_is_there():
    root = Path(__file__).parents[1]
    named = re.findall(r"`((?:tests|imds_probe)/[\w./]+)`", (root / "SECURITY.md").read_text())
    assert len(named) > 15
    assert [each for each in named if not (root / each).exists()] == []


def test_every_exit_code_is_in_its_tables():
    codes = {str(value) for name, value in vars(exitcodes).items() if name.isupper()}
    assert codes <= set(re.findall(r"\| (\d+) \|", README))


def test_every_file_that_is_kept_between_runs_is_documented():
    source = "".join(path.read_text() for path in (ROOT / "imds_probe/collect").glob("*.py"))
    kept = re.findall(r'Remembered\(state, "(\w+)"', source)
    assert len(kept) == source.count("Remembered(state") > 0
    for page in ("README.md", "SECURITY.md", "packaging/imds-probe.1"):
        text = (ROOT / page).read_text()
        assert [name for name in kept if f"{name}.remembered" not in text] == []
        assert (
            f"{remembered.SIZE_MAX_BYTES // 2**20}\nMiB" in text or f"{remembered.SIZE_MAX_BYTES // 2**20} MiB" in text
        )
