from __future__ import annotations

import pytest

from imds_probe.inventory.schedules import settings_texts as by_text
from imds_probe.inventory.schedules.settings_commands import Language


@pytest.mark.parametrize(
    ("language", "text", "commands"),
    [
        (by_text.monit, 'check process x with pidfile /p\n start program = "/x a" as uid y\n', ["/x a"]),
        (by_text.monit, "if failed then exec /y\ncheck file z with path /z\n", ["/y"]),
        (by_text.apt, 'DPkg {Pre-Invoke {"a";"b \\"c\\"";};};\nX::Y "z";\n', ["a", 'b "c"']),
        (by_text.apt, 'APT::Update::Post-Invoke-Success:: "a";\nDir "/z";\n', ["a"]),
        (by_text.listed, '{"command": "x \\"a\\"", "name": "y"}', ['x "a"']),
        (by_text.listed, 'args = ["x", "a b"]\nhttp = "y"\n', ["x 'a b'"]),
        (by_text.listed, 'commands = [\'x a\', "y"]\n  command = ["z",\n"b"]\n', ["x a", "y", "z b"]),
        (by_text.listed, "command = x\nargs = [\n", []),
    ],
)
def test_commands_of_each_language(language: Language, text: str, commands: list[str]) -> None:
    assert [each.command for each in language(text)] == commands
