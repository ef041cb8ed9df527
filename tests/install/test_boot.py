"""Boots of a system with the package: what calls before the daemon is seen, and nothing of a boot waits for the probe."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import package_roots
import pytest
from booted import Booted
from package_roots import PYTHON
from report_schema import check

from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

DAEMON, EARLY = "imds-probe-daemon.service", "imds-probe-boot.service"
TARGET = "multi-user.target"
# A boot's first five seconds stand for its first hour.
SHORT = 'report = []\n[watch]\nwindow = "10s"\ncoverage = 0.1\n[daemon]\ninterval = "1h"\njitter = "9d"\n'
LISTEN = (("169.254.169.254", 80),)
URL = "http://169.254.169.254/latest/meta-data/ami-id"
UNWATCHED = "unwatched"  # in the root: nobody watches early in this boot
# It begins once the early watch has begun. The boot does not wait for that by itself: which of them is first is chance.
BEGUN = f'[ -e /{UNWATCHED} ] || journalctl --boot --unit={EARLY} | grep -q "watching until the daemon takes over"'
CALLER = f"""[Unit]
Before={DAEMON}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/bin/sh -c 'until {BEGUN}; do sleep 0.1; done'
ExecStart={PYTHON} -I -c 'import urllib.request; urllib.request.urlopen("{URL}", timeout=60).read()'

[Install]
WantedBy={TARGET}
"""
# As a disk that takes its time.
DISK = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'read said </disk'\n"
HANGS = "[Service]\nExecStart=\nExecStart=/bin/sleep infinity\n"
STATE = "var/lib/imds-probe"
SETTINGS = "etc/imds-probe/imds-probe.d/test.toml"
MOUNT = "var-lib-imds\\x2dprobe.mount"
# As fstab's generator has it with "nofail": local-fs.target does not wait for it.
LATE = """[Unit]
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target
Requires=late.service
After=late.service

[Mount]
What=tmpfs
Where=/var/lib/imds-probe
Type=tmpfs
Options=mode=0700
"""


class Host:
    """A root that is booted again and again, each time with a network that nobody has used yet, and without a history unless the
    boot before is to `keep` it.
    """

    def __init__(self, root: Path, place: Path) -> None:
        self.root, self._place, self._numbers = root, place, itertools.count()

    @contextlib.contextmanager
    def booted(self, reached: str = "", *, keep: bool = False) -> Iterator[Booted]:
        work = self._place / f"boot-{next(self._numbers)}"
        work.mkdir()
        with Lab("boot") as lab, Simulator(InstanceState(), LISTEN, str(lab.service.netns)):
            with Booted(self.root, lab, work, reached=reached) as machine:
                yield machine
                machine.power_off()
        if not keep:
            shutil.rmtree(self.root / STATE)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def remove(self, *paths: str) -> None:
        for path in paths:
            (self.root / path).unlink()


@pytest.fixture(scope="module")
def host(tmp_path_factory, packages) -> Host:
    place = tmp_path_factory.mktemp("boot")
    host = Host(package_roots.debian("trixie-systemd", place / "root"), place)
    shutil.copyfile(packages.deb(), host.root / "this.deb")
    package_roots.must(["dpkg", "--install", "/this.deb"], root=host.root)
    package_roots.must(["systemctl", "disable", "imds-probe.timer"], root=host.root)
    host.write(SETTINGS, SHORT)
    host.write("etc/systemd/system/caller.service", CALLER)
    package_roots.must(["systemctl", "enable", "caller.service", DAEMON], root=host.root)
    return host


def report(machine: Booted) -> dict:
    """What an assessment says once the daemon watches."""
    machine.until(lambda: machine.show(DAEMON, "StatusText") == "watching", lambda: machine.journal(DAEMON))
    return check(json.loads(machine.run("imds-probe", "run", "--output", "json").stdout))


def called(found: dict) -> list[tuple[str, int]]:
    """By IMDSv1, but for the probe itself: what was asked for, and how often."""
    by = found["callers"]["by"]
    return [(each["path"], each["count"]) for each in by if each["version"] == "v1" and not each["probe"]]


def ids(found: dict) -> set[str]:
    return {each["id"] for each in found["findings"]}


def test_what_a_unit_called_before_the_daemon_had_a_place_to_write_to_is_seen(host):
    """The state directory is mounted after the rest of the boot. From the start on, the early watch saw who called."""
    host.write(f"etc/systemd/system/{MOUNT}", LATE)
    host.write("etc/systemd/system/late.service", DISK)
    os.mkfifo(host.root / "disk")
    with host.booted(TARGET) as machine:
        booted = time.monotonic()
        assert machine.show(DAEMON, "ActiveState") == "inactive"
        assert machine.show("caller.service", "SubState") == "exited"
        machine.must("sh", "-c", "echo there >/disk")
        # It says that it watches before it takes over. What asks meanwhile, as an assessment does, is seen by both.
        machine.until(lambda: "took over " in machine.journal(DAEMON), lambda: machine.journal(DAEMON))
        found = report(machine)
        assert machine.must("findmnt", "--noheadings", "--output", "FSTYPE", "/var/lib/imds-probe").strip() == "tmpfs"
        assert "took over 1 calls" in machine.journal(DAEMON), machine.journal(EARLY)
        assert machine.show(EARLY, "Result") == "success"
        assert called(found) == [("/latest/meta-data/ami-id", 1)]
        assert (found["verdict"]["state"], found["verdict"]["confidence"]) == ("not-ready", "high")
        # What comes after, a restart of the daemon, costs nothing of a boot that was watched for long enough.
        machine.until(lambda: time.monotonic() > booted + 6, "time stands still")
        machine.must("systemctl", "restart", DAEMON)
        found = report(machine)
        assert called(found) == [("/latest/meta-data/ami-id", 1)]
        (boot,) = found["callers"]["boots"]
        assert boot["boot_id"] == machine.must("cat", "/proc/sys/kernel/random/boot_id").strip()
        assert (boot["from_start"], boot["imdsv1"]) == (True, 1)
        assert "boot-not-watched" not in ids(found), boot
    host.remove(f"etc/systemd/system/{MOUNT}")


def test_a_probe_that_hangs_holds_no_boot_up_and_the_boot_is_said_not_to_be_watched(host):
    units = [f"etc/systemd/system/{unit}.d/hangs.conf" for unit in (DAEMON, EARLY)]
    for unit in units:
        host.write(unit, HANGS)
    host.write(UNWATCHED, "")
    with host.booted(TARGET) as machine:
        # All that the target wants has been started, and of this the one still begins, and the other does nothing.
        assert machine.show("caller.service", "SubState") == "exited"
        # The daemon comes after that caller, and the target waits for neither: it may be reached first.
        machine.until(lambda: machine.show(DAEMON, "ActiveState") == "activating", lambda: machine.show(DAEMON, "Job"))
        assert machine.show(EARLY, "ActiveState") == "active"
        for unit in ("sysinit.target", "network-pre.target", "basic.target", TARGET, "caller.service"):
            waits_for = machine.show(unit, "After").split()
            # After the early one, which is there once it is started. It needs neither.
            assert DAEMON not in waits_for
            assert not {DAEMON, EARLY} & set(machine.show(unit, "Requires").split())
        assert machine.show(EARLY, "Type") == "simple"
        host.remove(*units)
        machine.must("systemctl", "daemon-reload")
        machine.must("systemctl", "stop", EARLY)
        machine.must("systemctl", "restart", DAEMON)
        found = report(machine)
        assert called(found) == []
        assert "boot-not-watched" in ids(found)
        assert found["verdict"]["confidence"] != "high"
        boot = found["callers"]["boots"][-1]
        assert not boot["from_start"]
        assert 0 < boot["began_s"] <= boot["age_s"]
    host.remove(UNWATCHED)


def test_after_a_reboot_the_calls_of_both_boots_are_on_record(host):
    """A unit asks once at each boot, before the daemon."""
    host.write(SETTINGS, SHORT.replace("10s", "1h"))
    boots = []
    for number in (1, 2):
        with host.booted(TARGET, keep=number == 1) as machine:
            machine.until(lambda: "took over 1 calls" in machine.journal(DAEMON), lambda: machine.journal(DAEMON))
            boots.append(machine.must("cat", "/proc/sys/kernel/random/boot_id").strip())
            if number == 2:
                found = report(machine)
    # One entry or two: a caller who lives for a moment is named in one boot, and perhaps not in the other.
    assert {path for path, _ in called(found)} == {"/latest/meta-data/ami-id"}
    assert sum(count for _, count in called(found)) == len(boots)
    assert found["verdict"]["state"] == "not-ready"
    seen = [(each["boot_id"], each["from_start"], each["imdsv1"]) for each in found["callers"]["boots"]]
    assert seen == [(boot_id, True, 1) for boot_id in boots]
    host.write(SETTINGS, SHORT)
