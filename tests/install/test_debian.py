"""The deb through its whole life in roots of Debian 11, 12 and 13, none of which has a Python or a systemd."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import package_roots
import pytest
from package_roots import contents, looks_like_ec2, must, run

from imds_probe.simulator.lab.host import MadeUpHost

CONFIGURATION = "etc/imds-probe/imds-probe.toml"
TIMER = "etc/systemd/system/timers.target.wants/imds-probe.timer"
# What dpkg and apt themselves write on every use.
KEPT_BY_APT = (
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/cache/apt/",
    "var/cache/debconf/",
    "var/log/apt/",
    "var/log/dpkg.log",
)


@pytest.fixture(params=["bullseye", "bookworm", "trixie"])
def root(request, tmp_path, packages) -> Path:
    place = package_roots.debian(request.param, tmp_path / "root")
    shutil.copyfile(packages.deb(), place / "this.deb")
    shutil.copyfile(packages.deb("next"), place / "next.deb")
    return place


def apt(root: Path, *arguments: str) -> None:
    must(["apt-get", "--quiet", "--yes", *arguments], root=root)


def others(root: Path) -> dict:
    return {path: seen for path, seen in contents(root).items() if not path.startswith(KEPT_BY_APT)}


def status(root: Path) -> str:
    return run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "imds-probe"], root=root).stdout


def test_from_one_file_to_nothing_left(root, assessed):
    before = others(root)
    apt(root, "install", "./this.deb")
    assert must(["imds-probe", "--version"], root=root).startswith("imds-probe ")
    assert (root / TIMER).is_symlink()
    assert not list((root / "etc/systemd/system").rglob("imds-probe-daemon.service"))
    installed = {path for path in others(root) if path not in before}
    listed = {path.strip("/") for path in must(["dpkg-query", "-L", "imds-probe"], root=root).splitlines()}
    assert {path for path in installed - listed if not path.startswith(("etc/systemd", "var/lib/systemd"))} == set()

    assessed(root)
    shutil.rmtree(root / "sys/class")
    assert {path for path in others(root) if path not in before} == installed

    # The administrator's edit, and the administrator's wish not to have the timer.
    (root / CONFIGURATION).write_text('state_directory = "/var/lib/imds-probe"\n')
    (root / TIMER).unlink()  # what `systemctl disable` does
    apt(root, "install", "./next.deb")
    assert status(root) == "installed 99.0.0-1"
    assert "state_directory" in (root / CONFIGURATION).read_text()
    assert not (root / TIMER).is_symlink()
    apt(root, "install", "--allow-downgrades", "./this.deb")
    assert status(root).startswith("installed 0.")
    assert "state_directory" in (root / CONFIGURATION).read_text()

    (root / "var/lib/imds-probe").mkdir()
    (root / "var/lib/imds-probe/report.json").write_text("{}")
    apt(root, "remove", "imds-probe")
    assert not (root / "usr/lib/imds-probe").exists()
    assert not (root / "usr/bin/imds-probe").exists()
    assert (root / CONFIGURATION).exists()
    assert (root / "var/lib/imds-probe/report.json").exists()
    apt(root, "purge", "imds-probe")
    assert others(root) == before


@pytest.mark.parametrize("root", ["trixie"], indirect=True)
def test_installed_again_after_removal_the_timer_is_back(root):
    apt(root, "install", "./this.deb")
    apt(root, "remove", "imds-probe")
    apt(root, "install", "./this.deb")
    assert (root / TIMER).is_symlink()
    assert not (root / "etc/systemd/system/imds-probe.timer").is_symlink()  # masked while it was away


@pytest.mark.parametrize("root", ["bullseye"], indirect=True)
def test_the_daemon_starts_assessments_of_its_own(root, lab):
    apt(root, "install", "./this.deb")
    looks_like_ec2(root)
    (root / CONFIGURATION).write_text('[daemon]\ninterval = "1h"\njitter = "0.1s"\n')
    report = root / "var/lib/imds-probe/report.json"
    # What steers interpreters must not reach the one that the daemon starts, either.
    hostile = {"PYTHONPATH": "/nonexistent", "PYTHONHOME": "/nonexistent", "LD_LIBRARY_PATH": "/usr/lib"}
    with MadeUpHost(lab.instance, root) as host:
        pid = host.start(["chroot", str(root), "/usr/bin/env", *(f"{k}={v}" for k, v in hostile.items()),
                          "/usr/bin/imds-probe", "daemon"])  # fmt: skip
        deadline = time.monotonic() + 60
        while not report.exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        host.end(pid)
    written = json.loads(report.read_text())
    assert (written["imds"]["endpoint"], written["verdict"]["state"]) == ("enabled", "unknown")
