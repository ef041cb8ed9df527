"""`make truth`: real clients up to the switch and past it, and the probe's verdicts beside what happened to them.

A case is a client in a place (cases.py, clients.py). It is run in namespaces of its own (experiment.py), on the root of a
Debian host with the probe's package installed (layers.py, standing.py, whole_host.py): judged without a watch and with one,
switched as the report says, and the client asked again. What it prints and what the service's log has is the truth, whatever
the verdict says. The table at the end counts true and false verdicts (outcome.py); it measures and does not judge, so the
exit code is 0 where it ran. Hosts where nobody asks are cases, too (images.py): `image-*` counts how many are unknown.

    python -m truth [PATTERN...]        the cases of these names (shell patterns), all by default
        --check FILE                    and compare with what is expected there: 1 where something is different
        --record FILE                   and write what is to be expected from now on
        --jobs N, --minutes N           so many at a time (3), and begin none after so long (60)

What clients need is fetched once, into the cache outside of the tree, and so are outcomes kept, by what the probe, this
harness and the case consist of: a run does only what is missing. TRUTH_FRESH=1 starts over. What could not be had is named
as not run, with its reason; it is tried anew the next time.

Three things here are not as on a host. Processes are in a PID namespace, where the kernel does not tell the probe whose a
connection is, so while it watches the service takes its time (experiment.LATENCY_MS), and the probe is told the root by a
name that does not make it look for processes outside (experiment.PROBE). And there is no network beside the lab's: what
answers clients as S3 does is in it (storage.py). Hosts are not booted, so no daemon has watched.

A client that never got anything cannot lose it. A verdict that it needs a higher hop limit is true where that number brings
it what it asks for, and false where it does not.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fnmatch
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import package_roots
from truth import experiment, layers, outcome, virtual
from truth.cases import CASES, Case, by_id

HERE = Path(__file__).parent
TREE = HERE.parents[1]
INSTALLED = f"{package_roots.PREFIX}/lib/python3/dist-packages/imds_probe"
CASE_S = 300
# What is started finds this folder and the simulator of this tree.
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{TREE}"}
MAKING = ("unshare", "--mount", "--propagation", "private", "--", sys.executable, "-m", "truth.layers")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="truth", description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.add_argument("--check", type=Path, metavar="FILE")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60)
    args = parser.parse_args(argv)
    kept = layers.TRUTH / "results" / _digest(layers.product() / INSTALLED)[:16]
    if os.environ.get("TRUTH_FRESH"):
        shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * args.minutes
    with concurrent.futures.ThreadPoolExecutor(1) as beside:  # machines mostly wait for each other to boot
        machines = beside.submit(lambda: list(virtual.outcomes(args.patterns, kept, deadline)))
        outcomes = run(_chosen(args.patterns), kept, args.jobs, deadline)
        outcomes += machines.result()
    print(outcome.table(outcomes))
    if args.record:
        args.record.write_text(json.dumps(outcome.expectations(outcomes), indent=1) + "\n")
    if not args.check:
        return 0
    expected = json.loads(args.check.read_text())
    if args.patterns:
        expected = {name: what for name, what in expected.items() if _matches(name, args.patterns)}
    different = outcome.differences(outcomes, expected)
    print("\n".join(["", f"{len(different)} differences from {args.check}", *(f"  {line}" for line in different)]))
    return 1 if different else 0


def run(cases: Sequence[Case], kept: Path, jobs: int, deadline: float) -> list[outcome.Outcome]:
    """The outcomes of cases, from those kept where they are there; `deadline` is a time.monotonic."""
    with _pool(jobs) as pool:
        missing = [case for case in cases if not _place(kept, case).exists()]
        wanted = {layer for case in missing for layer in (case.layer, "bookworm") if layer != "machine"}
        below = {layers.LAYERS[layer].base for layer in wanted if layer in layers.LAYERS}
        for stage in (sorted(below | (wanted & {*layers.BASES})), sorted(wanted)):
            had = dict(zip(stage, pool.map(lambda name: _made(name, deadline), stage), strict=True))
        return list(pool.map(lambda case: _outcome(case, kept, had.get(case.layer, ""), deadline), cases))


@contextlib.contextmanager
def _pool(jobs: int) -> Iterator[concurrent.futures.ThreadPoolExecutor]:
    """Threads that are not waited for where the run is broken off: what they run is ended."""
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in list(_running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        raise
    finally:
        pool.shutdown()


# The cases that are run now. Each is a process group of its own, which an interrupt does not reach.
_running: set[subprocess.Popen[str]] = set()


def _chosen(patterns: Sequence[str]) -> list[Case]:
    if not patterns:
        return list(CASES)
    return [case for case in by_id().values() if _matches(case.id, patterns)]


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _digest(directory: Path) -> str:
    """Of the probe as it is installed: what was judged by other code says nothing."""
    digest = hashlib.sha256()
    for file in sorted(directory.rglob("*")):
        if file.suffix in (".py", ".json"):
            digest.update(f"{file.relative_to(directory)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


# Cases and clients are in the case's own digest, and this module changes no outcome.
_HARNESS = hashlib.sha256(
    b"".join(
        (HERE / f"{name}.py").read_bytes()
        for name in ("experiment", "programs", "standing", "starts", "storage", "whole_host")
    )
).hexdigest()[:8]


def _place(kept: Path, case: Case) -> Path:
    return kept / f"{case.id}-{case.digest()}-{_HARNESS}.json"


def _made(name: str, deadline: float) -> str:
    """Make a layer; why it cannot be had, empty where it can."""
    if name not in layers.LAYERS and name not in layers.BASES:
        return f"there is no {name}"
    if not layers.missing(name):
        return ""
    if time.monotonic() > deadline:
        return "there was no time to fetch it"
    _say(f"making {name}")
    try:
        done = subprocess.run(
            [*MAKING, name],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * layers.WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        return "it was not made in time"
    said = (done.stdout + done.stderr).strip().splitlines()
    return "" if not layers.missing(name) else (said or ["it was not made"])[-1]


def _outcome(case: Case, kept: Path, not_had: str, deadline: float) -> outcome.Outcome:
    place = _place(kept, case)
    if place.exists():
        return json.loads(place.read_text())
    if not_had:
        return {"case": case.id, "not_run": not_had}
    if time.monotonic() > deadline:
        return {"case": case.id, "not_run": "there was no time"}
    began = time.monotonic()
    found = _experiment(case.id)
    if "not_run" in found:
        said = f"not run: {found['not_run']}"
    else:
        said = ", ".join(outcome.classes(found).values())
        passing = place.with_suffix(".passing")
        passing.write_text(json.dumps(found, indent=1))
        passing.replace(place)
    _say(f"{case.id}: {said} ({time.monotonic() - began:.0f} s)")
    return found


def _experiment(case: str) -> outcome.Outcome:
    """Run a case in a process of its own. When that ends, everything in its namespaces does."""
    with subprocess.Popen(
        experiment.isolated(case),
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as child:
        _running.add(child)
        try:
            out, err = child.communicate(timeout=CASE_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return {"case": case, "not_run": f"it did not end within {CASE_S} s"}
        finally:
            _running.discard(child)
    try:
        return json.loads(out)
    except ValueError:
        return {
            "case": case,
            "not_run": f"this harness failed: {(err.strip().splitlines() or ['it said nothing'])[-1]}",
        }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
