from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import not_read
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("path", "content", "what"),
    [
        ("/etc/monit/conf.d/x", "check process x\n", "checks of monit"),
        ("/etc/supervisor/conf.d/x.conf", "[program:x]\n", "programs of supervisor"),
        ("/home/ana/.pm2/dump.pm2", "[]", "programs of pm2"),
        ("/etc/udev/rules.d/9.rules", 'ACTION=="add", RUN+="/x"\n', "programs that udev runs"),
        ("/etc/logrotate.d/x", "/var/log/x {\n  postrotate\n  x\n  endscript\n}\n", "scripts of logrotate"),
        ("/home/ana/.config/systemd/user/x.service", "[Service]\n", "users' own units of systemd"),
        ("/etc/init/x.conf", "exec x\n", "jobs of upstart"),
        ("/etc/monitrc", "check process x\n", "checks of monit"),
        ("/etc/supervisord.conf", "[program:x]\n", "programs of supervisor"),
        ("/root/.pm2/dump.pm2", "[]", "programs of pm2"),
        ("/etc/udev/rules.d/9.rules", 'PROGRAM=="/x", SYMLINK+="y"\n', "programs that udev runs"),
        ("/etc/logrotate.d/x", "/var/log/x {\n  lastaction\n  x\n  endscript\n}\n", "scripts of logrotate"),
        ("/var/spool/fcron/x", "@ 1h x\n", "crontabs of fcron"),
    ],
)
def test_what_is_in_use_is_named(tmp_path: Path, path: str, content: str, what: str) -> None:
    files = SystemFiles(made(tmp_path, {path: content, "/etc/passwd": "ana:x:1:1::/home/ana:/bin/sh\n"}))
    assert list(not_read.look(files)) == []
    assert files.troubles == [f"{what} were not read, and {path} has some"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/udev/rules.d/9.rules", 'KERNEL=="sda", NAME="x"\n'),
        ("/etc/udev/rules.d/README", "RUN"),
        ("/etc/logrotate.d/x", "/var/log/x { weekly }\n"),
        ("/etc/init.d/x", "x"),
        ("/etc/monit/README", "check process x\n"),
        ("/etc/supervisor/supervisord.log", "[program:x]\n"),
        ("/root/.pm2/pm2.log", "[]"),
        ("/etc/systemd/user/x.target", "[Unit]\n"),
    ],
)
def test_what_is_not_in_use_is_not(tmp_path: Path, path: str, content: str) -> None:
    files = SystemFiles(made(tmp_path, {path: content}))
    assert (list(not_read.look(files)), files.troubles) == ([], [])
