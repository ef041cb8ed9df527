from __future__ import annotations

import pytest

from imds_probe.inventory.code.following.command_words import UNKNOWN, commands_of


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        ([], []),
        (["aws", "s3", "ls"], [("aws", "s3", "ls")]),
        (["/opt/x"], [("/opt/x",)]),
        (["cd /a && ./b c"], [("cd", "/a"), ("./b", "c")]),
        (["a b", "r"], [("a", "b")]),  # popen has a mode behind it
        ([f"{UNKNOWN}/x"], []),
        ([f"{UNKNOWN} x; y"], [("y",)]),
        (["perl"], []),
        (["/usr/bin/perl", UNKNOWN], []),
        (["perl", "-w", "x.pl"], [("perl", "-w", "x.pl")]),
        (["bash -c 'x'"], [("bash", "-c", "x")]),
    ],
)
def test_words_as_command_lines(words: list[str], commands: list[tuple[str, ...]]) -> None:
    assert list(commands_of(words)) == commands
