"""Reading code: beside ripgrep with the same words on the same files, and as a part of a whole run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from imds_probe.collect.code_tasks import LYING, Lying, Piece, Reading
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.trail import Trail
from imds_probe.inventory.code.words import WORDS
from imds_probe.reading.reader import Reader

RUNS, PAUSE_S = 5, 1.0
LIBRARIES = Path(sysconfig.get_paths()["purelib"])  # of this very environment: some thousand files
ENDLESS_S, BYTES_MAX = 600.0, 1 << 34
# Programs of a host: most sleep, and some have an interpreter with what it loads.
PROCESSES = (
    (70, ["sleep", "600"]),
    (10, ["/usr/bin/python3", "-c", "import json, http.client, time; time.sleep(600)"]),
    (10, ["perl", "-e", "use strict; use IO::Socket; sleep 600"]),
    (10, ["sh", "-c", "while sleep 600; do date; done"]),
)
# What a host has besides its packages and its own software is another's: here that is toolchains, with more files than both.
HOMES = ("/root", "/home", "/opt")
KEPT = (Path(sys.base_prefix), Path(__file__).parents[2])
_HOST = """
set -e
mount -t proc proc /proc
mount -t tmpfs none /run
ip link set lo up
"""


def wall_s(work: Callable[[], object], runs: int = RUNS) -> float:
    """The median of several runs, of which the first, which warms the cache, does not count."""
    times = []
    for _ in range(runs + 1):
        began = time.monotonic()
        work()
        times.append(time.monotonic() - began)
    return statistics.median(times[1:])


def beside_ripgrep() -> None:
    """What lies in a directory of libraries: searched for the first time, and remembered."""
    with tempfile.TemporaryDirectory() as directory, Reader(READING, memory_mib=READING_MIB) as reader:
        words = Path(directory, "words")
        words.write_text("\n".join(word for word, _ in WORDS) + "\n")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        kept: dict[str, Kept] = {}
        trails: dict[str, Trail] = {}

        def read(remembered: bool) -> None:
            # Another image each time: nothing is shared within the reader.
            image = str(time.monotonic_ns())
            deadline = time.monotonic() + ENDLESS_S
            given = (kept, trails) if remembered else ({}, {})
            reading = Reading("/", (), None, image, deadline, BYTES_MAX, *given, time.time_ns())

            def seen(piece: Piece) -> str:
                kept.update(piece.learnt)
                trails.update(piece.trails)
                return ""

            answer = reader.ask(LYING, Lying(reading, (str(LIBRARIES),), ()), [Path("/")], deadline, seen=seen)
            if answer.failed:
                raise SystemExit(f"the libraries were not read: {answer.failed}")

        times = {
            "find": wall_s(
                lambda: subprocess.run(["find", str(LIBRARIES), "-printf", "%s %C@\\n"], check=True, **quiet)
            ),
            "rg": wall_s(
                lambda: subprocess.run(["rg", "-uuu", "-aFlf", str(words), str(LIBRARIES)], check=False, **quiet)
            ),
            "first": wall_s(lambda: read(remembered=False)),
            "remembered": wall_s(lambda: read(remembered=True)),
        }
    print(f"\nCode in {len(kept)} files of {LIBRARIES}")
    for name, seconds in times.items():
        print(f"  {name:<12} {seconds:7.3f} s")
    print(
        f"  first: {times['first'] / times['rg']:.1f} times rg; remembered: {times['remembered'] / times['first']:.2f} of that,"
    )
    print(f"  {times['remembered'] / times['find']:.1f} times find")


def whole_run() -> None:
    """On this machine's disk, with processes, mounts and a network of its own: the first run, and those after it."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory, "state")
        state.mkdir(mode=0o700)  # a run makes none, and remembers nothing without
        script = [_HOST, *_without_homes(Path(directory))]
        for count, argv in PROCESSES:
            quoted = " ".join(f"'{word}'" for word in argv)
            script += [f"for each in $(seq {count}); do {quoted} </dev/null >/dev/null 2>&1 & done"]
        script += ["echo ready", "exec sleep 3600"]
        env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--net", "--propagation", "private", "--"]
        probe = [sys.executable, "-m", "imds_probe", "run", "--assume-ec2", "--no-v1-probe", "--output", "json"]
        with subprocess.Popen([*argv, "sh", "-c", "\n".join(script)], stdout=subprocess.PIPE, env=env) as host:
            assert host.stdout
            try:
                assert host.stdout.readline() == b"ready\n"
                (first,) = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
                inside = ["nsenter", f"--target={first}", "--mount", "--pid", "--net", "--wd=/", "--"]
                took = []
                for _ in range(RUNS + 1):
                    began = time.monotonic()
                    run = subprocess.run(
                        [*inside, *probe, "--state-directory", str(state)], check=False, stdout=subprocess.PIPE, env=env
                    )
                    took.append(time.monotonic() - began)
                    time.sleep(PAUSE_S)
            finally:
                host.kill()
    read = json.loads(run.stdout)["read"]
    processes = sum(count for count, _ in PROCESSES)
    print(
        f"\nA whole run with {processes} processes: {took[0]:.2f} s the first time, then {statistics.median(took[1:]):.2f} s;\n"
        f"  {read['programs']} programs and {read['scheduled']} scheduled ones were read"
    )


def _without_homes(directory: Path) -> Iterator[str]:
    """Commands that hide what lies in HOMES, but for what the probe itself needs."""
    kept = {path: directory / f"kept-{number}" for number, path in enumerate(KEPT) if str(path).startswith(HOMES)}
    yield from (f"mkdir {at} && mount --bind {path} {at}" for path, at in kept.items())
    yield from (f"mount -t tmpfs none {home}" for home in HOMES if Path(home).is_dir())
    yield from (f"mkdir -p {path} && mount --bind {at} {path}" for path, at in kept.items())
