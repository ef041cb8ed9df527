"""`imds-probe demo`: the main job in a lab of network namespaces, on a host before and after it may be switched."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.errors import ProbeError

if TYPE_CHECKING:
    from imds_probe.simulator.server import Simulator

IN_USERNS = "IMDS_PROBE_DEMO_IN_USERNS"
RUN_TIMEOUT_S = 60.0
# Runs the probe in the instance: prints its report, returns its exit code.
Probe = Callable[[], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--loopback", action="store_true", help="do without a lab: the service on 127.0.0.1 only")


def run(args: argparse.Namespace) -> int:
    from imds_probe.simulator.lab.privilege import how_to_build_a_lab, reexec_in_userns  # noqa: PLC0415

    if args.loopback:
        return _on_loopback()
    privilege = how_to_build_a_lab()
    if privilege.way == "userns" and IN_USERNS not in os.environ:
        os.environ[IN_USERNS] = "1"
        _say("No root here: the lab is built in a user namespace.")
        reexec_in_userns([sys.executable, "-m", "imds_probe", "demo"])
    if privilege.way != "root":
        _say(f"No lab can be built here ({privilege.reason}): the service answers on loopback instead.")
        return _on_loopback()
    return _in_lab()


def _in_lab() -> int:
    from imds_probe.simulator.lab.lab import Lab  # noqa: PLC0415
    from imds_probe.simulator.lab.topology import SERVICE_IPV4, SERVICE_IPV6  # noqa: PLC0415
    from imds_probe.simulator.server import Simulator  # noqa: PLC0415
    from imds_probe.simulator.state import InstanceState  # noqa: PLC0415

    Lab.remove_stale()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imds-probe-demo-")))
        lab = stack.enter_context(Lab("demo"))
        listen = [(SERVICE_IPV4, 80), *([(SERVICE_IPV6, 80)] if lab.has_ipv6 else [])]
        state = InstanceState(http_protocol_ipv6="enabled")
        simulator = stack.enter_context(Simulator(state, listen, netns=str(lab.service.netns)))
        _say(f"A lab of network namespaces stands in for an EC2 host; {SERVICE_IPV4} exists inside it only.")
        return _story(simulator, root, lambda: _probe(_inside(lab.instance.netns), root, {}))


def _inside(netns: Path) -> list[str]:
    """What to put before a program that runs in the made-up host: its network, and a process list of its own.

    Without the latter, containers that happen to run on this machine would be taken for the host's.
    """
    return ["nsenter", f"--net={netns}", "--", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]


def _on_loopback() -> int:
    from imds_probe.imds.endpoints import ENDPOINT_VARIABLE  # noqa: PLC0415
    from imds_probe.simulator.server import Simulator  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="imds-probe-demo-") as directory, Simulator() as simulator:
        root = Path(directory)
        return _story(simulator, root, lambda: _probe([], root, {ENDPOINT_VARIABLE: simulator.url}))


def _story(simulator: Simulator, root: Path, probe: Probe) -> int:
    """The same host three times. Raises ProbeError where the probe does not say what it must."""
    from imds_probe.simulator import scenarios  # noqa: PLC0415

    instance_id = simulator.state.instance_id
    _say("\n== 1. A host from an old image: it must not be switched")
    scenarios.write_host(root, scenarios.OLD_PACKAGES, instance_id)
    _expect(probe(), exitcodes.NOT_READY)
    _say("\n== 2. The same host after its packages were upgraded: it may be switched")
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, instance_id)
    _expect(probe(), exitcodes.READY)
    _say("\n== 3. The same host after the switch: IMDSv1 is refused, and nothing is broken by it")
    simulator.update(http_tokens="required")
    _expect(probe(), exitcodes.READY)
    counts = simulator.counts
    _say(
        f"\nThe service saw {counts.imdsv2} requests by IMDSv2 and {counts.imdsv1} without a token: one a run, no more."
    )
    return exitcodes.READY


def _probe(prefix: list[str], root: Path, environ: Mapping[str, str]) -> int:
    from imds_probe import process  # noqa: PLC0415

    argv = [sys.executable, "-m", "imds_probe", "run", "--root", str(root)]
    _say(f"$ imds-probe run --root {root}\n")
    source = str(Path(__file__).parents[2])
    child = process.start([*prefix, *argv], env={"PYTHONPATH": source, **environ}, stdout=None, stderr=None)
    try:
        return child.wait(timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ProbeError(f"the run did not end within {RUN_TIMEOUT_S:g} s") from None
    finally:
        process.stop(child)


def _expect(code: int, wanted: int) -> None:
    if code != wanted:
        raise ProbeError(f"the run ended with exit code {code}, not {wanted}", "Please report this with the output.")


def _say(line: str) -> None:
    print(line, flush=True)
