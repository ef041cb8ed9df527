from __future__ import annotations

import re

import pytest

from imds_probe.inventory.code.forms.command_place import is_command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TOOL x", True),
        ("  a && TOOL x", True),
        ("a\nTOOL x", True),
        ("a TOOL x", False),
        ("env A=b TOOL x", True),
        ('"TOOL x"', True),
        ('A="b TOOL x"', False),
        ("@daily root TOOL x", True),
        ("ExecStart=TOOL x", True),
        ("- TOOL x", True),
        ("logger TOOL x", False),
        ("then logger 'a; TOOL x'", False),
        ("logger a; TOOL x", True),
        ("logger `TOOL x`", True),
    ],
)
def test_where_a_command_stands(text: str, expected: bool) -> None:
    match = re.search("TOOL", text)
    assert match is not None
    assert is_command(text, match) == expected
