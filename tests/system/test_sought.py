from __future__ import annotations

import os

import pytest

from imds_probe.system.sought import Scripts, Sought

SCRIPTS = Scripts((".js", ".json5"), ("node_modules",), 10)
SOUGHT = Sought(
    frozenset(), frozenset({"txt"}), (".jar", ".so.1"), ("libaws",), (SCRIPTS,), frozenset({"zip", "js"}), 100
)


def sized(size: int, mode: int = 0o100644) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, 0, 0, size, 0, 0, 0))


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("a.jar", True),
        ("libaws.so", True),
        ("a.txt", False),
        ("txt", None),  # a program may be called as an ending is
        ("libaws.txt", False),
        ("a.zip", False),
        ("a.js", None),
        ("program", None),
    ],
)
def test_most_is_told_by_the_name(name: str, taken: bool | None) -> None:
    assert SOUGHT.takes(name) is taken


@pytest.mark.parametrize(
    ("name", "directory", "status", "taken"),
    [
        ("a.js", "/srv", sized(10), True),
        ("a.js", "/srv", sized(9), False),
        ("a.js", "/srv/node_modules/x", sized(10), False),
        ("program", "/srv", sized(100, 0o100755), True),
        ("program", "/srv", sized(99, 0o100755), False),
        ("program", "/srv", sized(100), False),
    ],
)
def test_the_rest_is_told_by_the_size(name: str, directory: str, status: os.stat_result, taken: bool) -> None:
    assert SOUGHT.takes_sized(name, directory, status) is taken
