"""Whose argument a word is."""

from __future__ import annotations

import pytest

from imds_probe.inventory.code.forms.shell_quotes import is_document, is_only_said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("grep -r 'TOOL x' /opt", True),
        ("a | xargs -n 1 grep 'TOOL x'", True),
        ('if ! sudo -u b grep -q "TOOL x" /etc/c; then', True),
        ('grep "$(TOOL x)" /opt', False),
        ("grep x <(TOOL x)", False),
        ("grep -q x || TOOL x", False),
        ("sed 's/a/TOOL x/' b", True),
        ("awk '/TOOL x/ { print }'", True),
        ("awk 'BEGIN { \"TOOL x\" | getline }'", False),
        ("echo 'TOOL x'", True),
        ("echo 'TOOL x' >&2; exit 1", True),
        ("echo 'TOOL x' | sh", False),
        ("echo 'TOOL x' >/etc/cron.d/x", False),
        ("echo 'TOOL x' >>/usr/share/doc/x/README", True),
        ("echo `TOOL x`", False),
        ("echo a; TOOL x", False),
        ("printf -v a 'TOOL x'", False),
        ('die "TOOL x"', True),
        ('run "TOOL x"', False),
        ("sh -c 'TOOL x'", False),
        ("description: uses TOOL x", True),
        ("TOOL x", False),
    ],
)
def test_what_a_command_only_says_or_seeks(line: str, expected: bool) -> None:
    at = line.index("TOOL")
    assert is_only_said(line[:at], line[at:]) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/motd", True),
        ("/etc/update-motd.d/50-x", False),
        ("README", True),
        ("x.md", True),
        ("/usr/share/man/man1/x.1", True),
        ("/etc/cron.d/x", False),
        ("/opt/x.sh", False),
    ],
)
def test_what_people_read(path: str, expected: bool) -> None:
    assert is_document(path) is expected
