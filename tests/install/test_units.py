"""The systemd units, held to systemd's own checks and to the program's exit codes."""

import configparser
import subprocess
from pathlib import Path

import pytest

from imds_probe import exitcodes
from imds_probe.state_directory import DEFAULT

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ["imds-probe.service", "imds-probe-daemon.service"]


@pytest.fixture
def installed(tmp_path):
    """The units as they are, but for the program, which is not installed on the machine that runs the tests."""
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/imds-probe ", "/bin/true "))
    return tmp_path


@pytest.mark.parametrize("name", ["imds-probe.service", "imds-probe.timer", "imds-probe-daemon.service"])
def test_systemd_finds_nothing_wrong(installed, name):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_as_well_confined_as_entering_containers_allows(installed, name):
    # 3.6 of 10, which systemd calls OK; CAP_SYS_ADMIN, without which no network namespace is entered, costs most of it.
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=37", str(installed / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_verdict_is_no_failure_and_a_bug_is():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / "imds-probe.service")
    fine = {int(code) for code in unit["Service"]["SuccessExitStatus"].split()}
    assert fine == {exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT}


def test_systemd_hears_from_the_daemon_and_keeps_its_state():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / "imds-probe-daemon.service")
    service = unit["Service"]
    assert (service["Type"], service["StateDirectory"]) == ("notify", DEFAULT.name)
    assert service["ReadWritePaths"] == "-/sys/kernel/tracing"


@pytest.mark.parametrize("name", SERVICES)
def test_what_the_main_job_needs_is_not_taken_away(name):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / name)
    service = unit["Service"]
    needed = {"CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"}
    assert set(service["CapabilityBoundingSet"].split()) == needed
    assert service["RestrictNamespaces"] == "net"
    assert {"AF_PACKET", "AF_NETLINK", "AF_UNIX"} < set(service["RestrictAddressFamilies"].split())
    allowed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "@process"], capture_output=True, text=True, check=True
    )
    assert "setns" in allowed.stdout.split()
