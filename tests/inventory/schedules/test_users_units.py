from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import users_units
from imds_probe.inventory.schedules.system_files import SystemFiles

HOME = "/home/ana/.config/systemd/user"
SERVICE = "[Service]\nExecStart=-%h/x %i a\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"{HOME}/x.service": SERVICE}, []),
        (
            {f"{HOME}/x.service": SERVICE, f"{HOME}/default.target.wants/x.service": Path("../x.service")},
            [("/home/ana/x", "", "a")],
        ),
        (
            {f"{HOME}/x@.service": SERVICE, f"{HOME}/default.target.wants/x@1.service": Path("../x@.service")},
            [("/home/ana/x", "1", "a")],
        ),
        (
            {
                f"{HOME}/timers.target.wants/x.timer": Path("../x.timer"),
                f"{HOME}/x.timer": "[Timer]\nOnCalendar=daily\n",
                f"{HOME}/x.service": "[Unit]\nWants=y.service\n",
                f"{HOME}/y.service": SERVICE,
                f"{HOME}/z.service": SERVICE,
            },
            [("/home/ana/x", "", "a")],
        ),
        (
            {
                "/etc/systemd/user/x.service": SERVICE,
                "/etc/systemd/user/default.target.wants/x.service": Path("../x.service"),
            },
            [("/root/x", "", "a")],
        ),
    ],
)
def test_units_that_are_enabled(
    tmp_path: Path, files: dict[str, str | bytes | Path], expected: list[tuple[str, ...]]
) -> None:
    root = made(tmp_path, {"/etc/passwd": "ana:x:1:1::/home/ana:/bin/sh\n"} | files)
    assert [each.command for each in users_units.look(SystemFiles(root))] == expected
