"""What tmux starts, as texts for a shell."""

from __future__ import annotations

import shlex

import pytest

from imds_probe.inventory.schedules.commands.tmux import COMMANDS_MAX, text_of


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("new-session -d -s x 'a; b'", "a; b"),
        ("-L s new -Ads x -c /d a -v 'b c'", "cd /d\na -v 'b c'"),
        ("new -d \\; splitw -h -p 20 b \\; neww -n w c", "b\nc"),
        ("-c 'a; b'", "a; b"),
        ("run-shell -b a", "a"),
        ("respawn-pane -k -t x -- -a", "-a"),
        ("send-keys -t x 'cd /d' Enter './a b' C-m", "cd /d\n$? b".replace("$?", "$?/a")),
        ("attach -t x", ""),
        ("new -d", ""),
        ("", ""),
    ],
)
def test_texts(command: str, expected: str) -> None:
    assert text_of(shlex.split(command)) == expected


def test_what_only_running_tells() -> None:
    assert text_of(("new", "-c", None, None)) == "cd $?\n$?"
    assert text_of(("neww", "a", None)) == "a $?"
    assert text_of((None, "a")) == ""


def test_there_is_an_end_to_it() -> None:
    assert text_of(("run", "a", ";") * 100).count("a") == COMMANDS_MAX
