from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.schedules import not_read
from imds_probe.inventory.schedules.system_files import SystemFiles


@pytest.mark.parametrize(
    ("path", "content", "what"),
    [
        ("/home/ana/.pm2/dump.pm2", "[]", "programs of pm2"),
        ("/root/.pm2/dump.pm2", "[]", "programs of pm2"),
        ("/var/spool/fcron/x", "@ 1h x\n", "crontabs of fcron"),
        ("/etc/service/x", "x\n", "services of runit"),
    ],
)
def test_what_is_in_use_is_named(tmp_path: Path, path: str, content: str, what: str) -> None:
    files = SystemFiles(made(tmp_path, {path: content, "/etc/passwd": "ana:x:1:1::/home/ana:/bin/sh\n"}))
    assert list(not_read.look(files)) == []
    assert files.troubles == [f"{what} were not read, and {path} has some"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/root/.pm2/pm2.log", "[]"),
        ("/var/spool/fcron/.x", "@ 1h x\n"),
        # These are read.
        ("/etc/monit/conf.d/x", 'check program x with path "/x"\n'),
        ("/etc/udev/rules.d/9.rules", 'RUN+="/x"\n'),
        ("/etc/init/x.conf", "exec x\n"),
    ],
)
def test_what_is_not_in_use_is_not(tmp_path: Path, path: str, content: str) -> None:
    files = SystemFiles(made(tmp_path, {path: content}))
    assert (list(not_read.look(files)), files.troubles) == ([], [])
