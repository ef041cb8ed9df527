"""One system whose schedules are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from code_systems import PYTHON, CodeSystem
from small_roots import made

from imds_probe.inventory.code import unread

STATUS = (
    "Package: s3cmd\nStatus: install ok installed\nPriority: optional\nSection: utils\nMaintainer: A <a@x>\n"
    "Architecture: all\nVersion: 2.1.0-2\nDescription: x\n\n"
)
NAMELESS = "#!/bin/sh\nD=$(cat /etc/app/home)\n$D/y.sh\n"
OWNED = {"/var/lib/dpkg/status": STATUS, "/var/lib/dpkg/info/s3cmd.list": "/.\n/etc/cron.daily/s3\n/opt/s3/x\n"}


@pytest.fixture
def system(tmp_path: Path) -> CodeSystem:
    found = CodeSystem(tmp_path)
    made(found.root, {PYTHON: "", "/bin/sh": b"\x7fELF"}, executable=(PYTHON, "/bin/sh"))
    return found


@pytest.mark.parametrize(
    ("script", "not_read"),
    [
        ("/opt/x", True),
        ("/usr/local/bin/x", True),
        ("/etc/cron.daily/x", True),
        ("/opt/s3/x", True),  # where no distribution puts anything
        ("/etc/cron.daily/s3", False),
        ("/usr/lib/s3/x", False),
    ],
)
def test_a_script_that_starts_what_only_running_tells_was_not_read_but_for_a_distributions_own(
    system: CodeSystem, script: str, not_read: bool
) -> None:
    files = {script: NAMELESS, "/etc/cron.d/x": f"@daily root {script}\n", **OWNED}
    made(system.root, files, executable=(script,))
    expected = [(script, unread.BY_NAME)] if not_read else []
    assert [(each.program, each.why) for each in system.code().read.not_read] == expected
