from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules import users_logins
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = """root:x:0:0::/root:/bin/bash
ana:x:1000:1000::/home/ana:/bin/zsh
again:x:1001:1001::/home/ana:/bin/sh
daemon:x:2:2::/srv/daemon:/usr/sbin/nologin
"""


def test_what_shells_read_in_homes(tmp_path: Path) -> None:
    files = {
        "/etc/passwd": PASSWD,
        "/root/.bashrc": "",
        "/home/ana/.zshrc": "",
        "/home/ana/.ssh/rc": "",
        "/srv/daemon/.profile": "",
    }
    found = list(users_logins.look(SystemFiles(made(tmp_path, files))))
    assert [(each.command, each.user, each.directory, each.owner_uid) for each in found] == [
        (("/bin/zsh", "/home/ana/.zshrc"), "ana", "/home/ana", 1000),
        (("/bin/sh", "/home/ana/.ssh/rc"), "ana", "/home/ana", 1000),
    ]
    assert {(each.kind, each.how_often) for each in found} == {("login", "at each login")}
