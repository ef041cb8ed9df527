"""The lab of this folder's tests: one for all of them, with the simulator in its service namespace."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from report_schema import check
from soon import SOON_S, wait_for

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

SOURCE = str(Path(__file__).parents[2])
# Root without capabilities: what any user can do, with an interpreter that only root may be able to read.
WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
# An instance with everything served that could leak.
STATE = InstanceState(http_protocol_ipv6="enabled", iam_role="app-role", user_data="password=hunter2")


@pytest.fixture(scope="module")
def lab():
    with Lab("run") as built:
        yield built


@pytest.fixture(scope="module")
def _service(lab):
    listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
    with Simulator(STATE, listen, netns=str(lab.service.netns)) as simulator:
        yield simulator


@pytest.fixture
def service(_service):
    """The simulator, as new."""
    yield _service
    _service.update(**{name: getattr(STATE, name) for name in STATE.to_mapping()})
    _service.reset_counts()


@dataclass(frozen=True)
class Ran:
    """A finished `imds-probe run --output json`."""

    code: int
    report: dict = field(repr=False)
    stdout: str = field(repr=False)
    stderr: str

    @property
    def imds(self) -> dict:
        return self.report["imds"]

    @property
    def verdict(self) -> str:
        return self.report["verdict"]["state"]

    @property
    def finding_ids(self) -> set[str]:
        return {finding["id"] for finding in self.report["findings"]}


@pytest.fixture
def host(tmp_path):
    """The root of a healthy EC2 host."""
    root = tmp_path / "host"
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
    return root


@pytest.fixture
def made_up(lab, host):
    """The same host with processes of its own: those of the machine that runs the tests are not its."""
    with MadeUpHost(lab.instance, host) as standing:
        yield standing


def _keep(directory: Path, test: str, report: str) -> None:
    """For the reports that are judged again after each change: see tests/reports."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", test).strip("-")
    number = sum(1 for _ in directory.glob(f"{name}.*"))
    (directory / f"{name}.{number}.json").write_text(report)


@pytest.fixture
def run(made_up, host, request):
    """Run the main job on the made-up host, as a user would, and hold its report to the schema."""

    def call(*arguments, env=None, privileged=True, before=(), node=None, timeout_s=2 * SOON_S, parse=True) -> Ran:
        probe = [sys.executable, "-m", "imds_probe", "run", "--output", "json", "--root", str(host), *arguments]
        argv = [*(before if privileged else WITHOUT_PRIVILEGE), *probe]
        environment = {"PYTHONPATH": SOURCE} | (env or {})
        if node:
            with MadeUpHost(node, host) as elsewhere:
                done = elsewhere.run(argv, timeout_s=timeout_s, env=environment)
        else:
            done = made_up.run(argv, timeout_s=timeout_s, env=environment)
        stdout, stderr = done.stdout.decode(), done.stderr.decode()
        assert stdout, stderr
        if parse and (keep := os.environ.get("IMDS_PROBE_KEEP_REPORTS")):
            _keep(Path(keep), request.node.name, stdout)
        return Ran(done.returncode, check(json.loads(stdout)) if parse else {}, stdout, stderr)

    return call


@pytest.fixture
def start_as(made_up):
    """Starts, and waits until setpriv has become the program: until then it is root's, and another one. Gives its PID there."""

    def call(before, argv, *, name=None, **options):
        started = made_up.start if name is None else functools.partial(made_up.start_container, name)
        pid = started(argv=[*before, *argv], **options)
        comm = Path(f"/proc/{made_up.outer_pid(pid)}/comm")
        wait_for(lambda: comm.read_text() == f"{Path(argv[0]).name}\n")
        return pid

    return call


@pytest.fixture
def first_line(made_up):
    """Of a program that is started on the made-up host, and its PID there."""

    def call(argv, **options):
        reading, writing = os.pipe()
        with open(reading) as said:
            try:
                pid = made_up.start(argv, stdout=writing, **options)
            finally:
                os.close(writing)
            return pid, said.readline().strip()

    return call
