"""The packages on booted systems: systemd starts what was installed, under the units as they are shipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import package_roots
import pytest
from booted import Booted
from package_roots import INSTANCE, PYTHON
from report_schema import check

from imds_probe import exitcodes

SERVICE, DAEMON, TIMER = "imds-probe.service", "imds-probe-daemon.service", "imds-probe.timer"
REPORT = "var/lib/imds-probe/reports/report.json"
SETTINGS = "etc/imds-probe/imds-probe.d/test.toml"
QUIET = '[daemon]\ninterval = "1h"\njitter = "9d"\n'
SINKS = """
report = ["file", "emf", "ssm-inventory", "textfile"]
[emf]
destination = "/var/log/imds-probe/metrics.log"
"""
# At once, where the package's own waits for the host to be up.
SOON = "[Timer]\nOnBootSec=\nOnBootSec=1s\nOnUnitActiveSec=1h\nRandomizedDelaySec=0\n"
SSM, TEXTFILE = f"var/lib/amazon/ssm/{INSTANCE}", "var/lib/prometheus/node-exporter"
OLD_SOFTWARE = """
Package: cloud-init
Status: install ok installed
Maintainer: nobody <nobody@example.invalid>
Architecture: all
Version: 18.3-6
Description: too old
"""


def prepared(suite: str, place: Path, packages) -> Path:
    """A root that is about to be booted, the packages in it, not installed yet."""
    root = package_roots.debian(f"{suite}-systemd", place)
    shutil.copyfile(packages.deb(), root / "this.deb")
    shutil.copyfile(packages.deb("next"), root / "next.deb")
    for path, text in ((SETTINGS, SINKS + QUIET), (f"etc/systemd/system/{TIMER}.d/soon.conf", SOON)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for directory in (SSM, TEXTFILE):
        (root / directory).mkdir(parents=True)
    return root


def apt(machine: Booted, *arguments: str) -> None:
    machine.must("apt-get", "--quiet", "--yes", *arguments)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, packages, lab) -> Iterator[Booted]:
    place = tmp_path_factory.mktemp("booted")
    with Booted(prepared("trixie", place / "root", packages), lab, place) as booted:
        apt(booted, "install", "./this.deb")
        yield booted


@pytest.fixture
def daemon(machine) -> Iterator[str]:
    """The daemon, not started; stopped and without its history afterwards."""
    yield DAEMON
    machine.must("systemctl", "disable", "--now", DAEMON)
    machine.run("systemctl", "reset-failed", DAEMON)
    machine.write(SETTINGS, SINKS + QUIET)
    for file in (machine.root / "var/lib/imds-probe").glob("callers.sqlite3*"):
        file.unlink()


def assessed(machine: Booted) -> dict:
    """The report that the timer had made."""
    report = machine.root / REPORT
    machine.until(report.exists, lambda: machine.journal(SERVICE))
    machine.until(lambda: machine.show(SERVICE, "ActiveState") == "inactive", "the assessment did not end")
    return check(json.loads(report.read_text()))


def test_the_timer_starts_an_assessment_that_leaves_its_report(machine):
    report = assessed(machine)
    assert report["imds"]["endpoint"] == "enabled"
    assert report["imds"]["hop_limit_method"] == "capture"
    assert report["probe"]["privileged"]
    assert report["platform"]["instance_id"] == INSTANCE
    # Process 1 of this machine is not that of the machine that runs the tests. Nothing else is in doubt.
    assert {each["id"] for each in report["findings"] if each["implies"]} == {"containers-not-seen"}
    assert not [each for each in report["collectors"] if "reader process" in each["reason"]]
    assert machine.show(TIMER, "ActiveState") == "active"
    assert machine.show(SERVICE, "ExecMainStatus") == str(exitcodes.UNKNOWN)
    said = machine.journal(SERVICE)
    assert f"UNKNOWN  {INSTANCE}" in said
    assert "\x1b" not in said
    assert "cannot be written" not in said
    # Each sink has written where the unit lets it.
    assert json.loads((machine.root / SSM / "inventory/custom/ImdsReadiness.json").read_text())["Content"]
    assert len(list((machine.root / TEXTFILE).glob("*.prom"))) == 1
    (metrics, *_) = (machine.root / "var/log/imds-probe/metrics.log").read_text().splitlines()
    assert json.loads(metrics)["_aws"]


def test_the_timer_does_not_run_beside_the_daemon(machine, daemon):
    assessed(machine)
    machine.must("systemctl", "enable", "--now", daemon)
    machine.until(lambda: machine.show(TIMER, "ActiveState") == "inactive", "the daemon did not stop the timer")
    machine.must("systemctl", "start", TIMER)
    assert (machine.show(TIMER, "ActiveState"), machine.show(TIMER, "ConditionResult")) == ("inactive", "no")
    assert machine.show(daemon, "ActiveState") == "active"
    told = json.loads(machine.run("imds-probe", "doctor", "-o", "json").stdout)["checks"]
    said = [each["found"] for each in told if each["id"] == "units"]
    assert f"{daemon}: installed, enabled, active" in said
    assert [each for each in said if "are both" in each] == []


def test_a_host_that_is_not_ready_is_no_failed_unit(machine):
    assessed(machine)
    packages = machine.root / "var/lib/dpkg/status"
    before = packages.read_text()
    packages.write_text(before + OLD_SOFTWARE)
    try:
        machine.must("systemctl", "start", SERVICE)
    finally:
        packages.write_text(before)
    assert f"NOT READY  {INSTANCE}" in machine.journal(SERVICE)
    assert machine.show(SERVICE, "ExecMainStatus") == str(exitcodes.NOT_READY)
    assert machine.show(SERVICE, "Result") == "success"
    assert machine.run("systemctl", "is-failed", SERVICE).stdout == "inactive\n"


def test_a_wrong_configuration_is_a_failed_unit(machine):
    assessed(machine)
    machine.write(SETTINGS, "report = 1\n")
    done = machine.run("systemctl", "start", SERVICE)
    machine.write(SETTINGS, SINKS + QUIET)
    assert done.returncode != 0
    assert machine.show(SERVICE, "Result") == "exit-code"
    assert "test.toml" in machine.journal(SERVICE)
    machine.must("systemctl", "start", SERVICE)
    assert machine.show(SERVICE, "Result") == "success"


def test_a_host_on_which_it_is_switched_off_is_left_alone(machine):
    assessed(machine)
    before = (machine.root / REPORT).stat().st_ino
    machine.write("etc/imds-probe/disabled", "")
    try:
        machine.must("systemctl", "start", SERVICE)
        assert machine.show(SERVICE, "ConditionResult") == "no"
        assert machine.show(SERVICE, "Result") == "success"
        by_hand = machine.run("imds-probe", "run")
        assert (by_hand.returncode, by_hand.stdout) == (exitcodes.SWITCHED_OFF, "")
    finally:
        (machine.root / "etc/imds-probe/disabled").unlink()
    assert (machine.root / REPORT).stat().st_ino == before
    machine.must("systemctl", "start", SERVICE)
    assert (machine.root / REPORT).stat().st_ino != before


def test_the_daemon_is_active_once_it_watches(machine, daemon):
    assert machine.run("systemctl", "is-enabled", daemon).stdout == "disabled\n"
    machine.must("systemctl", "enable", "--now", daemon)
    assert machine.show(daemon, "ActiveState") == "active"
    assert machine.show(daemon, "StatusText") == "watching"
    lines = machine.journal(daemon).splitlines()
    # Of this start and of those before, in other tests.
    watching = [number for number, line in enumerate(lines) if "watching; the history is" in line]
    started = [number for number, line in enumerate(lines) if "systemd[1]: Started" in line]
    assert all(before < after for before, after in zip(watching, started, strict=True))
    # Callers are named by the tracepoint on hosts only, where process ids are the kernel's own. Here it says so.
    assert "short-lived callers may stay unknown" in machine.journal(daemon)


def test_the_daemon_rests_while_it_is_switched_off(machine, daemon):
    machine.must("systemctl", "start", daemon)
    machine.write("etc/imds-probe/disabled", "")
    try:
        machine.must("systemctl", "reload", daemon)
        machine.until(lambda: "switched off" in machine.show(daemon, "StatusText"), lambda: machine.journal(daemon))
        assert machine.show(daemon, "ActiveState") == "active"
    finally:
        (machine.root / "etc/imds-probe/disabled").unlink()
    machine.until(lambda: machine.show(daemon, "StatusText") == "watching", lambda: machine.journal(daemon))


def test_a_daemon_that_cannot_start_is_never_active_and_not_tried_again(machine, daemon):
    machine.write(SETTINGS, "report = 1\n")
    assert machine.run("systemctl", "start", daemon).returncode != 0
    assert machine.show(daemon, "ActiveState") == "failed"
    assert machine.show(daemon, "NRestarts") == "0"


def callers(machine: Booted) -> list[dict]:
    """Who has called by IMDSv1, as the next assessment sees them."""
    report = json.loads(machine.run("imds-probe", "run", "--report", "", "--output", "json").stdout)
    return [each for each in report["callers"]["by"] if each["version"] == "v1" and not each["probe"]]


def test_a_daemon_that_hangs_is_started_again_and_has_its_history(machine, daemon):
    # Far longer than a busy machine may have it stand still, as it would be started again for that, too.
    machine.drop_in(daemon, "watchdog", "[Service]\nWatchdogSec=15s\nRestartSec=100ms\n")
    machine.must("systemctl", "start", daemon)
    url = "http://169.254.169.254/latest/meta-data/ami-id"
    machine.must(PYTHON, "-I", "-c", f"import urllib.request; urllib.request.urlopen({url!r}).read()")
    machine.until(lambda: "called by IMDSv1" in machine.journal(daemon), lambda: machine.journal(daemon))
    machine.until(lambda: bool(callers(machine)), "the call did not come to the history")
    hung = machine.show(daemon, "MainPID")
    machine.must("sh", "-c", f"kill -STOP {hung}")
    machine.until(
        lambda: (machine.show(daemon, "NRestarts"), machine.show(daemon, "ActiveState")) == ("1", "active"),
        lambda: machine.journal(daemon),
    )
    assert "Watchdog timeout" in machine.journal(daemon)
    assert machine.show(daemon, "MainPID") != hung
    (caller,) = callers(machine)
    assert (caller["count"], caller["path"]) == (1, "/latest/meta-data/ami-id")
    machine.without_drop_in(daemon, "watchdog")


def test_the_daemon_reads_its_configuration_again(machine, daemon):
    machine.must("systemctl", "start", daemon)
    before = machine.show(daemon, "MainPID")
    machine.write(SETTINGS, "report = 1\n")
    machine.must("systemctl", "reload", daemon)
    machine.until(lambda: "the old configuration stays in force" in machine.journal(daemon), "it did not say so")
    machine.write(SETTINGS, SINKS + QUIET)
    machine.must("systemctl", "reload", daemon)
    machine.until(lambda: "the configuration was read again" in machine.journal(daemon), "it did not say so")
    machine.until(lambda: machine.show(daemon, "StatusText") == "watching", "it is not ready again")
    assert machine.show(daemon, "MainPID") == before
    assert machine.show(daemon, "ActiveState") == "active"


def test_the_daemon_stops_in_time_with_an_assessment_under_way(machine, daemon):
    machine.write(SETTINGS, '[daemon]\njitter = "0.1s"\n')
    machine.must("systemctl", "start", daemon)
    pid = machine.show(daemon, "MainPID")
    children = f"/proc/{pid}/task/{pid}/children"
    machine.until(lambda: bool(machine.must("cat", children).strip()), lambda: machine.journal(daemon))
    machine.must("systemctl", "stop", daemon)
    # Later than TimeoutStopSec= it would be "timeout".
    assert (machine.show(daemon, "ActiveState"), machine.show(daemon, "Result")) == ("inactive", "success")
    assert "stopped" in machine.journal(daemon)


@pytest.fixture(scope="module")
def neighbour(machine) -> str:
    """A process with a network namespace and a file of its own, as a container's are."""
    machine.write("etc/neighbour", "ID=neighbour\n")
    machine.write(
        "etc/systemd/system/neighbour.service",
        "[Service]\nType=exec\nPrivateNetwork=yes\nBindReadOnlyPaths=/etc/neighbour:/usr/lib/os-release\n"
        "ExecStart=/bin/sleep infinity\n",
    )
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", "neighbour.service")
    return machine.show("neighbour.service", "MainPID")


def inside(machine: Booted, unit: str, neighbour: str) -> dict:
    """What inside_unit.py finds under the settings of a unit."""
    source = Path(__file__).parents[1] / "inside_unit.py"
    machine.write("usr/local/lib/inside_unit.py", source.read_text())
    answers = machine.root / "var/lib/imds-probe/inside.json"
    answers.unlink(missing_ok=True)
    program = f"{PYTHON} -IB /usr/local/lib/inside_unit.py /var/lib/imds-probe/inside.json {neighbour}"
    machine.drop_in(unit, "inside", f"[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart={program}\n")
    try:
        assert machine.run("systemctl", "start", unit).returncode == 0, machine.journal(unit)
    finally:
        machine.without_drop_in(unit, "inside")
    return json.loads(answers.read_text())


@pytest.fixture(scope="module")
def unconfined(machine, neighbour) -> dict:
    """What the same process can do under a unit without any settings: the machine itself refuses none of it."""
    assessed(machine)
    machine.write("etc/systemd/system/unconfined.service", "[Service]\nExecStart=/bin/true\n")
    return inside(machine, "unconfined.service", neighbour)


@pytest.mark.parametrize("unit", [SERVICE, DAEMON])
def test_the_units_confine_the_probe_and_leave_it_what_it_needs(machine, neighbour, unconfined, unit):
    found = inside(machine, unit, neighbour)
    places = found["writes"]
    assert unconfined["writes"] == dict.fromkeys(places, "done")
    assert found["writes"] == dict.fromkeys(places, "EROFS")
    assert found["own writes"] == dict.fromkeys(found["own writes"], "done")

    assert not {"EPERM", "EACCES", "EAFNOSUPPORT"} & set(unconfined["calls"].values())
    # By a filter of system calls, and by the kernel itself since Linux 6.3.
    assert found["calls"].pop("writable code") in ("EPERM", "EACCES")
    assert found["calls"] == dict.fromkeys(found["calls"], "EPERM") | {"vsock": "EAFNOSUPPORT"}

    # NET_ADMIN, NET_RAW, SYS_PTRACE, SYS_ADMIN and DAC_READ_SEARCH, by their numbers in <linux/capability.h>.
    held = f"{sum(1 << number for number in (2, 12, 13, 19, 21)):016x}"
    assert found["capabilities"] == {"CapPrm": held, "CapEff": held, "CapBnd": held, "CapAmb": "0" * 16}
    assert found["no new privileges"] == "1"
    # DAC_READ_SEARCH and SYS_PTRACE are the opener's.
    opener = f"{1 << 2 | 1 << 19:016x}"
    readers = {"read": ["neighbour"], "parser": ["0" * 16, "1", 1], "opener": [opener, "1", 1]}
    assert found["readers"] == unconfined["readers"] == readers
    assert found["gives way"] == [10, 3]

    assert found["needs"] == dict.fromkeys(found["needs"], "done") | {
        "privileged": True
    }  # Only the daemon watches under its unit.
    assert (found["tracepoint"] == "done") == (unit == DAEMON)


ASKING = r"""#!/bin/bash
echo start >> /var/tmp/answers
while :; do
    exec 3<> /dev/tcp/169.254.169.254/80
    printf 'GET /latest/meta-data/ HTTP/1.0\r\n\r\n' >&3
    head -n 1 <&3 >> /var/tmp/answers
    exec 3>&-
    sleep 0.2
done
"""


def test_a_unit_is_rehearsed_through_the_restart_that_was_asked_for(machine):
    machine.write("usr/local/bin/asking", ASKING)
    machine.must("chmod", "+x", "/usr/local/bin/asking")
    machine.write("etc/systemd/system/asking.service", "[Service]\nExecStart=/usr/local/bin/asking\n")
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", "asking")
    answers = machine.root / "var/tmp/answers"
    try:
        machine.until(lambda: answers.exists() and " 200 " in answers.read_text(), "it was not served beforehand")
        # By systemd, as a login does it: what `run` starts is in no control group of the machine's.
        begun = ["systemd-run", "--wait", "--pipe", "--quiet", "imds-probe", "rehearse", "--unit", "asking"]
        # What is refused in its last five seconds had no time to ask again, and is not said to fail.
        done = machine.run(*begun, "--restart-unit", "--stop-on", "exit", "--for", "30s")
        assert done.returncode == exitcodes.NOT_READY, done.stderr
        assert "asking.service restarted: it is rehearsed again" in done.stderr and "ended early" not in done.stderr
        assert "the rehearsal is undone" in done.stderr and "it would fail after the switch" in done.stderr
        assert " 401 " in answers.read_text().split("start")[2]
        so_far = len(answers.read_text())
        machine.until(lambda: " 200 " in answers.read_text()[so_far:], "it was not served afterwards")
    finally:
        machine.must("systemctl", "stop", "asking")


def test_installed_upgraded_and_purged_while_it_runs(tmp_path, packages, lab):
    """On the oldest systemd that is booted here."""
    root = prepared("bullseye", tmp_path / "root", packages)
    with Booted(root, lab, tmp_path) as machine:
        apt(machine, "install", "./this.deb")
        assert assessed(machine)["imds"]["endpoint"] == "enabled"
        machine.must("systemctl", "enable", "--now", DAEMON)
        before = machine.show(DAEMON, "MainPID")
        apt(machine, "install", "./next.deb")
        assert machine.show(DAEMON, "ActiveState") == "active"
        assert machine.show(DAEMON, "MainPID") != before
        machine.must("systemctl", "reload", DAEMON)
        apt(machine, "purge", "imds-probe")
        assert "imds-probe" not in machine.must("systemctl", "list-units", "--all", "--plain", "--no-legend")
        assert machine.must("systemctl", "is-system-running") == "running\n"
    for left in ("etc/imds-probe", "var/lib/imds-probe", "var/log/imds-probe", "usr/lib/imds-probe"):
        assert not (root / left).exists(), left
