from __future__ import annotations

from pathlib import Path

from small_roots import SCRIPT, made

from imds_probe.inventory.schedules import run_parts
from imds_probe.inventory.schedules.recurrence import DAY
from imds_probe.inventory.schedules.scheduled import Place
from imds_probe.inventory.schedules.system_files import SystemFiles


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
