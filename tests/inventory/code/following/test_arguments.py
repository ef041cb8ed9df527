from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.arguments import Options, read

PYTHON = Options(values=("-W", "-X"), text="-c", module="-m")
NODE = Options(values=("--env-file",), text=("-e", "--eval"), required=("-r", "--require"), attached=False)


@pytest.mark.parametrize(
    ("line", "script", "text", "module"),
    [
        ("python", "", None, None),
        ("python a.py b", "a.py", None, None),
        ("python -W error -u a.py", "a.py", None, None),
        ("python -Werror a.py", "a.py", None, None),
        ("python -c print a.py", "", "print", None),
        ("python -Ic print", "", "print", None),
        ("python -cprint", "", "print", None),
        ("python -m a.b c", "", None, "a.b"),
        ("python -um a", "", None, "a"),
        ("python -- -x", "-x", None, None),
        ("python -c", "", "", None),
        ("python - a", "-", None, None),
    ],
)
def test_what_is_started(line: str, script: str, text: str | None, module: str | None) -> None:
    given = read(line.split(), PYTHON)
    assert (given.script, given.text, given.module) == (script, text, module)


def test_switches_and_what_is_loaded_before() -> None:
    given = read(["python", "-IE", "-P", "--x", "a.py", "-S"], PYTHON)
    assert [given.has(letter) for letter in "IEPS"] == [True, True, True, False]
    assert given.rest == ("-S",)
    given = read(["node", "-r", "a", "--require=b", "--env-file", "x", "--eval=go", "main.js"], NODE)
    assert given.required == [("-r", "a"), ("--require", "b")]
    assert (given.text, given.script) == ("go", "")
