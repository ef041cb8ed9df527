"""Reading code: beside ripgrep with the same words on the same files."""

from __future__ import annotations

import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from imds_probe.collect.code_tasks import LYING, Lying, Piece, Reading
from imds_probe.collect.collectors import READING, READING_MIB
from imds_probe.inventory.code.following.known import Kept
from imds_probe.inventory.code.following.trail import Trail
from imds_probe.inventory.code.words import WORDS
from imds_probe.reading.reader import Reader

RUNS = 5
LIBRARIES = Path(sysconfig.get_paths()["purelib"])  # of this very environment: some thousand files
ENDLESS_S, BYTES_MAX = 600.0, 1 << 34


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
