"""What a rehearsal costs: what the relay adds to a request, whether it keeps up, and what it takes while nobody asks."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

RATE, WORKERS, SECONDS, IDLE_SECONDS = 200, 20, int(os.environ.get("REHEARSE_SECONDS", "30")), 10
SOURCE = str(Path(__file__).parents[2])
REHEARSE = [
    sys.executable,
    "-m",
    "imds_probe",
    "rehearse",
    "--assume-ec2",
    "--no-v1-probe",
    "--for",
    "1h",
    "--no-record",
    "--",
]

# Token requests and requests with a token in turn, each on a connection of its own, as the service closes each.
LOAD = f"""
import json, re, socket, statistics, sys, threading, time
def ask(data):
    with socket.create_connection(("169.254.169.254", 80), 30) as client:
        client.sendall(data)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    return answer
PUT = b"PUT /latest/api/token HTTP/1.1\\r\\nHost: x\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 600\\r\\n\\r\\n"
token = ask(PUT).partition(b"\\r\\n\\r\\n")[2]
GET = b"GET /latest/meta-data/instance-id HTTP/1.1\\r\\nHost: x\\r\\nX-aws-ec2-metadata-token: " + token + b"\\r\\n\\r\\n"
rate, workers, seconds = {RATE}, {WORKERS}, {SECONDS}
took, lost, started = [], [], time.monotonic()
def work(mine):
    for number in range(mine, rate * seconds, workers):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        began = time.monotonic()
        try:
            answer = ask(PUT if number % 2 else GET)
        except OSError:
            answer = b""
        (took if answer.startswith(b"HTTP/1.1 200") else lost).append((time.monotonic() - began) * 1000)
threads = [threading.Thread(target=work, args=(mine,)) for mine in range(workers)]
for thread in threads: thread.start()
for thread in threads: thread.join()
took.sort()
print(json.dumps([took[len(took) // 2], took[len(took) * 99 // 100], len(lost), len(took) / (time.monotonic() - started)]))
"""


def main() -> None:
    with (
        Lab("bench-rehearse") as lab,
        Simulator(InstanceState(), (("169.254.169.254", 80),), netns=str(lab.service.netns)),
    ):
        load = [sys.executable, "-c", LOAD]
        direct, relayed = _load(lab.instance, load), _load(lab.instance, [*REHEARSE, *load])
        print(f"\n{RATE} requests a second for {SECONDS} s, milliseconds:    p50      p99   lost   a second")
        for name, (p50, p99, lost, rate) in (("direct", direct), ("rehearsed", relayed)):
            print(f"  {name:46} {p50:8.2f} {p99:8.2f} {lost:6} {rate:10.1f}")
        print(f"  the relay adds {relayed[0] - direct[0]:.2f} ms (p50), {relayed[1] - direct[1]:.2f} ms (p99)")
        _idle(lab.instance)


def _load(node: Node, argv: list[str]) -> tuple[float, float, int, float]:
    done = node.run(argv, timeout_s=SECONDS + 120.0, env={"PYTHONPATH": SOURCE})
    p50, p99, lost, rate = json.loads(done.stdout)
    return p50, p99, lost, rate


def _idle(node: Node) -> None:
    """CPU time and memory while the command sleeps; the start is no part of it."""
    child = node.start([*REHEARSE, "sleep", str(IDLE_SECONDS + 5)], env={"PYTHONPATH": SOURCE})
    try:
        time.sleep(3)
        before, started = _cpu_s(child.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (_cpu_s(child.pid) - before) / (time.monotonic() - started)
        status = Path(f"/proc/{child.pid}/status").read_text()
        peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        print(f"  idle: {share:.2%} of one CPU, {peak_kb / 1024:.1f} MB")
    finally:
        child.terminate()
        child.wait()
        process.stop(child)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
