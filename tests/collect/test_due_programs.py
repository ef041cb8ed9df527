"""What a program comes to that a schedule starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_systems import CURL, PYTHON, CodeSystem
from small_roots import made

from imds_probe.inventory.code import unread


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    made(found.root, {PYTHON: "", "/bin/sh": b"\x7fELF"}, executable=(PYTHON, "/bin/sh"))
    return found


def test_a_state_among_some_hundred_is_read(system: CodeSystem) -> None:
    """Each of the states that a minion has may be applied to it."""
    at = "/srv/salt/base"
    made(system.root, {f"{at}/s{number:03}/init.sls": "pkg: installed\n" for number in range(150)})
    made(system.root, {"/etc/cron.d/x": "@daily root salt-call --local state.apply\n"})
    assert system.code().read.not_read == ()
    made(system.root, {f"{at}/s149/init.sls": f"x:\n  cmd.run:\n  - name: {CURL}"})
    (left,) = system.code().read.not_read
    assert (left.why, left.started_by) == (unread.BY_NAME, ("/etc/cron.d/x, daily",))
