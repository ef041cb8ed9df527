#!/usr/bin/env python3
"""`make fuzz`: every parser of foreign bytes, driven by coverage, for FUZZ_SECONDS (20) each.

A parser passes if nothing but its documented error comes out, what it gives can be written, and it never takes longer than
a few seconds or more memory than it may. What is found becomes a regression test beside the parser's own tests.
FUZZ_TARGETS names some of them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

# Only what runs a target; what starts those that do needs no more than their names and seeds.
with atheris.instrument_imports(include=["imds_probe"]) if len(sys.argv) > 1 else contextlib.nullcontext():
    from fuzz.targets import TARGETS

SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
LENGTH_MAX, SLOW_SECONDS, MEMORY_MB = 65536, 5, 1024


def fuzz(name: str, corpus: str) -> None:
    """One target, in this process, which ends with it."""
    target = TARGETS[name].make(Path.cwd())
    limits = [f"-max_total_time={SECONDS}", f"-max_len={LENGTH_MAX}", f"-timeout={SLOW_SECONDS}"]
    limits += [f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={corpus}/found-", corpus], target)
    atheris.Fuzz()


def main() -> int:
    failed = []
    for name in os.environ.get("FUZZ_TARGETS", "").split() or TARGETS:
        with tempfile.TemporaryDirectory(prefix="imds-probe-fuzz-", dir="/dev/shm") as directory:
            corpus, root = Path(directory, "corpus"), Path(directory, "root")
            corpus.mkdir()
            root.mkdir()
            for seed, content in TARGETS[name].seeds().items():
                (corpus / seed.replace("/", "-")).write_bytes(content[:LENGTH_MAX])
            done = subprocess.run(
                [sys.executable, "-m", "fuzz.fuzz", name, corpus],
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
            said = "FOUND" if done.returncode else "nothing found"
            print(f"{name:<20} {runs[0] if runs else '?':>9} inputs, {said}", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout[-2000:], done.stderr[-4000:])
                for found in corpus.glob("found-*"):
                    print(f"{found.name}: {found.read_bytes()[:4096]!r}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz(*sys.argv[1:])
    else:
        sys.exit(main())
