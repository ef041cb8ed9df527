from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import runit
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles
from imds_probe.inventory.schedules.systemd.environment import PATH


def test_each_service_is_started_at_boot_in_its_directory(tmp_path: Path) -> None:
    """A service is mostly a link to a directory elsewhere, and so is the directory of them all."""
    files = {
        "/etc/sv/web/run": SCRIPT,
        "/etc/sv/web/log/run": SCRIPT,
        "/etc/sv/web/finish": "no program\n",
        "/etc/service/web": Path("/etc/sv/web"),
        "/etc/service/own/run": SCRIPT,
        "/etc/service/stopped/run": SCRIPT,
        "/etc/service/stopped/down": "",
        "/etc/service/.hidden/run": SCRIPT,
        "/var/service": Path("/etc/service"),
    }
    around = {"PATH": PATH}
    assert list(runit.look(SystemFiles(made(tmp_path, files)))) == [
        Scheduled((path,), Place(path), "boot", AT_BOOT, environment=around, directory=path.rpartition("/")[0])
        for path in ("/etc/service/own/run", "/etc/service/web/run", "/etc/service/web/log/run")
    ]


def test_more_services_than_anybody_looks_at_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runit, "SERVICES_MAX", 1)
    files = SystemFiles(made(tmp_path, {"/etc/service/a/run": SCRIPT, "/etc/service/b/run": SCRIPT}))
    assert [each.command for each in runit.look(files)] == [("/etc/service/a/run",)]
    assert files.take_left_out() == (LeftOut("/etc/service", unread.MORE),)
