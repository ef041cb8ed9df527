"""What is said to be started, by boots and schedules, beside what Debian's systemd, cron and cloud-init really start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import package_roots
import pytest
from booted import Booted
from report_schema import check

from imds_probe.simulator.instance import LoggedRequest
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

LISTEN = (("169.254.169.254", 80),)
JOB = """#!/usr/bin/python3
import urllib.request
try:
    urllib.request.urlopen("http://169.254.169.254/latest/meta-data/{name}", timeout=20).read()
except OSError:
    pass
"""
SERVICE = "[Service]\nType=oneshot\nExecStart=/opt/jobs/{name}\n[Install]\nWantedBy=multi-user.target\n"
UNITS = "etc/systemd/system"
# Each job, by what starts it: a file, its content, and whether it can be executed.
STARTED = {
    "unit": (f"{UNITS}/unit.service", SERVICE),
    "drop-in": (f"{UNITS}/unit.service.d/more.conf", "[Service]\nExecStartPost=/opt/jobs/{name}\n"),
    "soon": (f"{UNITS}/soon.timer", "[Timer]\nOnBootSec=1s\n[Install]\nWantedBy=timers.target\n"),
    "calendar": (f"{UNITS}/calendar.timer", "[Timer]\nOnCalendar=*:*:0/20\n[Install]\nWantedBy=timers.target\n"),
    "cron-d": ("etc/cron.d/job", "* * * * * root /opt/jobs/{name}\n"),
    "reboot": ("etc/cron.d/reboot", "@reboot root /opt/jobs/{name}\n"),
    "users": ("var/spool/cron/crontabs/root", "* * * * * /opt/jobs/{name}\n"),
    "daily": ("etc/cron.daily/job", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "weekly": ("etc/cron.weekly/job", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "monthly": ("etc/cron.monthly/job", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "rc-local": ("etc/rc.local", "#!/bin/sh\n/opt/jobs/{name}\n"),
    "per-boot": ("var/lib/cloud/scripts/per-boot/job", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "bootcmd": ("etc/cloud/cloud.cfg.d/99-job.cfg", "bootcmd:\n- [/opt/jobs/{name}]\n"),
}
# What nothing starts, though it lies in such places.
NOT_STARTED = {
    "disabled": (f"{UNITS}/disabled.service", SERVICE),
    "backup-file": ("etc/cron.d/job.bak", "* * * * * root /opt/jobs/{name}\n"),
    "dotted": ("etc/cron.hourly/job.sh", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "not-executable": ("etc/cron.hourly/plain", "#!/bin/sh\nexec /opt/jobs/{name}\n"),
    "nothing": ("opt/notes", "/opt/jobs/{name}\n"),
}
NOT_TO_BE_EXECUTED = (*("etc/cron.d/", "etc/systemd", "etc/cloud", "var/spool", "opt/notes"), "etc/cron.hourly/plain")


def prepared(root: Path, deb: Path) -> None:
    """The package and the jobs, as an administrator would put them there."""
    shutil.copyfile(deb, root / "this.deb")
    package_roots.must(["dpkg", "--install", "/this.deb"], root=root)
    for name, (path, content) in (STARTED | NOT_STARTED).items():
        for place, text in ((f"opt/jobs/{name}", JOB), (path, content)):
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_text(text.replace("{name}", name))
            (root / place).chmod(0o644 if place.startswith(NOT_TO_BE_EXECUTED) else 0o755)
    (root / "var/spool/cron/crontabs/root").chmod(0o600)
    for name in ("soon", "calendar"):
        (root / f"{UNITS}/{name}.service").write_text(f"[Service]\nType=oneshot\nExecStart=/opt/jobs/{name}\n")
    # A day, a week and a month in fast motion: what these lines start, they start each minute.
    crontab = (root / "etc/crontab").read_text().splitlines()
    quick = [f"* * * * * {line.split(maxsplit=5)[5]}" if "run-parts" in line else line for line in crontab]
    (root / "etc/crontab").write_text("\n".join(quick) + "\n")
    (root / "etc/cloud/cloud.cfg.d/90-none.cfg").write_text(
        "datasource_list: [None]\nnetwork: {config: disabled}\nssh_genkeytypes: []\n"
    )
    package_roots.must(["systemctl", "disable", "imds-probe.timer"], root=root)
    package_roots.must(
        ["systemctl", "enable", "unit.service", "soon.timer", "calendar.timer", "imds-probe-daemon"], root=root
    )


@pytest.mark.soak
def test_what_is_predicted_runs_and_nothing_else_calls(tmp_path, packages):
    root = package_roots.debian("trixie-scheduled", tmp_path / "root")
    prepared(root, packages.deb())
    asked: list[str] = []

    def note(request: LoggedRequest) -> None:
        asked.append(request.path.rpartition("/")[2])

    with (
        Lab("boot") as lab,
        Simulator(InstanceState(), LISTEN, str(lab.service.netns), on_request=note),
        Booted(root, lab, tmp_path, reached="multi-user.target") as machine,
    ):
        machine.until(lambda: set(STARTED) <= set(asked), lambda: f"not started: {set(STARTED) - set(asked)}")
        ran, calls = set(asked), len(asked)
        machine.must("systemctl", "stop", "imds-probe-daemon")  # which writes down what it has seen last
        report = check(json.loads(machine.run("imds-probe", "run", "--output", "json").stdout))
        machine.power_off()
    assert ran == set(STARTED)
    code = [each for each in report["code"] if each["path"].startswith("/opt/jobs/")]
    assert {each["speaks"] for each in code} == {"v1"}
    predicted = {Path(each["path"]).name for each in code if each["runs"] in ("boot", "scheduled", "running")}
    assert predicted == ran
    assert {Path(each["path"]).name for each in code} - predicted == set(NOT_STARTED)
    # The watch saw each of these calls, from the first one on.
    (boot,) = report["callers"]["boots"]
    assert boot["from_start"]
    assert report["callers"]["imdsv1"] >= calls, report["callers"]
