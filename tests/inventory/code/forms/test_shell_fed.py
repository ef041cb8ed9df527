"""What reaches a command by a loop, a pipe, a here-document."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_fed import handed_to, loops


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("for a in ASKED b; do", "a"),
        ("for a in \\\n  ASKED; do", "a"),
        ("echo ASKED | while read -r a; do", "a"),
        ("while IFS= read -r a; do\n x\ndone <<END\nASKED\nEND\n", "a"),
        ("while read a b; do x; done < <(echo ASKED)", "b"),
        ("read a <<< ASKED", "a"),
        ("mapfile -t a <<END\nASKED\nEND", "a"),
        ("echo ASKED >/tmp/list\nwhile read a; do x; done </tmp/list", "a"),
        ("set -- ASKED", "1"),
        ("printf -v a ASKED", "a"),
    ],
)
def test_what_a_variable_may_hold(text: str, name: str) -> None:
    assert any(each == name and "ASKED" in value for each, value in loops(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo ASKED | xargs TOOL", True),
        ("echo ASKED |\n  xargs TOOL", True),
        ("cat <<END | xargs TOOL\nASKED\nEND", True),
        ("TOOL -K - <<END\nASKED\nEND", True),
        ("TOOL --config - <<< ASKED", True),
        ("TOOL -K <(echo ASKED)", True),
        ("echo ASKED | TOOL -qi -", True),
        ("echo ASKED >/tmp/list\nTOOL -i /tmp/list", True),
        ("echo ASKED | TOOL", False),
        ("echo ASKED\nTOOL -K -", False),
        ("TOOL -K - <<END\na\nEND\nASKED", False),
    ],
)
def test_what_a_command_reads(text: str, expected: bool) -> None:
    begin = text.index("TOOL")
    end = text.find("\n", begin)
    assert ("ASKED" in handed_to(text, begin, end if end >= 0 else len(text))) is expected
