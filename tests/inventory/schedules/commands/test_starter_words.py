"""What stands behind the options of a program that starts another one."""

from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.starter_words import Inner, behind_options
from imds_probe.inventory.schedules.commands.starters_known import STARTERS


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("env", ("A=b", "-C", "/d", "x"), Inner(("x",), "", {"A": "b"}, "/d")),
        ("env", ("--chdir=/d", "x"), Inner(("x",), "", {}, "/d")),
        ("flock", ("/l", "-c", "x; y"), Inner(text="x; y")),
        ("su", ("-", "ana", "-c", "x"), Inner(text="x", user="ana", login=True)),
        ("su", ("-lc", "x", "ana"), Inner(text="x", user="ana", login=True)),
        ("su", ("-s/bin/sh", "-c", "x"), Inner(text="x", user="root")),
        ("su", ("ana", "-mc", "x"), Inner(text="x", user="ana")),
        ("su", ("-", "ana", "-cx y"), Inner(text="x y", user="ana", login=True)),
        ("flock", ("-xn", "/l", "-c", "x"), Inner(text="x")),
        ("unshare", ("-mw", "/d", "x"), Inner(("x",), directory="/d")),
        ("env", ("-iC", "/d", "x"), Inner(("x",), directory="/d")),
        ("su", (None, "-c", "x"), Inner(text="x", user="")),
        ("runuser", ("-l", "ana", "--command=x y"), Inner(text="x y", user="ana", login=True)),
        ("runuser", ("-u", "ana", "x", "-l"), Inner(("x", "-l"), user="ana")),
        ("sudo", ("-nuiris", "x"), Inner(("x",), user="iris")),
        ("gosu", ("ana:web", "x"), Inner(("x",), user="ana")),
        ("su", ("-=l", "ana", "-c", "x"), Inner(text="x", user="ana")),
        ("timeout", ("5", None, "y"), Inner((None, "y"))),
        ("unshare", ("-r", "-S", "0", "x"), Inner(("x",))),
    ],
)
def test_texts_variables_and_directories(name: str, arguments: tuple[str | None, ...], expected: Inner) -> None:
    assert behind_options(STARTERS[name], arguments) == expected
