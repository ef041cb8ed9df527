from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules import anacron
from imds_probe.inventory.schedules.accounts import Account
from imds_probe.inventory.schedules.recurrence import DAY
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles

TABLE = """# c
SHELL=/bin/bash
1\t5\tcron.daily\tnice run-parts /etc/cron.daily
10 5 odd   x y
@monthly 45 cron.monthly z
0 1 never x
x
"""


def test_the_jobs_of_a_table(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/etc/anacrontab": TABLE}))
    found = list(anacron.look(files))
    assert [(each.command, each.how_often, each.every_s, each.place) for each in found] == [
        ("nice run-parts /etc/cron.daily", "daily", DAY, Place("/etc/anacrontab", 3)),
        ("x y", "every 10 days", 10 * DAY, Place("/etc/anacrontab", 4)),
        ("z", "monthly", 31 * DAY, Place("/etc/anacrontab", 5)),
    ]
    assert found[0].environment["SHELL"] == "/bin/bash"
    assert files.troubles == [f"line {number} of /etc/anacrontab is not a line of an anacrontab" for number in (6, 7)]


def test_the_jobs_of_a_users_own_table(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/home/ana/table": "SHELL=/opt/wrap\n1 5 a x\n"}))
    found = list(anacron.jobs("/home/ana/table", files, Account("ana", "7", "/home/ana", "/bin/sh")))
    assert [each.command for each in found] == [("/opt/wrap", "-c", "x"), "x"]
    assert {(each.user, each.environment["HOME"], each.place.path) for each in found} == {
        ("ana", "/home/ana", "/home/ana/table")
    }
