"""What the variables of a script are set to, and what a command has with them in it."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_variables import Variables, is_variable_only_said, uses


@pytest.mark.parametrize(
    ("script", "held"),
    [
        ('A="b c"', "b c"),
        ("A=b\nA=c", "b"),
        ("A=b\nA=c", "c"),
        ("x=${A:-b}", "b"),
        ("for A in b c; do x; done", "b c"),
        ("A=$(b c)", "b c"),
    ],
)
def test_what_one_is_set_to(script: str, held: str) -> None:
    assert held in Variables(script, script).set["A"]


def test_a_command_with_what_they_hold() -> None:
    script = "A=b\nC=$A/d\n"
    variables = Variables(script, script)
    assert variables.substituted("x $C") == "x b/d"
    expanded, unknown = variables.expanded("x $C")
    assert "b" in expanded.split() and not unknown
    assert variables.expanded("x $E")[1]
    assert variables.unset("x $C $E $1") == ["E", "1"]
    assert variables.set_at(script.index("/d")) == "C" and variables.set_at(len(script)) is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [('echo "$A"', True), ('echo "$A"; $A', False), ("x", False), ("warn $A\n[ $A = b ]", True)],
)
def test_whether_one_is_only_said(script: str, expected: bool) -> None:
    assert is_variable_only_said(script, uses(script).get("A", ())) is expected
