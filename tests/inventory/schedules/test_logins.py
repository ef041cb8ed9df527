from __future__ import annotations

from pathlib import Path

from small_roots import SCRIPT, made

from imds_probe.inventory.schedules import logins
from imds_probe.inventory.schedules.system_files import SystemFiles

PASSWD = """root:x:0:0::/root:/bin/bash
ana:x:1000:1000::/home/ana:/bin/zsh
again:x:1001:1001::/home/ana:/bin/sh
daemon:x:2:2::/srv/daemon:/usr/sbin/nologin
"""


def test_what_shells_read(tmp_path: Path) -> None:
    files = {
        "/etc/passwd": PASSWD,
        "/etc/profile": "",
        "/etc/profile.d/a.sh": "",
        "/etc/profile.d/a.csh": "",
        "/etc/profile.d/README": "",
        "/etc/zsh/zshrc": "",
        "/etc/fish/config.fish": "",
        "/root/.bashrc": "",
        "/root/.config/fish/config.fish": "",
        "/home/ana/.zshrc": "",
    }
    found = list(logins.look(SystemFiles(made(tmp_path, files))))
    assert [(each.command, each.user, each.directory) for each in found] == [
        (("/bin/sh", "/etc/profile"), "root", "/root"),
        (("/bin/zsh", "/etc/zsh/zshrc"), "root", "/root"),
        (("/usr/bin/fish", "/etc/fish/config.fish"), "root", "/root"),
        (("/bin/csh", "/etc/profile.d/a.csh"), "root", "/root"),
        (("/bin/sh", "/etc/profile.d/a.sh"), "root", "/root"),
        (("/bin/bash", "/root/.bashrc"), "root", "/root"),
        (("/usr/bin/fish", "/root/.config/fish/config.fish"), "root", "/root"),
    ]
    assert {(each.kind, each.how_often) for each in found} == {("login", "at each login")}


def test_what_makes_the_message_of_the_day(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/update-motd.d/50-x": SCRIPT, "/etc/update-motd.d/60-off": "#\n"})
    assert [each.command for each in logins.look(SystemFiles(tmp_path))] == [("/etc/update-motd.d/50-x",)]
