"""Today's code beside that of an earlier commit (BENCH_BEFORE), with the same interpreter, as ratios within one run."""

from __future__ import annotations

import compileall
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

BEFORE = "73c9e4a"  # the last commit of the first release
HERE = Path(__file__).parents[2]
LISTEN = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
NEAR, BEYOND, ROUNDS = 160, 40, 5  # containers: within the hop limit, and one hop behind it
Compare = Callable[..., object]


def before(compare: Compare) -> None:
    """A whole run in the lab, on a host without containers, and the help."""
    with _host() as (lab, root, places), _served(lab, InstanceState(http_protocol_ipv6="enabled")):
        with MadeUpHost(lab.instance, root) as host:
            compare("The main job in the lab, before and today (ms)", _runs(host, places), dict(os.environ))
        help_of = ["env", "-C", str(root), sys.executable, "-m", "imds_probe", "--help"]
        compare(
            "imds-probe --help, before and today (ms)",
            {name: ["env", f"PYTHONPATH={place}", *help_of] for name, place in places.items()},
            dict(os.environ),
        )


def containers_before(compare: Compare) -> None:
    """A whole run in the lab, on a host with 200 containers."""
    with _host() as (lab, root, places), contextlib.ExitStack() as stack:
        near = [lab.add_container(f"near-{number}") for number in range(NEAR)]
        far = [lab.add_container(f"far-{n}", "nested", inside=near[n]) for n in range(BEYOND)]
        stack.enter_context(_served(lab, InstanceState(hop_limit=2)))
        host = stack.enter_context(MadeUpHost(lab.instance, root))
        for node in (*near, *far):
            host.start_container(node.name, node, env={"AWS_REGION": "eu-west-1"})
        title = f"{NEAR + BEYOND} containers, {BEYOND} beyond the hop limit, before and today: {ROUNDS} runs each (ms)"
        compare(title, _runs(host, places), dict(os.environ), ROUNDS)


@contextlib.contextmanager
def _host() -> Iterator[tuple[Lab, Path, dict[str, Path]]]:
    """A lab, the root of a host, and both codes, compiled as an installed program is."""
    commit = os.environ.get("BENCH_BEFORE", BEFORE)
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab:
        root, checkout, today = (Path(directory, name) for name in ("root", "checkout", "today"))
        scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        archive = process.run(
            ["git", "-C", str(HERE), "archive", commit, "imds_probe"], timeout_s=60, output_limit_bytes=100_000_000
        )
        checkout.mkdir()
        process.run(["tar", "-x", "-C", str(checkout)], timeout_s=60, stdin=archive.stdout)
        shutil.copytree(HERE / "imds_probe", today / "imds_probe")
        for place in (checkout, today):
            compileall.compile_dir(place, quiet=1)
        yield lab, root, {commit: checkout, "today": today}


def _served(lab: Lab, state: InstanceState) -> Simulator:
    return Simulator(state, LISTEN, netns=str(lab.service.netns))


def _runs(host: MadeUpHost, places: dict[str, Path]) -> dict[str, Sequence[str]]:
    probe = [sys.executable, "-m", "imds_probe", "run", "--root", str(host.root)]
    return {name: host.command(["env", f"PYTHONPATH={place}", *probe]) for name, place in places.items()}
