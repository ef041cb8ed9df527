from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules.accounts import ROOT, Account
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH, Surroundings, surroundings, variables
from imds_probe.inventory.schedules.systemd.syntax import assignments
from imds_probe.inventory.schedules.systemd.unit import Unit

ANA = Account("ana", "7", "/home/ana", "/bin/zsh")


def around(root: Path, text: str) -> Surroundings:
    unit = Unit("x@i.service", "/x", list(assignments(f"[Service]\n{text}", "/x")))
    return surroundings(unit, "Service", SystemFiles(root), {"root": ROOT, "ana": ANA})


def test_what_a_unit_has_by_itself(tmp_path: Path) -> None:
    found = around(tmp_path, "")
    assert (found.user, found.directory, found.environment) == ("root", "/", {"PATH": PATH})


def test_variables_of_the_unit_and_of_files(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/default/x": "B=file\nC='d e'\n", "/etc/more/1.env": "D=1\n", "/etc/more/2.env": "D=2\n"})
    text = 'Environment=A=%i "B=b c" odd\nEnvironmentFile=-/etc/default/x\nEnvironmentFile=/etc/more/*.env\n'
    text += "EnvironmentFile=-/etc/none\nEnvironmentFile=relative\nUnsetEnvironment=C D=1\n"
    assert around(tmp_path, text).environment == {"PATH": PATH, "A": "i", "B": "file", "D": "2"}


@pytest.mark.parametrize(
    ("text", "user", "directory"),
    [
        ("User=ana\nWorkingDirectory=~\n", "ana", "/home/ana"),
        ("User=7\nWorkingDirectory=-/srv/%i\n", "7", "/srv/i"),
        ("User=nobody\nWorkingDirectory=~\n", "nobody", "/"),
        ("WorkingDirectory=~\n", "root", "/root"),
        ("WorkingDirectory=relative\n", "root", "/"),
    ],
)
def test_user_and_directory(tmp_path: Path, text: str, user: str, directory: str) -> None:
    found = around(tmp_path, text)
    assert (found.user, found.directory) == (user, directory)


def test_a_user_brings_a_home(tmp_path: Path) -> None:
    assert around(tmp_path, "User=ana\n").environment["HOME"] == "/home/ana"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b\nC = d \n", [("A", "b"), ("C", "d")]),
        ("# c\n; c\n\nodd\nA=b", [("A", "b")]),
        ('export A=\'b\nc\' \nD="e\\"f"\n', [("A", "b\nc"), ("D", 'e"f')]),
        ("A=b\\\nc\n", [("A", "bc")]),
        ("A='\\n'\n", [("A", "\\n")]),
        ("A='open", [("A", "open")]),
    ],
)
def test_environment_files(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(variables(text)) == expected
