from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules import cron, run_parts
from imds_probe.inventory.schedules.recurrence import DAY
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd import environment


def test_each_script_that_can_be_executed(tmp_path: Path) -> None:
    files = {
        "/etc/cron.daily/b": SCRIPT,
        "/etc/cron.daily/a": Path("/usr/bin/tool"),
        "/etc/cron.daily/text": "x",
        "/etc/cron.daily/.placeholder": SCRIPT,
        "/etc/cron.daily/dangling": Path("/nowhere"),
        "/etc/cron.monthly/x": SCRIPT,
        "/etc/periodic/15min/y": SCRIPT,
        "/usr/bin/tool": SCRIPT,
    }
    found = list(run_parts.look(SystemFiles(made(tmp_path, files))))
    assert [(each.command, each.how_often, each.every_s) for each in found] == [
        (("/etc/cron.daily/a",), "daily", DAY),
        (("/etc/cron.daily/b",), "daily", DAY),
        (("/etc/cron.monthly/x",), "monthly", 31 * DAY),
        (("/etc/periodic/15min/y",), "every 15 minutes", 900),
    ]
    assert {each.kind for each in found} == {"scheduled"}
    assert found[0].place == Place("/etc/cron.daily/a")


def test_debians_run_parts_leaves_names_with_dots_alone(tmp_path: Path) -> None:
    made(tmp_path, {"/etc/cron.daily/x.sh": SCRIPT})
    assert len(list(run_parts.look(SystemFiles(tmp_path)))) == 1
    made(tmp_path, {"/etc/debian_version": ""})
    assert list(run_parts.look(SystemFiles(tmp_path))) == []


OWN = "/opt/bin:/usr/bin"
CRONTAB = f"PATH={OWN}\n25 6 * * * root test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )\n"


@pytest.mark.parametrize(
    ("files", "paths"),
    [
        ({}, [environment.PATH]),
        ({"/etc/crontab": CRONTAB}, [OWN]),
        ({"/etc/cron.d/0hourly": CRONTAB}, [OWN]),
        ({"/var/spool/cron/crontabs/root": "1 2 * * * run-parts /etc/cron.daily/\n"}, [cron.PATH]),
        ({"/etc/anacrontab": f"PATH={OWN}\n1 5 cron.daily nice run-parts /etc/cron.daily\n"}, [OWN]),
        ({"/etc/crontab": CRONTAB, "/etc/anacrontab": "PATH=/bin\n1 5 d run-parts /etc/cron.daily\n"}, [OWN, "/bin"]),
        ({"/etc/crontab": f"PATH={OWN}\n1 * * * * root run-parts /etc/cron.hourly\n"}, [environment.PATH]),
        ({"/etc/crontab": f"PATH={OWN}\n1 * * * * root test -x /usr/lib/cron/run-crons\n"}, [OWN]),
        ({"/etc/crontab": f"{CRONTAB}1 1 * * * root run-parts /etc/cron.daily\n"}, [OWN]),
    ],
)
def test_scripts_have_the_path_of_the_line_that_runs_their_directory(
    tmp_path: Path, files: dict[str, str | Path], paths: list[str]
) -> None:
    found = run_parts.look(SystemFiles(made(tmp_path, {"/etc/cron.daily/x": SCRIPT, **files})))
    assert [each.environment["PATH"] for each in found] == paths


def test_scripts_have_the_user_and_the_home_of_that_line(tmp_path: Path) -> None:
    files = {
        "/etc/cron.weekly/x": SCRIPT,
        "/etc/crontab": "1 2 * * 1 ana run-parts /etc/cron.weekly\n",
        "/etc/passwd": "ana:x:7:7::/home/ana:/bin/sh\n",
    }
    (found,) = run_parts.look(SystemFiles(made(tmp_path, files)))
    assert (found.user, found.environment["HOME"]) == ("ana", "/home/ana")


def test_so_many_ways_are_followed(tmp_path: Path) -> None:
    lines = "".join(f"PATH=/p{n}\n1 2 * * * root run-parts /etc/cron.daily\n" for n in range(run_parts.WAYS_MAX + 3))
    found = run_parts.look(SystemFiles(made(tmp_path, {"/etc/cron.daily/x": SCRIPT, "/etc/crontab": lines})))
    assert len(list(found)) == run_parts.WAYS_MAX
