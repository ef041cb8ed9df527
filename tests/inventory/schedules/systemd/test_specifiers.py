from __future__ import annotations

import pytest

from imds_probe.inventory.schedules.accounts import Account
from imds_probe.inventory.schedules.systemd.specifiers import RESULT_MAX, replaced, specifiers, unescaped
from imds_probe.inventory.schedules.systemd.unit import Unit

UNIT = Unit("a-b@c-d\\x2de.service", "/etc/systemd/system/a-b@.service", [])
KNOWN = specifiers(UNIT, Account("ana", "7", "/home/ana", "/bin/zsh"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("%i %I", "c-d\\x2de c/d-e"),
        ("%p %P %j %J", "a-b a/b b b"),
        ("%n", "a-b@c-d\\x2de.service"),
        ("%N", "a-b@c-d\\x2de"),
        ("%f", "/c/d-e"),
        ("%u %U %h %s", "ana 7 /home/ana /bin/zsh"),
        ("%t %S %C %L %E", "/run /var/lib /var/cache /var/log /etc"),
        ("%y %Y", "/etc/systemd/system/a-b@.service /etc/systemd/system"),
        ("100%%", "100%"),
        ("%%i", "%i"),
        ("%m %", "%m %"),
    ],
)
def test_what_stands_for_each(text: str, expected: str) -> None:
    assert replaced(text, KNOWN) == expected


def test_a_result_grows_only_so_long() -> None:
    assert len(replaced("%n" * 100_000, KNOWN)) <= RESULT_MAX


@pytest.mark.parametrize(("text", "expected"), [("a-b", "a/b"), ("\\x41\\x4", "A\\x4"), ("\\xzz", "\\xzz"), ("", "")])
def test_escapes_of_paths(text: str, expected: str) -> None:
    assert unescaped(text) == expected
