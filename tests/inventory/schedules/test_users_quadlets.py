from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import users_quadlets
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = "ana:x:1001:1::/home/ana:/bin/bash\nbob:x:1002:1::/home/bob:/usr/sbin/nologin\n"
WEB = "[Container]\nImage=x:1\nExec=/a\n[Install]\nWantedBy=default.target\n"
HOME, ETC, UNITS = (
    "/home/ana/.config/containers/systemd",
    "/etc/containers/systemd/users",
    "/home/ana/.config/systemd/user",
)


def started(at: Path, files: dict[str, str | bytes | Path]) -> list[tuple[str | None, str, int | None]]:
    system = SystemFiles(made(at, {"/etc/passwd": PASSWD} | files))
    found = list(users_quadlets.look(system))
    assert all((each.kind, each.own_network) == ("scheduled", False) for each in found)
    assert {each.how_often for each in found} <= {"when a user's systemd starts it"}
    return [(each.image, each.user, each.owner_uid) for each in found]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"{HOME}/a.container": WEB}, [("x:1", "ana", 1001)]),
        ({f"{HOME}/a.container": "[Container]\nImage=x:1\n"}, []),
        ({"/home/bob/.config/containers/systemd/a.container": WEB}, [("x:1", "bob", 1002)]),
        ({"/root/.config/containers/systemd/a.container": WEB}, [("x:1", "root", None)]),
        ({f"{ETC}/1002/a.container": WEB}, [("x:1", "bob", 1002)]),
        ({f"{ETC}/a.container": WEB}, [("x:1", "root", None), ("x:1", "ana", 1001)]),
        (
            {f"{ETC}/a.container": WEB, "/var/lib/systemd/linger/bob": ""},
            [("x:1", "root", None), ("x:1", "ana", 1001), ("x:1", "bob", 1002)],
        ),
        (
            {
                f"{HOME}/a.kube": "[Kube]\nYaml=/srv/a.yml\n[Install]\nWantedBy=a\n",
                "/srv/a.yml": "spec: {containers: [{image: y}]}",
            },
            [("y", "ana", 1001)],
        ),
        (
            {
                f"{HOME}/job.container": "[Container]\nImage=x:1\n",
                f"{UNITS}/job.timer": "[Timer]\nOnCalendar=daily\n",
                f"{UNITS}/timers.target.wants/job.timer": Path("../job.timer"),
            },
            [("x:1", "ana", 1001)],
        ),
    ],
)
def test_which_are_started_and_for_whom(
    tmp_path: Path, files: dict[str, str | bytes | Path], expected: list[object]
) -> None:
    assert sorted(started(tmp_path, files), key=str) == sorted(expected, key=str)
