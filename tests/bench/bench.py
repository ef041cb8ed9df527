#!/usr/bin/env python3
"""`make bench`: what imds-probe costs, as ratios within one run against what a user would use instead.

Prints figures and judges nothing: machines are shared and noisy, so quote medians and ratios.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

RUNS = 15


class Figures:
    """Wall time (ms) and peak memory (MB) of the runs of one command."""

    def __init__(self) -> None:
        self.wall_ms: list[float] = []
        self.memory_mb: list[float] = []

    def __str__(self) -> str:
        wall = f"{min(self.wall_ms):8.1f} {statistics.median(self.wall_ms):8.1f} {max(self.wall_ms):8.1f}"
        return f"{wall} {statistics.median(self.memory_mb):9.1f}"


def timed(argv: Sequence[str], figures: Figures, env: dict[str, str]) -> None:
    """Run a command once and note its figures by the kernel's own accounting. Output is thrown away."""
    started = time.monotonic()
    pid = os.posix_spawnp(argv[0], list(argv), env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, _, usage = os.wait4(pid, 0)
    figures.wall_ms.append((time.monotonic() - started) * 1000)
    figures.memory_mb.append(usage.ru_maxrss / 1024)


def compare(
    title: str, commands: dict[str, Sequence[str]], env: dict[str, str], runs: int = RUNS
) -> dict[str, Figures]:
    """Run the commands in turn, one warm-up first, and print a row for each and the ratio to the first."""
    figures = {name: Figures() for name in commands}
    for round_number in range(runs + 1):
        for name, argv in commands.items():
            timed(argv, figures[name] if round_number else Figures(), env)
    print(f"\n{title}\n{'':34}      min   median      max   peak MB    ratio")
    first = next(iter(figures.values()))
    for name, entry in figures.items():
        ratio = statistics.median(a / b for a, b in zip(entry.wall_ms, first.wall_ms, strict=True))
        print(f"  {name:<32} {entry} {ratio:8.2f}")
    return figures


def start_up() -> None:
    """What a user waits for help, against the interpreter alone."""
    python = sys.executable
    script = str(Path(python).with_name("imds-probe"))
    compare(
        "Start-up (ms)",
        {"python3 -c pass": [python, "-c", "pass"], "imds-probe --help": [script, "--help"]},
        dict(os.environ),
    )


def main_job() -> None:
    """A whole run in the lab, against the two curl calls that do by hand the little they can."""
    by_hand = (
        "T=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token);"
        ' curl -s -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/instance-id;'
        " dpkg-query --admindir=$0/var/lib/dpkg -W cloud-init amazon-ssm-agent awscli"
    )
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab:
        root = Path(directory)
        scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        inside = ["nsenter", f"--net={lab.instance.netns}", "--"]
        probe = [*inside, sys.executable, "-m", "imds_probe", "run", "--root", directory]
        bare = [*inside, "setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *probe[3:]]
        listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen, netns=str(lab.service.netns)):
            compare(
                "The main job in the lab (ms)",
                {
                    "two curl calls and dpkg-query": [*inside, "sh", "-c", by_hand, directory],
                    "imds-probe run": probe,
                    "imds-probe run, no privilege": bare,
                },
                dict(os.environ),
            )


SECTIONS: dict[str, Callable[[], None]] = {"start-up": start_up, "main-job": main_job}


def main(names: Sequence[str]) -> None:
    for name in names or SECTIONS:
        SECTIONS[name]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # A child's peak is never below its parent's size at the moment of exec: getrusage(2), vfork(2).
    print(f"\n{RUNS} runs each in turn after a warm-up. Peaks of less than {peak:.0f} MB show as that.")


if __name__ == "__main__":
    main(sys.argv[1:])
