"""What all parts of the way through a command have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from followed_commands import followed, names
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands import command_walk, spread, walking
from imds_probe.inventory.schedules.commands import followed as reasons
from imds_probe.inventory.schedules.commands.followed import NO_NAME, Unfollowed


def test_a_script_of_the_distribution_whose_interpreter_is_not_there_is_not_run(root: Path) -> None:
    script = "#!/usr/bin/env ruby\n"
    made(root, {"/usr/share/x/run.py": script, "/opt/run.py": script})
    assert followed(root, "/usr/share/x/run.py | a").unfollowed == ()
    assert followed(root, "/opt/run.py | a").unfollowed == (Unfollowed(reasons.NO_NAME),)


def test_it_is_said_in_which_script_something_was_not_followed(root: Path) -> None:
    made(root, {"/opt/x": f"{SCRIPT}$(b) y\n"})
    assert followed(root, "/opt/x").unfollowed == (Unfollowed(reasons.NO_NAME, "/opt/x"),)


def test_more_that_fit_a_pattern_than_are_followed_are_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(root, {f"/opt/jobs/{number:03}": SCRIPT for number in range(150)})
    found = followed(root, "for f in /opt/jobs/*; do $f; done")
    assert len([each for each in names(found) if each.startswith("/opt/jobs/")]) == spread.VARIANTS_MAX
    assert Unfollowed(reasons.TOO_MANY) in found.unfollowed
    made(root, {"/opt/all": f"{SCRIPT}/opt/jobs/1*\n"})
    monkeypatch.setattr(walking, "VARIANTS_MAX", 20)
    monkeypatch.setattr(spread, "VARIANTS_MAX", 20)
    assert Unfollowed(reasons.TOO_MANY, "/opt/all") in followed(root, "/opt/all").unfollowed


def test_no_more_directories_are_looked_at_than_one_command_may_ask_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "LISTED_MAX", 2)
    monkeypatch.setattr(command_walk, "SEARCHES_MAX", 1)
    assert followed(root, "/opt/*/none").unfollowed == ()
    assert followed(root, "/opt/*/none; /opt/p*/o*").unfollowed == (Unfollowed(reasons.TOO_MANY),)
    assert followed(root, "find /opt -name none -exec sh {} +").unfollowed == ()
    assert followed(root, "find /opt -name none -exec sh {} +;" * 2).unfollowed == (Unfollowed(NO_NAME),)
