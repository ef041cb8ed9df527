"""What differs by architecture, on a kernel of its own: run inside a virtual machine by the package's own Python.

Prints a JSON object. The service is simulated on loopback, and nothing leads out of the machine.

    python3.13 -IB arm64_guest.py
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import reading_tasks as tasks

from imds_probe.reading.reader import Reader
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

LISTEN = (("169.254.169.254", 80),)
URL = "http://169.254.169.254/latest/meta-data/ami-id"
WITHIN_S = 900.0  # the processor is emulated
ASK = f"import urllib.request, time\nurllib.request.urlopen({URL!r}, timeout=60).read()\ntime.sleep(3)"
STATUS = f"""
import urllib.request, urllib.error
try:
    print(urllib.request.urlopen({URL!r}, timeout=60).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""
PROBE = "/usr/bin/imds-probe"


def confinement() -> dict[str, Any]:
    """What a reader reads, what it may not do, and how it ends where it takes too much."""
    with Reader(tasks.TASKS) as reader:
        place = tasks.At("/", ("usr/bin/imds-probe",))
        read = reader.ask(tasks.LENGTHS, place, [Path("/")], time.monotonic() + WITHIN_S)
        parser, opener = (Path(f"/proc/{each.pid}/status").read_text() for each in (reader._parser, reader._opener))
        tried = reader.ask(tasks.ATTEMPTS, tasks.At("/nowhere"), [Path("/")], time.monotonic() + WITHIN_S)
        bomb = reader.ask(tasks.BOMB, tasks.At("/"), [Path("/")], time.monotonic() + WITHIN_S)
    filtered = [
        line for text in (parser, opener) for line in text.splitlines() if line.startswith(("Seccomp:", "CapEff"))
    ]
    return {
        "read": [each.said for each in read.found],
        "tried": sorted({each.said for each in tried.found}),
        "bomb": bomb.failed,
        "filters": [line.split()[1] for line in filtered],
    }


def watch() -> list[dict[str, Any]]:
    """The calls that a watch tells of, one of them by a process that ends at once."""
    argv = [PROBE, "watch", "--json", "--for", "600s"]
    with open("/run/watched", "wb") as out, open("/run/said", "wb") as said:
        watching = subprocess.Popen(argv, stdout=out, stderr=said)
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline and Path("/run/watched").read_bytes().count(b"\n") < 2:
            subprocess.run([sys.executable, "-I", "-c", ASK], check=True, timeout=WITHIN_S)
        watching.send_signal(signal.SIGINT)
        watching.wait(WITHIN_S)
    return [json.loads(line) for line in Path("/run/watched").read_text().splitlines()]


def rehearsal() -> dict[str, Any]:
    """A command that asks without a token is refused, and the same is served afterwards."""
    done = subprocess.run(
        [PROBE, "rehearse", "--for", "60s", "--assume-ec2", "--", sys.executable, "-I", "-c", STATUS],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    after = subprocess.run([sys.executable, "-I", "-c", STATUS], capture_output=True, text=True, check=False)
    return {"code": done.returncode, "inside": done.stdout, "said": done.stderr[-1500:], "after": after.stdout}


def main() -> None:
    found: dict[str, Any] = {"machine": os.uname().machine, "kernel": os.uname().release}
    with Simulator(InstanceState(), LISTEN):
        found |= {part.__name__: part() for part in (confinement, watch, rehearsal)}
    found["watched"] = Path("/run/said").read_text()[-500:]
    print(f"\nFOUND {json.dumps(found)}", flush=True)


main()
