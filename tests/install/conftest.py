"""The packages, and the lab that what they install runs in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import package_roots
import pytest
from package_roots import Packages
from report_schema import check
from soon import SOON_S

from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState


@pytest.fixture(scope="session")
def packages() -> Packages:
    return package_roots.made()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    assert os.getuid() == 0, "packages are installed by root: run this folder's tests as root"
    listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
    state = InstanceState(http_protocol_ipv6="enabled")
    with Lab("install") as built, Simulator(state, listen, netns=str(built.service.netns)):
        yield built


@pytest.fixture
def assessed(lab: Lab) -> Callable[..., None]:
    """Run the main job from the installed program, in a root that is the instance's, with its own processes in /proc."""

    def call(root: Path, unsure: frozenset[str] = frozenset()) -> None:
        if not (root / "sys/class/dmi").exists():
            package_roots.looks_like_ec2(root)
        with MadeUpHost(lab.instance, root) as host:
            argv = ["chroot", str(root), "/usr/bin/imds-probe", "run", "--output", "json"]
            done = host.run(argv, timeout_s=2 * SOON_S)
        assert done.stdout, done.stderr.decode()
        assert done.stderr == b""
        report = check(json.loads(done.stdout))
        assert report["imds"]["endpoint"] == "enabled"
        assert report["platform"]["instance_id"] == package_roots.INSTANCE
        assert report["probe"]["privileged"]
        # Process 1 of a made-up host is not the machine's, as whoever looks at / itself sees. Nothing else is in doubt.
        assert (done.returncode, report["verdict"]["state"]) == (3, "unknown")
        assert {each["id"] for each in report["findings"] if each["implies"]} == {"containers-not-seen"} | unsure

    return call
