"""What the picture of a fleet costs, beside jq that only counts verdicts: time, memory, and whether both stay in proportion."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import fleets_made
import memory

SIZES = (1_000, 10_000, 100_000)
BESIDE_JQ = 10_000  # of more, jq takes minutes
FILES, ROUNDS = 10, 3
LOOKED_EVERY_S = 0.05
_SPARE = 2  # times as much as is written, for those who use the disk besides


def fleet() -> None:
    """Reports as long as usual ones, as NDJSON in several files. Everything is removed at the end."""
    needed = max(SIZES) * fleets_made.LONG
    with tempfile.TemporaryDirectory() as directory:
        free = shutil.disk_usage(directory).free
        sizes = [size for size in SIZES if size * fleets_made.LONG * _SPARE < free]
        if sizes != list(SIZES):
            print(
                f"\n{directory} has {free >> 20} MiB free, and {needed >> 20} MiB are needed: the largest fleet is left out"
            )
        print(
            f"\nA fleet's reports, {fleets_made.LONG} characters each\n{'':34}   hosts  seconds    CPU s  peak MB  reports/s"
        )
        for size in sizes:
            with _reports(Path(directory), size) as paths:
                probe = [sys.executable, "-m", "imds_probe", "fleet", "--max-age", "9d"]
                _show("imds-probe fleet", [*probe, *paths], size)
                _show("imds-probe fleet --jobs 1", [*probe, "--jobs", "1", *paths], size)
                _show("imds-probe fleet plan", [*probe[:4], "plan", *probe[4:], *paths], size)
                if size == BESIDE_JQ:
                    _show("jq -r .verdict.state", ["jq", "-r", ".verdict.state", *paths], size)


@contextlib.contextmanager
def _reports(directory: Path, size: int) -> Iterator[list[str]]:
    """So many in files, of which each has a part."""
    paths = [directory / f"{number}.ndjson" for number in range(FILES)]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for number, line in enumerate(fleets_made.lines(size, long=fleets_made.LONG)):
            files[number * FILES // size].write(line)
    try:
        yield [str(path) for path in paths]
    finally:
        for path in paths:
            path.unlink()


def _show(name: str, argv: Sequence[str], size: int) -> None:
    """The fastest of some rounds, as others use the machine besides."""
    taken, cpu, most = zip(*(_run(argv) for _ in range(ROUNDS)), strict=True)
    figures = f"{min(taken):8.1f} {min(cpu):8.1f} {max(most):8.1f} {size / min(taken):10.0f}"
    print(f"  {name:<32} {size:7} {figures}", flush=True)


def _run(argv: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, those of the processors, and MB over all processes at a time."""
    env = dict(os.environ)
    discarded = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    started = time.monotonic()
    pid = os.posix_spawnp(argv[0], list(argv), env, file_actions=[discarded])
    peak = 0
    while (ended := os.wait4(pid, os.WNOHANG))[0] == 0:
        peak = max(peak, sum(memory.pss_kb(each) for each in memory.family(pid)))
        time.sleep(LOOKED_EVERY_S)
    usage = ended[2]
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak / 1024
