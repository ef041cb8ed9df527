"""The same lines as at first hand, within bounds."""

from __future__ import annotations

from imds_probe.inventory.schedules.commands.recent_lines import RecentLines
from imds_probe.inventory.schedules.commands.shell_text import TOKENS_MAX, lines

TEXT = 'set -e\n. /etc/default/x\nexec curl "$URL" | sh\n'


def test_they_are_those_of_the_text_whoever_asked_before() -> None:
    recent = RecentLines()
    first = recent.of(TEXT)
    assert first == tuple(lines(TEXT))
    assert recent.of(f"{TEXT}date\n") == tuple(lines(f"{TEXT}date\n"))
    assert recent.of(TEXT) is first


def test_no_more_are_kept_than_one_text_may_have() -> None:
    recent = RecentLines()
    long = "x ; " * TOKENS_MAX
    assert sum(map(len, recent.of(long))) == TOKENS_MAX
    assert recent.of(long) is not recent.of(long)
