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


def test_every_option_of_run_is_in_it(text, capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    options = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) > 5
    assert options <= set(re.findall(r"--[a-z0-9-]+", text))
