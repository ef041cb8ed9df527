from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import cron_names
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("name", "on_debian", "elsewhere"),
    [
        ("backup", True, True),
        ("0_x-Y9", True, True),
        ("backup.sh", False, True),
        ("backup~", False, False),
        ("backup.rpmnew", False, False),
        (".placeholder", False, False),
        ("#x#", False, False),
        ("ü", False, True),
    ],
)
def test_which_names_are_heeded(tmp_path: Path, name: str, on_debian: bool, elsewhere: bool) -> None:
    assert cron_names.heeded(SystemFiles(tmp_path))(name) is elsewhere
    made(tmp_path, {"/etc/debian_version": "12\n"})
    assert cron_names.heeded(SystemFiles(tmp_path))(name) is on_debian
