from __future__ import annotations

from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code.following.command import start_of

FILES = {
    "/usr/bin/tool": b"\x7fELF",
    "/opt/own": "#!/usr/bin/interpreter -x\n",
    "/opt/twice": "#! /opt/own\n",
    "/opt/by-env": "#!/usr/bin/env -S NAME=value interpreter\n",
    "/usr/bin/interpreter": b"\x7fELF",
    "/opt/self": "#!/opt/self\n",
    "/opt/nowhere": "#!/nowhere\n",
}


@pytest.mark.parametrize(
    ("words", "executable", "arguments"),
    [
        ("tool a", "/usr/bin/tool", "tool a"),
        ("env -u X A=b nice -n 5 tool a", "/usr/bin/tool", "tool a"),
        ("timeout -k 5 60 flock -w 3 /run/lock tool a", "/usr/bin/tool", "tool a"),
        ("sudo -u root -E tool", "/usr/bin/tool", "tool"),
        ("bin/tool", "/usr/bin/tool", "bin/tool"),
        ("/opt/own a", "/usr/bin/interpreter", "/usr/bin/interpreter -x /opt/own a"),
        ("/opt/twice", "/usr/bin/interpreter", "/usr/bin/interpreter -x /opt/own /opt/twice"),
        ("/opt/by-env a", "/usr/bin/interpreter", "interpreter /opt/by-env a"),
        ("nohup", None, ""),
        ("missing", None, ""),
        ("/opt/nowhere", None, ""),
        ("", None, ""),
    ],
)
def test_how_a_command_is_started(tmp_path: Path, words: str, executable: str | None, arguments: str) -> None:
    ground = Root(tmp_path).put(FILES).ground()
    found = start_of(words.split(), ground, directory="/usr")
    assert (found.executable if found else None) == executable
    assert " ".join(found.arguments if found else ()) == arguments


def test_one_that_is_its_own_interpreter_comes_to_an_end(tmp_path: Path) -> None:
    found = start_of(["/opt/self"], Root(tmp_path).put(FILES).ground())
    assert found
    assert found.executable == "/opt/self"


def test_variables_before_a_command_are_its_environment(tmp_path: Path) -> None:
    found = start_of(["env", "PATH=/opt", "own"], Root(tmp_path).put(FILES).ground(), environment={"HOME": "/root"})
    assert found
    assert found.environment == {"PATH": "/opt", "HOME": "/root"}
    assert found.arguments[-1] == "/opt/own"
