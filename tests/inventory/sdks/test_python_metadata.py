from __future__ import annotations

import pytest

from imds_probe.inventory.sdks.python_metadata import ASSIGNED, checked, normalised


@pytest.mark.parametrize("name", ["Foo.Bar", "foo_bar", "FOO--bar"])
def test_one_name_has_many_spellings(name: str) -> None:
    assert normalised(name) == "foo-bar"


@pytest.mark.parametrize(
    ("text", "version"), [("1.2.3", "1.2.3"), ("1!0+local", "1!0+local"), ("1 2", None), ("", None)]
)
def test_what_can_be_a_version(text: str, version: str | None) -> None:
    assert checked(text) == version


def test_a_version_that_a_module_assigns() -> None:
    match = ASSIGNED.search(b"x = 1\n__version__ = '1.2'\n")
    assert match
    assert match[1] == b"1.2"
