"""A whole run on a host of 300 packages and 100 processes, in the lab: the first, and those that remember it, beside find."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from package_roots import CACHE

from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system.unchanged import SETTLED_NS

ROUNDS, REMEMBERED = 5, 2  # runs that remember, of each round
ARCHIVE = CACHE / "host-300.tar"  # of bench/host_root.sh
HERE = Path(__file__).parents[2]
STATE = "var/lib/imds-probe"
# Programs of a host: most sleep, and some have an interpreter with what it loads.
PROCESSES = (
    (70, ["sleep", "600"]),
    (10, ["/usr/bin/python3", "-c", "import json, http.client, time; time.sleep(600)"]),
    (10, ["perl", "-e", "use strict; use IO::Socket; sleep 600"]),
    (10, ["sh", "-c", "while sleep 600; do date; done"]),
)
Took = tuple[float, float]  # seconds on the wall, and of all CPUs, by the command and what it started


def whole_run() -> None:
    """The first run on a host, and those after it; of each round, the first has nothing to remember."""
    with tempfile.TemporaryDirectory() as directory:
        root, code = Path(directory, "root"), Path(directory, "code")
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(root, filter="fully_trusted")
        for name, content in (("sys_vendor", "Amazon EC2"), ("board_asset_tag", "i-0123456789abcdef0")):
            (root / f"sys/class/dmi/id/{name}").parent.mkdir(parents=True, exist_ok=True)
            (root / f"sys/class/dmi/id/{name}").write_text(f"{content}\n")
        install(code)
        with _standing(root) as host:
            time.sleep(SETTLED_NS / 1e9)  # what has just changed is not remembered
            _measure(host, root, code, Path(directory, "report"))


def install(code: Path) -> None:
    """Today's code, compiled as an installed program is, whatever this environment says of byte code."""
    shutil.copytree(HERE / "imds_probe", code / "imds_probe")
    subprocess.run([sys.executable, "-m", "compileall", "-q", code], check=True)


def _measure(host: MadeUpHost, root: Path, code: Path, report: Path) -> None:
    find = host.command(["find", str(root), "-xdev"])
    probe = [sys.executable, "-m", "imds_probe", "run", "--root", str(root), "--output", "json"]
    took: dict[str, list[Took]] = {"find / -xdev": [], "first": [], "remembered": []}
    for _ in range(ROUNDS + 1):
        shutil.rmtree(root / STATE, ignore_errors=True)
        (root / STATE).mkdir(mode=0o700)  # a run makes none, and remembers nothing without
        took["find / -xdev"].append(_took(find, code, report))
        took["first"].append(_took(host.command(probe), code, report))
        took["remembered"] += [_took(host.command(probe), code, report) for _ in range(REMEMBERED)]
    (beside, _), *_ = medians = [_medians(took[name][len(took[name]) // (ROUNDS + 1) :]) for name in took]
    said = json.loads(report.read_text())
    packages = (root / "var/lib/dpkg/status").read_text().count("\nStatus: install ok installed\n")
    print(
        f"\nA whole run on a host of {packages} packages and {sum(count for count, _ in PROCESSES)} processes: medians of {ROUNDS}"
        f" rounds (s)\n{'':34}     wall      CPU   wall to find's"
    )
    for name, (wall, cpu) in zip(took, medians, strict=True):
        print(f"  {name:<32} {wall:8.2f} {cpu:8.2f} {wall / beside:10.1f}")
    print(f"  {said['read']['programs']} programs and {said['read']['scheduled']} scheduled ones were read")


def _took(argv: Sequence[str], code: Path, output: Path) -> Took:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with output.open("wb") as file:
        began = time.monotonic()
        child = subprocess.Popen(argv, stdout=file, env={**env, "PYTHONPATH": str(code)}, cwd=code)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


def _medians(took: Sequence[Took]) -> Took:
    return statistics.median(wall for wall, _ in took), statistics.median(cpu for _, cpu in took)


@contextlib.contextmanager
def _standing(root: Path) -> Iterator[MadeUpHost]:
    with Lab("bench") as lab:
        state, listen = InstanceState(http_protocol_ipv6="enabled"), (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        with Simulator(state, listen, netns=str(lab.service.netns)), MadeUpHost(lab.instance, root) as host:
            for count, argv in PROCESSES:
                for _ in range(count):
                    host.start(argv, root=root)
            yield host
