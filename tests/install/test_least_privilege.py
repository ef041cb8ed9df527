"""Each privilege of the units taken away in turn, on a booted system: what the probe says that it could not do without it.

The DaemonSet's are taken away in test_container_image.py, the readers' in tests/reading/test_least_privilege.py.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import package_roots
import pytest
from booted import Booted
from package_roots import PYTHON
from report_schema import check

pytestmark = pytest.mark.soak
SERVICE, DAEMON = "imds-probe.service", "imds-probe-daemon.service"
UNITS = Path(__file__).parents[2] / "systemd"
REPORT = "var/lib/imds-probe/reports/report.json"
SETTING = "etc/datadog-agent/datadog.yaml"
# Whether it is set to use IMDSv2 says a file that its owner, who is not root, alone may read.
SOFTWARE = """
Package: datadog-agent
Status: install ok installed
Maintainer: nobody <nobody@example.invalid>
Architecture: all
Version: 1:7.40.0-1
Description: does as its settings say
"""
NEVER = "[Timer]\nOnBootSec=\nOnBootSec=9h\n"


@pytest.fixture(scope="module")
def machine(tmp_path_factory, packages, lab) -> Iterator[Booted]:
    """With the package, a setting of somebody else's, and the tool that lists packet rules."""
    place = tmp_path_factory.mktemp("least")
    root = package_roots.debian("trixie-systemd", place / "root")
    shutil.copyfile(packages.deb(), root / "this.deb")
    for path, text in (
        ("etc/imds-probe/imds-probe.d/test.toml", 'report = ["file"]\n[daemon]\njitter = "9d"\n'),
        ("etc/systemd/system/imds-probe.timer.d/never.conf", NEVER),
        (SETTING, "ec2_prefer_imdsv2: true\n"),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    with_tool(root, "/usr/sbin/nft")
    with Booted(root, lab, place) as booted:
        booted.must("apt-get", "--quiet", "--yes", "install", "./this.deb")
        with (root / "var/lib/dpkg/status").open("a") as status:
            status.write(SOFTWARE)
        booted.must("chmod", "600", f"/{SETTING}")
        booted.must("chown", "998:998", f"/{SETTING}")
        yield booted


def with_tool(root: Path, program: str) -> None:
    """This machine's, with those of its libraries that the root lacks, which is of a later Debian."""
    shutil.copy(program, root / program[1:])
    for library in re.findall(r"=> (\S+)", package_roots.must(["ldd", program])):
        if not any((root / path / Path(library).name).exists() for path in ("usr/lib", f"usr/lib/{triplet()}")):
            shutil.copy(library, root / "usr/lib" / triplet())


def triplet() -> str:
    return package_roots.must(["dpkg-architecture", "-qDEB_HOST_MULTIARCH"]).strip()


def settings(unit: str, key: str) -> str:
    """What a unit says of something, all its lines together."""
    lines = (UNITS / unit).read_text().splitlines()
    return " ".join(line.partition("=")[2] for line in lines if line.startswith(f"{key}="))


def without(capability: str, unit: str = SERVICE) -> str:
    kept = [each for each in settings(unit, "CapabilityBoundingSet").split() if each != capability]
    return f"CapabilityBoundingSet=\nCapabilityBoundingSet={' '.join(kept)}\n"


def assessed(machine: Booted, change: str = "") -> dict:
    """The report of a run under the unit with that change. It takes the time that it needs."""
    report = machine.root / REPORT
    report.unlink(missing_ok=True)
    # It is started again and again, at once.
    machine.drop_in(SERVICE, "less", f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nCPUQuota=\n{change}")
    try:
        machine.run("systemctl", "start", SERVICE)
    finally:
        machine.without_drop_in(SERVICE, "less")
    assert report.exists(), machine.journal(SERVICE)[-2000:]
    return check(json.loads(report.read_text()))


def told(report: dict) -> set[str]:
    """What it could not do, in its own words: parts that lack something, findings, and ways round."""
    lacking = [each for each in report["collectors"] if each["status"] in ("partial", "failed")]
    findings = [f"{each['id']}: {each['summary']}" for each in report["findings"] if each["implies"] == "unknown"]
    way = f"hop limit by {report['imds']['hop_limit_method']}"
    return {*(f"{each['id']}: {each['reason']}" for each in lacking), *findings, way}


@pytest.fixture(scope="module")
def whole(machine) -> set[str]:
    return told(assessed(machine))


MISSED = {
    "CAP_NET_RAW": r"hop limit by minttl",
    "CAP_DAC_READ_SEARCH": r"settings: /etc/datadog-agent/datadog\.yaml cannot be read: Permission denied",
    "CAP_SYS_PTRACE": r"containers: \d+ of \d+ processes hide their namespaces: run as root.*",
    "CAP_SYS_ADMIN": r"obstacles: no permission for the network namespace /proc/1/ns/net.*",
    "CAP_NET_ADMIN": r"obstacles: .*nftables: nft: .*needs root \(CAP_NET_ADMIN\).*",
}


def test_no_unit_has_a_capability_that_is_not_tried_here():
    for unit in UNITS.glob("*.service"):
        assert set(settings(unit.name, "CapabilityBoundingSet").split()) <= set(MISSED)
    assert set(settings(SERVICE, "CapabilityBoundingSet").split()) == set(MISSED)


@pytest.mark.parametrize("capability", MISSED)
def test_without_a_capability_it_says_what_it_could_not_do(machine, whole, capability):
    said = told(assessed(machine, without(capability))) - whole
    assert [each for each in said if re.fullmatch(MISSED[capability], each)], said


# The groups that are not refused, and one call each that Python cannot do without: none of them is there for the probe alone.
NEEDED_BY_ANY_PROGRAM = (
    "@basic-io",
    "@file-system",
    "@io-event",
    "@ipc",
    "@network-io",
    "@process",
    "@signal",
    "@sync",
)


@pytest.mark.parametrize("group", NEEDED_BY_ANY_PROGRAM)
def test_a_group_of_calls_that_is_allowed_is_one_without_which_there_is_no_report(machine, group):
    with pytest.raises(AssertionError, match="imds-probe"):
        assessed(machine, f"SystemCallFilter=~{group}\n")


def test_every_group_of_calls_is_refused_or_needed(machine):
    done = machine.must("systemd-analyze", "syscall-filter").splitlines()
    groups = {line.strip() for line in done if line.startswith("@")}
    refused = set(settings(SERVICE, "SystemCallFilter").replace("~", "").split())
    # Made of others; what reads a clock or gives rights up; timers, which package managers that are started here may set.
    made_of_others = {"@default", "@system-service", "@known", "@chown", "@setuid", "@sandbox", "@pkey", "@timer"}
    assert groups - refused - set(NEEDED_BY_ANY_PROGRAM) <= made_of_others


@pytest.fixture(scope="module")
def neighbour(machine) -> str:
    machine.write(
        "etc/systemd/system/neighbour.service", "[Service]\nPrivateNetwork=yes\nExecStart=/bin/sleep infinity\n"
    )
    machine.must("systemctl", "daemon-reload")
    machine.must("systemctl", "start", "neighbour.service")
    return machine.show("neighbour.service", "MainPID")


def inside(machine: Booted, unit: str, neighbour: str, change: str) -> dict:
    """What inside_unit.py finds under the settings of a unit with that change."""
    source = Path(__file__).parents[1] / "inside_unit.py"
    machine.write("usr/local/lib/inside_unit.py", source.read_text())
    answers = machine.root / "var/lib/imds-probe/inside.json"
    answers.unlink(missing_ok=True)
    program = f"{PYTHON} -IB /usr/local/lib/inside_unit.py /var/lib/imds-probe/inside.json {neighbour}"
    text = f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart={program}\n{change}"
    machine.drop_in(unit, "inside", text)
    try:
        assert machine.run("systemctl", "start", unit).returncode == 0, machine.journal(unit)
    finally:
        machine.without_drop_in(unit, "inside")
    return json.loads(answers.read_text())


@pytest.mark.parametrize("unit", [SERVICE, DAEMON])
@pytest.mark.parametrize(
    ("call", "part"), [("setpriority", "gives way"), ("ioprio_set", "gives way"), ("capset", "readers")]
)
def test_each_call_that_is_taken_out_of_what_is_refused_does_something(machine, neighbour, unit, call, part):
    assert (
        inside(machine, unit, neighbour, "")[part]
        != inside(machine, unit, neighbour, f"SystemCallFilter=~{call}\n")[part]
    )


def test_without_the_right_to_capture_packets_the_daemon_says_so(machine):
    machine.drop_in(DAEMON, "less", f"[Service]\nRestart=no\n{without('CAP_NET_RAW', DAEMON)}")
    try:
        assert machine.run("systemctl", "start", DAEMON).returncode != 0
        assert "packets cannot be captured: Operation not permitted. Run as root." in machine.journal(DAEMON)
    finally:
        machine.without_drop_in(DAEMON, "less")
        machine.run("systemctl", "reset-failed", DAEMON)
