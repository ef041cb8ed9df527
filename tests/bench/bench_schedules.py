"""What many schedules cost a run: against the same host without them, the first time and remembered."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench_run import install

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab

SCHEDULES, SCRIPTS_EACH, RUNS = 500, 4, 7
SETTLED_S = 2.5  # what was changed just before is not remembered
PYTHON = "usr/bin/python3"
PROBE = (sys.executable, "-m", "imds_probe", "run", "--no-v1-probe", "--assume-ec2", "--output", "json")
# As long as such scripts are: a head that all of them have, and a few steps of their own.
_HEAD = """#!/bin/sh
# Written by the configuration management: do not edit.
set -eu
NAME="{name}"
LOG=/var/log/jobs/"$NAME".log
LOCK=/run/lock/"$NAME"

log() {{
    printf '%s %s\\n' "$(date -u +%FT%TZ)" "$*" >>"$LOG"
}}

trap 'log failed' EXIT
if [ -e "$LOCK" ]; then
    log "still running"
    exit 0
fi
"""
_RUN = """. /opt/jobs/{name}/settings.sh
for each in /srv/{name}/*.csv; do
    [ -e "$each" ] || continue
    case "$each" in
        *old*) log "left $each" ;;
        *) cp -- "$each" /srv/archive/ && log "kept $each" ;;
    esac
done
/opt/jobs/{name}/step.sh --quiet "$NAME" || log "step failed"
python3 /opt/jobs/{name}/report.py --output "/srv/{name}/report.txt"
"""
_STEP = """if command -v logger >/dev/null; then
    logger -t "$NAME" "begins with $*"
fi
while [ $# -gt 0 ]; do
    case "$1" in
        --quiet) QUIET=yes ;;
        *) TARGET=$1 ;;
    esac
    shift
done
find /srv/"$TARGET" -name '*.tmp' -mtime +7 -exec rm -f {{}} +
"""
_REPORT = """import argparse
import csv
import json
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description="{name}")
    parser.add_argument("--output")
    given = parser.parse_args()
    rows = list(csv.reader(sys.stdin))
    with open(given.output, "w") as file:
        json.dump({{"rows": len(rows)}}, file)
    return 0


sys.exit(main())
"""


def write(root: Path, path: str, content: str, *, executable: bool = False) -> None:
    at = root / path
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(content)
    at.chmod(0o755 if executable else 0o644)


def write_schedules(root: Path) -> None:
    """SCHEDULES of all kinds, and SCRIPTS_EACH that each of them starts or reads."""
    wanted = "etc/systemd/system/timers.target.wants"
    (root / wanted).mkdir(parents=True)
    for number in range(SCHEDULES):
        name = f"job{number}"
        write(root, f"opt/jobs/{name}/run.sh", (_HEAD + _RUN).format(name=name), executable=True)
        write(root, f"opt/jobs/{name}/step.sh", (_HEAD + _STEP).format(name=name), executable=True)
        write(root, f"opt/jobs/{name}/settings.sh", f"TARGET=/srv/{name}\nexport TARGET\n")
        write(root, f"opt/jobs/{name}/report.py", _REPORT.format(name=name))
        started = f"/opt/jobs/{name}/run.sh"
        if number % 4 == 0:
            write(root, f"etc/cron.d/{name}", f"MAILTO=root\n{number % 60} 3 * * * root {started} >/dev/null\n")
        elif number % 4 == 1:
            write(root, f"etc/cron.daily/{name}", f"#!/bin/sh\nset -e\nexec {started}\n", executable=True)
        else:
            write(root, f"etc/systemd/system/{name}.service", f"[Service]\nType=oneshot\nExecStart={started}\n")
            write(root, f"etc/systemd/system/{name}.timer", "[Timer]\nOnCalendar=daily\n[Install]\n")
            (root / wanted / f"{name}.timer").symlink_to(f"../{name}.timer")


def write_programs(root: Path) -> None:
    """Those that the scripts name: all hosts have them."""
    for each in ("bin/sh", "bin/date", "bin/cp", "bin/rm", "usr/bin/find", "usr/bin/logger", PYTHON):
        write(root, each, "\x7fELF", executable=True)
    write(root, "usr/lib/python3.11/os.py", "")


def many_schedules() -> None:
    """The medians of whole runs in turn, and what is added by the schedules."""
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab, contextlib.ExitStack() as stack:
        roots = {name: Path(directory, name) for name in ("without", "with")}
        for root in roots.values():
            scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, "i-0123456789abcdef0")
            write_programs(root)
        write_schedules(roots["with"])
        code = Path(directory, "code")
        install(code)
        time.sleep(SETTLED_S)
        hosts = {name: stack.enter_context(MadeUpHost(lab.instance, root)) for name, root in roots.items()}
        took: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for number in range(RUNS + 1):
            for when in ("first", "remembered"):
                for name, host in hosts.items():
                    state = Path(directory, f"state-{name}")
                    if when == "first":
                        shutil.rmtree(state, ignore_errors=True)
                        state.mkdir(mode=0o700)
                    argv = host.command([*PROBE, "--root", str(roots[name]), "--state-directory", str(state)])
                    seconds = _took(["env", "-C", str(code), f"PYTHONPATH={code}", *argv])
                    if number:
                        took.setdefault((name, when), []).append(seconds)
    print(
        f"\n{SCHEDULES} schedules with {SCHEDULES * SCRIPTS_EACH} scripts (ms)\n{'':14}without     with     more   CPU more"
    )
    for when in ("first", "remembered"):
        (wall, cpu), (wall_with, cpu_with) = (_medians_ms(took[name, when]) for name in ("without", "with"))
        print(f"  {when:<12}{wall:8.1f} {wall_with:8.1f} {wall_with - wall:+8.1f} {cpu_with - cpu:+10.1f}")


def _medians_ms(taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    wall, cpu = zip(*taken, strict=True)
    return statistics.median(wall) * 1000, statistics.median(cpu) * 1000


def _took(argv: Sequence[str]) -> tuple[float, float]:
    """Wall time and CPU time of all processes, in seconds."""
    began = time.monotonic()
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
    pid = os.posix_spawnp(argv[0], list(argv), dict(os.environ), file_actions=quiet)
    _, _, usage = os.wait4(pid, 0)
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime
