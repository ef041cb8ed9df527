from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules import users_units
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

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
                "/usr/lib/systemd/user/x.service": SERVICE,
                "/etc/systemd/user/default.target.wants/x.service": Path("/usr/lib/systemd/user/x.service"),
            },
            [("/root/x", "", "a")],
        ),
        (
            {
                "/home/ana/.local/share/systemd/user/x.service": SERVICE,
                f"{HOME}/default.target.wants/x.service": Path("../../../../.local/share/systemd/user/x.service"),
                "/usr/lib/systemd/user/y.service": SERVICE,
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


def test_whose_they_are_and_what_is_too_much_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_units, "UNITS_MAX", 1)
    wants = f"{HOME}/default.target.wants"
    root = made(
        tmp_path,
        {
            "/etc/passwd": "ana:x:7:1::/home/ana:/bin/sh\nroot:x:0:0::/root:/bin/sh\nalso:x:8:1::/home/ana:/bin/sh\n",
            **{f"{HOME}/{name}.service": SERVICE for name in "xy"},
            **{f"{wants}/{name}.service": Path(f"../{name}.service") for name in "xy"},
            "/root/.config/systemd/user/default.target.wants/x.service": SERVICE,
            "/etc/systemd/user/x.service": SERVICE,
        },
    )
    files = SystemFiles(root)
    assert [(each.directory, each.owner_uid) for each in users_units.look(files)] == [("/root", None), ("/home/ana", 7)]
    assert files.take_left_out() == (LeftOut(HOME, unread.MORE, 7),)


def test_of_many_accounts_each_is_looked_at(tmp_path: Path) -> None:
    accounts = "".join(f"u{number}:x:{number}:1::/home/u{number}:/bin/sh\n" for number in range(1, 300))
    home = "/home/u299/.config/systemd/user"
    unit = {f"{home}/x.service": SERVICE, f"{home}/default.target.wants/x.service": Path("../x.service")}
    (found,) = users_units.look(SystemFiles(made(tmp_path, {"/etc/passwd": accounts, **unit})))
    assert found.owner_uid == 299
