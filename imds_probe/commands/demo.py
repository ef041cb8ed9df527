"""`imds-probe demo`: the main job in a lab of network namespaces, on a host before and after it may be switched."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.terminal import style
from imds_probe.errors import OutputError, ProbeError
from imds_probe.issues import place_for_issues

if TYPE_CHECKING:
    from imds_probe.simulator.lab.host import MadeUpHost
    from imds_probe.simulator.lab.lab import Lab
    from imds_probe.simulator.server import Simulator

IN_USERNS = "IMDS_PROBE_DEMO_IN_USERNS"
RUN_TIMEOUT_S = 60.0
HOW_TO_WRITE = ("COLUMNS", "TERM", "NO_COLOR")  # what commands/terminal.py heeds
# Runs the probe in the instance: prints its report, returns its exit code.
Probe = Callable[[], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--loopback", action="store_true", help="make no lab, only a metadata service on 127.0.0.1")


def run(args: argparse.Namespace) -> int:
    from imds_probe.simulator.lab.privilege import how_to_build_a_lab, reexec_in_userns  # noqa: PLC0415

    _check_temporary()
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


def _check_temporary() -> None:
    """Before anything is built: the made-up host is made of files."""
    try:
        tempfile.gettempdir()  # which writes to find out
    except FileNotFoundError:
        raise OutputError(
            "no directory for temporary files is writable", "Free space in /tmp, or set TMPDIR to another directory."
        ) from None


def _in_lab() -> int:
    from imds_probe.simulator import scenarios  # noqa: PLC0415
    from imds_probe.simulator.lab.host import MadeUpHost  # noqa: PLC0415
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
        host = stack.enter_context(MadeUpHost(lab.instance, root))
        application = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imds-probe-demo-app-")))
        scenarios.write_python_package(application, "botocore", "1.34.162")
        _run_containers(lab, host, application)
        _say(f"A lab of network namespaces stands in for an EC2 host; {SERVICE_IPV4} exists inside it only.")
        _say("Four containers run on it: one on the host's network, two on a bridge, and one inside another container.")
        return _story(simulator, root, lambda: _probe(host.command, root, {}), has_containers=True)


def _run_containers(lab: Lab, host: MadeUpHost, application: Path) -> None:
    """One that needs no more than the host, one that needs a hop more and runs a Python application with an AWS SDK, two
    that have credentials of their own.
    """
    web = lab.add_container("web")
    region = {"AWS_REGION": "us-east-1"}
    web_identity = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/api", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
    host.start_container("log-agent", image="example/log-agent:3.1", env=region)
    host.start_container(
        "web",
        web,
        image="example/web:1.25",
        argv=("python3", "-c", "import ssl, time; time.sleep(86400)"),
        root=host.container_root({"/srv/app": application}),
        env=region | {"PYTHONPATH": "/srv/app"},
    )
    host.start_container("api", lab.add_container("api"), image="example/api:7", env=web_identity)
    nested = lab.add_container("build-step", "nested", inside=web)
    host.start_container("build-step", nested, image="example/build:24", env=web_identity)


def _on_loopback() -> int:
    from imds_probe.imds.endpoints import ENDPOINT_VARIABLE  # noqa: PLC0415
    from imds_probe.simulator.server import Simulator  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="imds-probe-demo-") as directory, Simulator() as simulator:
        root = Path(directory)
        probe = functools.partial(_probe, list, root, {ENDPOINT_VARIABLE: simulator.url})
        return _story(simulator, root, probe, has_containers=False)


def _story(simulator: Simulator, root: Path, probe: Probe, *, has_containers: bool) -> int:
    """The same host three times. Raises ProbeError where the probe does not say what it must."""
    from imds_probe.simulator import scenarios  # noqa: PLC0415

    instance_id = simulator.state.instance_id
    _say("\n== 1. A host from an old image must not be switched yet")
    scenarios.write_host(root, scenarios.OLD_PACKAGES, instance_id)
    _expect(probe(), exitcodes.NOT_READY)
    scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, instance_id)
    if has_containers:
        _say("\n== 2. The same host with its packages upgraded may be switched, with a higher hop limit")
        _expect(probe(), exitcodes.NEEDS_HOP_LIMIT)
    else:
        _say(
            "\n== 2. The same host with its packages upgraded: nothing blocks the switch, but only a lab has processes to inspect, "
            "so the verdict is unknown here"
        )
        _expect(probe(), exitcodes.UNKNOWN)
    known = ", and nothing on it is broken" if has_containers else ""
    _say(f"\n== 3. The same host, switched by the printed command, refuses IMDSv1{known}")
    simulator.update(http_tokens="required", **({"hop_limit": 2} if has_containers else {}))
    _expect(probe(), exitcodes.READY if has_containers else exitcodes.UNKNOWN)
    counts = simulator.counts
    _say(
        f"\nThe service received {counts.imdsv2} requests by IMDSv2 and {counts.imdsv1} without a token, which is one for "
        "each run."
    )
    return exitcodes.READY


def _probe(inside: Callable[[list[str]], list[str]], root: Path, environ: Mapping[str, str]) -> int:
    from imds_probe.system import process  # noqa: PLC0415

    argv = [sys.executable, "-m", "imds_probe", "run", "--root", str(root)]
    _say(f"$ imds-probe run --root {root}")
    _say("")
    source = str(Path(__file__).parents[2])
    shown = {name: os.environ[name] for name in HOW_TO_WRITE if name in os.environ}
    child = process.start(inside(argv), env={"PYTHONPATH": source, **shown, **environ}, stdout=None, stderr=None)
    try:
        return child.wait(timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ProbeError(f"the run did not end within {RUN_TIMEOUT_S:g} s") from None
    finally:
        process.stop(child)


def _expect(code: int, wanted: int) -> None:
    if code != wanted:
        raise ProbeError(
            f"the run ended with exit code {code}, not {wanted}", f"Report the output {place_for_issues()}."
        )


def _say(line: str) -> None:
    """Commands are never wrapped: they are there to be pasted."""
    said = line.lstrip("\n")
    wrapped = said if said.startswith("$") else style().wrap(said, "", "      " if said.startswith("==") else "")
    print(f"{line[: len(line) - len(said)]}{wrapped}", flush=True)
