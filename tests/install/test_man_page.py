import re
import subprocess
from pathlib import Path

import pytest

from imds_probe import exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.commands.dispatch import main

PAGE = Path(__file__).parents[2] / "packaging/imds-probe.1"


@pytest.fixture(scope="module")
def text():
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-c", str(PAGE)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


def test_every_command_and_exit_code_is_in_it(text):
    assert all(f"imds-probe {name}" in text for name in COMMANDS)
    codes = {value for name, value in vars(exitcodes).items() if name.isupper()}
    assert codes <= {int(line) for line in re.findall(r"^ +(\d+) ", text, re.MULTILINE)}


@pytest.mark.parametrize(
    ("command", "at_least"), [("run", 15), ("watch", 3), ("rehearse", 8), ("daemon", 4), ("judge", 2)]
)
def test_every_option_is_in_the_section_of_its_command(text, capsys, command, at_least):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out)) - {"--help"}
    section = re.split(r"^(?=[A-Z])", text.partition(f"OPTIONS OF {command.upper()}")[2], flags=re.MULTILINE)[0]
    assert len(options) >= at_least
    assert options <= set(re.findall(r"--[a-z0-9-]+", section))
