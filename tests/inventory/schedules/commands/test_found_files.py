"""What find and xargs start for each file."""

from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.commands.starter_words import Found, Inner
from imds_probe.inventory.schedules.commands.starters import inner


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("xargs -r0n1 x", "x"),
        ("xargs -i{} x {}", "x {}"),
        ("xargs -ln x", "x"),
        ("xargs -n 1 x", "x"),
        ("find /d -name z -exec x {} ;", "x /d/z"),
        ("find /d -type f -exec x {} +", "x /d/*"),
        ("find . -exec x {} ;", "x {}"),
    ],
)
def test_what_is_started(command: str, words: str) -> None:
    name, *arguments = command.split()
    found = inner(name, arguments)
    assert found is not None
    assert (found.words, found.text) == (tuple(words.split()), "")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        (
            "find",
            ("/a", "/b", "-name", "x*", "-exec", "{}", "-v", ";"),
            Inner(("{}", "-v"), found=Found(("/a", "/b"), "x*")),
        ),
        (
            "find",
            ("-L", None, "-maxdepth", "2", "-exec", "sh", "-e", "{}", "+"),
            Inner(("sh", "-e", "{}"), found=Found(("",), "*", 2)),
        ),
        ("find", ("-name", None, "-exec", "sudo", "{}"), Inner(("sudo", "{}"), found=Found((".",), ""))),
        (
            "find",
            ("/d", "-exec", "sh", "-c", ". $1", "_", "{}"),
            Inner(("sh", "-c", ". $1", "_", "{}"), found=Found(("/d",))),
        ),
        ("find", ("/d", "-exec", "sh", "-c", "gzip $1", "_", "{}"), Inner(("sh", "-c", "gzip $1", "_", "/d/*"))),
        ("xargs", ("-n1", "bash"), Inner(("bash", "{}"), found=Found(("",)))),
        ("xargs", ("-I%", "%", "x"), Inner(("{}", "x"), found=Found(("",)))),
        ("xargs", ("-I", "%", "rm", "%"), Inner(("rm", "%"))),
    ],
)
def test_texts_variables_and_directories(name: str, arguments: tuple[str | None, ...], expected: Inner) -> None:
    assert inner(name, arguments) == expected


@pytest.mark.parametrize(
    "command",
    [
        "find /d -name z",
        "find -exec ;",
    ],
)
def test_where_nothing_is_started(command: str) -> None:
    name, *arguments = command.split()
    assert inner(name, arguments) is None
