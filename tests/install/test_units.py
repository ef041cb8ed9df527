"""The systemd units, held to systemd's own checks and to the program's exit codes."""

import configparser
import subprocess
from pathlib import Path

import pytest

from imds_probe import exitcodes
from imds_probe.system.state_directory import DEFAULT

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
    # 3.0 of 10, which systemd calls OK. Most of it is what the probe does: five capabilities (1.1), sockets of five families
    # (0.7), the host's network (0.5) to any address (0.2), and root (0.4), who owns what it reads and writes.
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(installed / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_verdict_is_no_failure_and_a_bug_is():
    fine = {int(code) for code in _service("imds-probe.service")["SuccessExitStatus"].split()}
    assert fine == {exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT}


def test_systemd_hears_from_the_daemon_and_keeps_its_state():
    service = _service("imds-probe-daemon.service")
    assert (service["Type"], service["StateDirectory"]) == ("notify", DEFAULT.name)
    assert service["ReadWritePaths"] == "-/sys/kernel/tracing/instances"


@pytest.mark.parametrize("name", SERVICES)
def test_what_the_main_job_needs_is_not_taken_away(name):
    service = _service(name)
    needed = {"CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"}
    assert set(service["CapabilityBoundingSet"].split()) == needed
    assert service["RestrictNamespaces"] == "net"
    assert {"AF_PACKET", "AF_NETLINK", "AF_UNIX"} < set(service["RestrictAddressFamilies"].split())
    calls = {"setns", "bind", "recvmsg", "openat", "fchmod", "execve", "flock"}
    assert not calls & set(_refused(service["SystemCallFilter"]))


@pytest.mark.parametrize("name", SERVICES)
def test_system_calls_are_refused_by_name_as_older_systemds_know_no_group_to_allow(name):
    service = _service(name)
    assert service["SystemCallFilter"].startswith("~")
    assert {"mount", "ptrace", "bpf", "kexec_load", "init_module", "chown", "setuid"} < set(
        _refused(service["SystemCallFilter"])
    )


def _refused(filtered: str) -> list[str]:
    """The system calls of a list of groups that are refused."""
    groups = filtered.removeprefix("~").split()
    done = subprocess.run(["systemd-analyze", "syscall-filter", *groups], capture_output=True, text=True, check=True)
    lines = [line.strip() for line in done.stdout.splitlines()]
    # A group may hold others, by their names.
    inner = {line for line in lines if line.startswith("@")} - set(groups)
    calls = [line for line in lines if line and not line.startswith(("@", "#"))]
    return calls + (_refused(" ".join(inner)) if inner else [])


def _service(name: str) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / name)
    return unit["Service"]
