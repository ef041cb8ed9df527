#!/usr/bin/env python3
"""`make bench`: what imds-probe costs, as ratios within one run against what a user would use instead.

Prints figures and judges nothing: machines are shared and noisy, so quote medians and ratios.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import bench_before
import bench_code
import bench_fleet
import bench_package
import bench_rehearse
import bench_run
import bench_schedules
import bench_sdks
import bench_sinks
import bench_watch
import memory

from imds_probe.catalog.catalog import Catalog
from imds_probe.catalog.requirement import requirement
from imds_probe.collect.software import known as software_of
from imds_probe.facts.facts import Facts
from imds_probe.facts.host import Host, OsRelease
from imds_probe.inventory.packages.dpkg import Dpkg
from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

RUNS, MEMORY_RUNS = 15, 3
ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800  # <linux/if_ether.h>
SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>


class Figures:
    """Wall time (ms) of the runs of one command, and peak memory (MB) over all its processes."""

    def __init__(self) -> None:
        self.wall_ms: list[float] = []
        self.memory_mb: list[float] = []

    def __str__(self) -> str:
        wall = f"{min(self.wall_ms):8.1f} {statistics.median(self.wall_ms):8.1f} {max(self.wall_ms):8.1f}"
        return f"{wall} {statistics.median(self.memory_mb):9.1f}"


def timed(argv: Sequence[str], figures: Figures, env: dict[str, str]) -> None:
    """Run a command once and note how long it took. Output is thrown away."""
    started = time.monotonic()
    pid = os.posix_spawnp(argv[0], list(argv), env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    os.waitpid(pid, 0)
    figures.wall_ms.append((time.monotonic() - started) * 1000)


def compare(
    title: str, commands: dict[str, Sequence[str]], env: dict[str, str], runs: int = RUNS
) -> dict[str, Figures]:
    """Run the commands in turn, one warm-up first, and print a row for each and the ratio to the first. Memory is looked at
    in runs of its own, which take longer by the looking.
    """
    figures = {name: Figures() for name in commands}
    for round_number in range(runs + 1):
        for name, argv in commands.items():
            timed(argv, figures[name] if round_number else Figures(), env)
    for name, argv in commands.items():
        figures[name].memory_mb = [memory.peak_mb(argv, env) for _ in range(MEMORY_RUNS)]
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
        probe = [sys.executable, "-m", "imds_probe", "run", "--root", directory]
        listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        state = InstanceState(http_protocol_ipv6="enabled")
        with Simulator(state, listen, netns=str(lab.service.netns)), MadeUpHost(lab.instance, root) as host:
            compare(
                "The main job in the lab (ms)",
                {
                    "two curl calls and dpkg-query": host.command(["sh", "-c", by_hand, directory]),
                    "imds-probe run": host.command(probe),
                    "imds-probe run, no privilege": host.command(
                        ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", *probe]
                    ),
                },
                dict(os.environ),
            )


BY_HAND = (
    'for ns in "$@"; do nsenter --net=$ns curl -s -m 1 -o /dev/null -X PUT'
    " -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token || echo $ns; done"
)
NEAR, BEYOND, ROUNDS = 160, 40, 3
# What the loop does and nothing else, in one process: find the namespaces, ask for a token from each, print who has none.
MEASURE = """
import sys, time
from pathlib import Path
from imds_probe.inventory.containers.discovery import discover
from imds_probe.collect.hops import measure
from imds_probe.imds.client import RequestCounter
from imds_probe.imds.endpoints import IPV4
root = Path(sys.argv[1])
found = discover(root, root / "proc", in_own_pid_namespace=False)
here, *others = ((each.path, each.inode) for each in found.namespaces)
deadline = time.monotonic() + 60
seen = measure(here, others, [IPV4], hop_limit=None, deadline=deadline, counter=RequestCounter())
print(sum(reach.token == "lost" for each in seen.reach.values() for reach in each), len(seen.reach))
"""


def hops() -> None:
    """200 containers, 40 of them beyond the hop limit, against the shell loop that one would write."""
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab, contextlib.ExitStack() as stack:
        root = Path(directory)
        scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
        near = [lab.add_container(f"near-{number}") for number in range(NEAR)]
        far = [lab.add_container(f"far-{n}", "nested", inside=near[n]) for n in range(BEYOND)]
        listen = (("169.254.169.254", 80),)
        stack.enter_context(Simulator(InstanceState(hop_limit=2), listen, netns=str(lab.service.netns)))
        host = stack.enter_context(MadeUpHost(lab.instance, root))
        for node in (*near, *far):
            host.start_container(node.name, node, env={"AWS_REGION": "eu-west-1"})
        paths = [str(node.netns) for node in (*near, *far)]
        probe = [sys.executable, "-m", "imds_probe", "run", "--output", "json", "--root", directory]
        commands = {
            "nsenter ... curl -m 1, in a loop": ["sh", "-c", BY_HAND, "sh", *paths],
            "the same by imds-probe's parts": host.command([sys.executable, "-c", MEASURE, directory]),
            "imds-probe run, all of it": host.command(probe),
        }
        print(f"\n{NEAR + BEYOND} containers, {BEYOND} beyond the hop limit\n{'':34}  seconds  packets/s to, both")
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, argv in commands.items():
                figures = Figures()
                with PacketRate(lab.service) as rate:
                    timed(argv, figures, dict(os.environ))
                seconds[name].append(figures.wall_ms[0] / 1000)
                print(f"  {name:<32} {seconds[name][-1]:8.2f} {rate.to_service:8} {rate.both:6}")
                time.sleep(1.2)  # so that no second of one run counts for the next
        for name, argv in commands.items():
            print(f"  {name:<32} {memory.peak_mb(argv, dict(os.environ)):8.1f} MB")
        by_hand, *ours = seconds.items()
        for name, taken in ours:
            ratio = statistics.median(a / b for a, b in zip(by_hand[1], taken, strict=True))
            print(f"  {name}: {ratio:.1f} times as fast as the loop (median of {ROUNDS} rounds)")
        print("  A third of the limit is 341 packets a second.")
        done = host.run(probe, timeout_s=60)
        tokens = collections.Counter(each["token"] for each in json.loads(done.stdout)["containers"])
        print(f"  seen: {dict(tokens)}")


PACKAGES = 3000
# As long as the records of Debian 12 are on average, 880 bytes.
RECORD = (
    "Package: {}\nStatus: install ok installed\nPriority: optional\nSection: utils\nInstalled-Size: 100\n"
    "Maintainer: A <a@example.org>\nArchitecture: amd64\nVersion: {}\n"
    + "Depends: " + ", ".join(f"libsomething{n} (>= 1.2.{n})" for n in range(8)) + "\n"
    + "Description: something\n" + " A line about what this package is for and what it does.\n" * 8 + "\n"
)  # fmt: skip


def inventory() -> None:
    """What reading packages costs beside the package manager alone, and the catalog beside nothing. In this process."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        catalog = Catalog.load()
        known = catalog.package_names("dpkg")
        installed = dict.fromkeys(known, "2:99.1.2-1") | {
            f"library{n}": f"1.{n}-1" for n in range(PACKAGES - len(known))
        }
        scenarios.write_host(root, {}, "i-0123456789abcdef0")
        status = "".join(RECORD.format(name, version) for name, version in installed.items())
        (root / "var/lib/dpkg/status").write_text(status)
        (root / "var/lib/dpkg/info").mkdir()
        for name in installed:
            (root / f"var/lib/dpkg/info/{name}.list").write_text("/.\n")
        alone = ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show"]
        packages = Dpkg().query(root, known, timeout_s=60)
        software = [entry for package in packages if (entry := software_of(package, catalog))]
        facts = Facts(True, (), (Host(None, OsRelease("debian", "12", None), None),))
        steps: dict[str, Callable[[], object]] = {
            "dpkg-query --show": lambda: process.run(alone, timeout_s=60),
            "the inventory of dpkg's packages": lambda: Dpkg().query(root, known, timeout_s=60),
            "loading the catalog": Catalog.load,
            f"judging {len(software)} of them by it": lambda: [
                requirement(entry, facts, catalog) for entry in software
            ],
        }
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for round_number in range(RUNS + 1):
            for name, step in steps.items():
                started = time.perf_counter()
                step()
                if round_number:
                    taken[name].append((time.perf_counter() - started) * 1000)
        print(
            f"\n{PACKAGES} packages, {len(packages)} known to the catalog (ms)\n{'':34}      min   median      max    ratio"
        )
        for name, times in taken.items():
            ratio = statistics.median(a / b for a, b in zip(times, taken["dpkg-query --show"], strict=True))
            print(f"  {name:<32} {min(times):8.1f} {statistics.median(times):8.1f} {max(times):8.1f} {ratio:8.2f}")


class PacketRate:
    """Counts packets on the service's link: the most in any one second, those to the service and those of both ways."""

    def __init__(self, service: Node) -> None:
        self._tap = service.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024 * 1024)
        self._tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # when the kernel saw it, not when we came to read
        self._tap.settimeout(0.2)
        self._seen: list[tuple[float, bool]] = []  # Unix time, whether it goes to the service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)
        self.to_service = self.both = 0

    def __enter__(self) -> PacketRate:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._tap.close()
        self.both = most_in_a_second([when for when, _ in self._seen])
        self.to_service = most_in_a_second([when for when, arrives in self._seen if arrives])

    def _count(self) -> None:
        while not self._over.is_set():
            try:
                _, ancillary, _, address = self._tap.recvmsg(64, 64)
            except TimeoutError:
                continue
            if address[0].startswith("eth") and address[1] == ETH_P_IP:
                seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
                self._seen.append((seconds + nanoseconds / 1e9, address[2] != socket.PACKET_OUTGOING))


def most_in_a_second(times: Sequence[float]) -> int:
    """The highest count in any window of one second."""
    most = first = 0
    for last, when in enumerate(times):
        while when - times[first] > 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


SECTIONS: dict[str, Callable[[], None]] = {
    "start-up": start_up,
    "main-job": main_job,
    "before": lambda: bench_before.before(compare),
    "containers-before": lambda: bench_before.containers_before(compare),
    "inventory": inventory,
    "hops": hops,
    "sdks": bench_sdks.beside_syft,
    "hourly": bench_sdks.every_hour,
    "code": bench_code.beside_ripgrep,
    "whole": bench_run.whole_run,
    "schedules": bench_schedules.many_schedules,
    "watch": bench_watch.watch,
    "callers": bench_watch.attribution,
    "rehearse": bench_rehearse.main,
    "reporting": lambda: bench_sinks.reporting(compare),
    "fleet": bench_fleet.fleet,
    "package": lambda: bench_package.package(compare),
}


def main(names: Sequence[str]) -> None:
    for name in names or SECTIONS:
        SECTIONS[name]()
    print(
        f"\n{RUNS} runs each in turn after a warm-up. Memory is the most that all processes of a command shared out to."
    )


if __name__ == "__main__":
    main(sys.argv[1:])
