"""The systemd units, held to systemd's own checks and to the program's exit codes."""

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from imds_probe import exitcodes
from imds_probe.commands.run import TIMEOUT_S
from imds_probe.reading.reader import OUT_OF_MEMORY
from imds_probe.service.handover import RUN
from imds_probe.system.state_directory import DEFAULT, WANTS
from imds_probe.system.switch_off import FILE

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ["imds-probe.service", "imds-probe-daemon.service"]
BOOT = "imds-probe-boot.service"


@pytest.fixture
def installed(tmp_path):
    """The units as they are, but for the program, which is not installed on the machine that runs the tests."""
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/imds-probe ", "/bin/true "))
    return tmp_path


@pytest.mark.parametrize("name", ["imds-probe.service", "imds-probe.timer", "imds-probe-daemon.service", BOOT])
def test_systemd_finds_nothing_wrong(installed, name):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# What systemd-analyze marks with a cross, and how the comment beside the setting begins to say why, or names what is meant.
CROSSES = {
    "CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)": "DAC_READ_SEARCH",
    "CapabilityBoundingSet=~CAP_SYS_PTRACE": "SYS_PTRACE",
    "CapabilityBoundingSet=~CAP_SYS_ADMIN": "SYS_ADMIN",
    "CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)": "NET_RAW",
    "RestrictNamespaces=~net": "Entering network namespaces",
    "RestrictAddressFamilies=~AF_PACKET": "AF_PACKET",
    "RestrictAddressFamilies=~AF_NETLINK": "AF_NETLINK",
    "RestrictAddressFamilies=~AF_UNIX": "AF_UNIX",
    "User=/DynamicUser=": "No User=: ",
    "PrivateUsers=": "No PrivateUsers=: ",
    "PrivateNetwork=": "No PrivateNetwork=: ",
    "ProcSubset=": "No ProcSubset=: ",
    "DeviceAllow=": "No DeviceAllow=: ",
}
# Of those that assess besides.
MORE_CROSSES = {
    "CapabilityBoundingSet=~CAP_NET_ADMIN": "NET_ADMIN",
    "RestrictAddressFamilies=~AF_(INET|INET6)": "AF_INET, AF_INET6",
    "SystemCallFilter=~@resources": "of @resources",
    "SystemCallFilter=~@privileged": "of @privileged",
    "IPAddressDeny=": "No IPAddressDeny=: ",
}
# Systemd asks them of units with default dependencies alone.
OF_ORDINARY_UNITS = {"ProtectHome=": "Not hidden", "RootDirectory=/RootImage=": "No RootDirectory=: "}


def _comments(name: str) -> dict[str, str]:
    """What is said above each setting of a unit, and of those that it has not: by their names."""
    said: dict[str, str] = {}
    above: list[str] = []
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("#"):
            above.append(line[1:].strip())
            continue
        key = line.partition("=")[0]
        text = " ".join(above)
        said[key] = f"{said.get(key, '')} {text}"
        for absent in re.findall(r"No (\w+)=:", text):
            said[absent] = text
        above = []
    return said


@pytest.mark.parametrize(
    ("name", "crosses", "most"),
    [
        ("imds-probe.service", CROSSES | MORE_CROSSES | OF_ORDINARY_UNITS, 32),
        ("imds-probe-daemon.service", CROSSES | MORE_CROSSES, 33),
        (BOOT, CROSSES, 24),
    ],
)
def test_what_systemd_would_have_them_give_up_is_what_they_say_they_need(installed, name, crosses, most):
    argv = ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", "--no-pager", str(installed / name)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    crossed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("✗")}
    assert crossed == set(crosses)
    comments = _comments(name)
    for cross, word in crosses.items():
        key = cross.partition("=")[0]
        assert word in comments[key], cross


def test_a_verdict_is_no_failure_and_a_bug_is():
    fine = {int(code) for code in _service("imds-probe.service")["SuccessExitStatus"].split()}
    verdicts = {exitcodes.NOT_READY, exitcodes.UNKNOWN, exitcodes.NEEDS_HOP_LIMIT}
    assert fine == {*verdicts, exitcodes.SWITCHED_OFF, exitcodes.HELD}


def test_the_daemon_is_started_again_after_all_but_wrong_usage():
    service = _service("imds-probe-daemon.service")
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", str(exitcodes.USAGE))


def test_no_boot_waits_for_what_watches_it():
    """The early watch is there once it is started, whatever becomes of it; after the daemon, nothing is ordered."""
    early, daemon = _unit(BOOT), _unit("imds-probe-daemon.service")
    assert early["Service"]["Type"] == "simple"
    assert {"cloud-init-local.service", "network-pre.target"} <= set(_all(BOOT, "Before"))
    # What it would wait for itself: a place to write to, and /tmp.
    assert _all(BOOT, "After") == ["sys-kernel-tracing.mount"]
    assert not {"StateDirectory", "LogsDirectory", "PrivateTmp", "ExecStartPre", "ExecStartPost"} & set(
        early["Service"]
    )
    assert "shutdown.target" not in _all(BOOT, "After")
    assert _all("imds-probe-daemon.service", "Before") == ["shutdown.target"]
    for unit in (early, daemon):
        assert (unit["Unit"]["DefaultDependencies"], unit["Unit"]["Conflicts"]) == ("no", "shutdown.target")
        assert not {"RequiredBy", "UpheldBy"} & set(unit["Install"])
    assert daemon["Install"]["Also"] == BOOT


def test_the_early_watch_may_do_what_the_daemons_watch_may():
    """All but listing packet rules and asking the service, which are for assessments."""
    early, daemon = _service(BOOT), _service("imds-probe-daemon.service")
    for key in ("RestrictNamespaces", "ProtectProc"):
        assert early[key] == daemon[key]
    for key, assessing in (
        ("CapabilityBoundingSet", {"CAP_NET_ADMIN"}),
        ("RestrictAddressFamilies", {"AF_INET", "AF_INET6"}),
    ):
        assert set(early[key].split()) == set(daemon[key].split()) - assessing
    assert (early["RuntimeDirectory"], early["RuntimeDirectoryMode"]) == (RUN.name, "0700")
    assert RUN.parent == Path("/run")


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
    calls |= {"capset", "prlimit64", "seccomp", "prctl", "landlock_restrict_self"}
    assert not calls & _refused_by(name)


@pytest.mark.parametrize("name", SERVICES)
def test_system_calls_are_refused_by_name_as_older_systemds_know_no_group_to_allow(name):
    refused, excepted = _filters(name)
    assert refused.startswith("~")
    assert {"mount", "ptrace", "bpf", "kexec_load", "init_module", "chown", "setuid"} < set(_refused(refused))
    # What is named after that without the mark is taken out of what is refused: systemd.exec(5).
    assert not excepted.startswith("~")
    assert set(excepted.split()) <= set(_refused(refused))


@pytest.mark.parametrize("name", SERVICES)
def test_what_searches_disks_may_give_way(name):
    assert {"setpriority", "ioprio_set"} <= set(_filters(name)[1].split())


@pytest.mark.parametrize(("name", "processors"), [("imds-probe.service", 0.5), ("imds-probe-daemon.service", 1.0)])
def test_neither_takes_more_of_the_host_than_it_needs(name, processors):
    service = _service(name)
    assert float(service["CPUQuota"].removesuffix("%")) / 100 == processors
    # What is too much ends what took it, and neither the run nor the watch with it.
    assert (service["MemoryMax"], service["OOMPolicy"]) == ("400M", "continue")
    lines = (UNITS / name).read_text().splitlines()
    for key in ("CPUQuota", "MemoryMax"):
        at = next(at for at, line in enumerate(lines) if line.startswith(key))
        assert lines[at - 1].startswith("# "), f"{key} of {name}: why this much?"


def test_a_run_under_its_quota_of_cpu_time_ends_in_time():
    """What a run on a host with 200 containers takes, several times over, is less than half of what it is given."""
    service = _service("imds-probe.service")
    assert int(service["TimeoutStartSec"]) > TIMEOUT_S
    assert TIMEOUT_S * float(service["CPUQuota"].removesuffix("%")) / 100 > 10


def test_the_file_that_switches_everything_off_keeps_the_timer_from_starting_runs():
    """The daemon has to be there, to notice that the file is gone."""
    conditions = {name: _unit(name)["Unit"].get("ConditionPathExists") for name in [*SERVICES, "imds-probe.timer"]}
    assert conditions == {
        "imds-probe.service": f"!/{FILE}",
        "imds-probe-daemon.service": None,
        "imds-probe.timer": f"!{WANTS}/imds-probe-daemon.service",  # which assesses by itself
    }


def test_the_daemon_stops_the_timer_and_the_timer_cannot_stop_the_watch():
    daemon = _unit("imds-probe-daemon.service")
    assert daemon["Service"]["ExecStartPost"] == "-/bin/sh -c 'systemctl --no-block stop imds-probe.timer'"
    assert "imds-probe.timer" not in daemon["Unit"]["Conflicts"]
    assert "Conflicts" not in _unit("imds-probe.timer")["Unit"]


UNDER_A_FILTER = """
import ctypes, os, struct, sys, time
from pathlib import Path
import reading_tasks as tasks
from imds_probe.reading import seccomp
from imds_probe.reading.reader import Reader
numbers = [int(number) for number in sys.argv[1:]]
program = [(0x20, 0, 0, 0)]
for number in numbers:
    program += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050001)]
program.append((0x06, 0, 0, 0x7FFF0000))
assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0
seccomp.install(b"".join(struct.pack("=HBBI", *each) for each in program))
with Reader(tasks.TASKS) as reader:
    root = f"/proc/{os.getppid()}/root"
    read = reader.ask(tasks.LENGTHS, tasks.At(root, ("etc/passwd",)), [Path(root)], time.monotonic() + 60)
    tried = reader.ask(tasks.ATTEMPTS, tasks.At("/nowhere"), [Path("/")], time.monotonic() + 60)
    bomb = reader.ask(tasks.BOMB, tasks.At("/"), [Path("/")], time.monotonic() + 60)
print(read.found[0].said, {each.said for each in tried.found}, bomb.failed)
"""


@pytest.mark.parametrize("name", SERVICES)
def test_the_readers_of_strangers_files_work_under_it_as_elsewhere(name):
    (header,) = Path("/usr/include").glob("*/asm/unistd_64.h")
    numbers = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", header.read_text(), re.MULTILINE))
    refused = [numbers[call] for call in sorted(_refused_by(name)) if call in numbers]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    argv = [sys.executable, "-c", UNDER_A_FILTER, *refused]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    assert done.stdout == f"{os.path.getsize('/etc/passwd')} {{'EPERM'}} {OUT_OF_MEMORY}\n", done.stderr


def _refused_by(name: str) -> set[str]:
    refused, excepted = _filters(name)
    return set(_refused(refused)) - set(excepted.split())


def _all(name: str, key: str) -> list[str]:
    """What a unit lists by all lines with this key."""
    lines = [line for line in (UNITS / name).read_text().splitlines() if line.startswith(f"{key}=")]
    return [word for line in lines for word in line.partition("=")[2].split()]


def _filters(name: str) -> tuple[str, str]:
    """The system calls that are refused, and those of them that are not."""
    lines = [line for line in (UNITS / name).read_text().splitlines() if line.startswith("SystemCallFilter=")]
    refused, excepted = (line.partition("=")[2] for line in lines)
    return refused, excepted


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
    return _unit(name)["Service"]


def _unit(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNITS / name)
    return unit
