"""What the watch costs: idle, and under load beside tcpdump writing the same traffic to a file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from memory import family
from soon import SOON_S, wait_for
from watching import numbered

from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system.usage import own_memory

# Requests a second, and for how long: of a busy host, and of none that is known.
LOADS = ((200, 30), (1000, int(os.environ.get("WATCH_SECONDS", "60"))))
CONNECTIONS, IDLE_SECONDS = 50, 20
SOURCE = str(Path(__file__).parents[2])
V1 = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: bench\r\n\r\n"
V2 = V1.replace(b"User-Agent", b"X-aws-ec2-metadata-token: none\r\nUser-Agent")


class Cost:
    """CPU time (s) and memory (MB) of a process and its readers while it runs, of which its start is no part."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._pid = child.pid
        self._before = self._cpu()

    def _cpu(self) -> float:
        stats = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(self._pid)]
        return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")

    def since(self) -> tuple[float, float]:
        status = Path(f"/proc/{self._pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        readers = sum(own_memory(each) for each in family(self._pid) if each != self._pid)
        return self._cpu() - self._before, peak / 1024 + readers / 2**20


# The service closes each connection after its answer, as EC2's does, so each request has one of its own.
LOAD = f"""
import socket, sys, threading, time
seconds, rate, workers = float(sys.argv[1]), int(sys.argv[2]), {CONNECTIONS}
requests, answered, started = ({V1!r}, {V2!r}), [0] * workers, time.monotonic()
def work(mine):
    for number in range(mine, int(rate * seconds), workers):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        with socket.create_connection(("169.254.169.254", 80), 5) as client:
            client.sendall(requests[number // workers % 2])
            answered[mine] += bool(client.recv(65536))
threads = [threading.Thread(target=work, args=(mine,)) for mine in range(workers)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum(answered), time.monotonic() - started)
"""


def _load(lab: Lab, rate: int, seconds: int) -> tuple[int, float]:
    """Requests, one in two by IMDSv1, CONNECTIONS at a time. How many were answered, in how long."""
    done = lab.instance.run([sys.executable, "-c", LOAD, str(seconds), str(rate)], timeout_s=seconds * 3 + 30)
    answered, taken = done.stdout.split()
    return int(answered), float(taken)


def _started(lab: Lab, argv: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        child = lab.instance.start(argv, env={"PYTHONPATH": SOURCE}, stdout=file, stderr=subprocess.DEVNULL)
    # What is asked before it listens is not lost, and a busy machine takes its time. A ring is a mapping of a socket.
    wait_for(lambda: "socket:" in Path(f"/proc/{child.pid}/maps").read_text())
    time.sleep(2)
    return child


def _ended(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGINT)
    child.wait()


def watch() -> None:
    """Idle, then under load; each beside tcpdump with the same filter in mind."""
    probe = [sys.executable, "-m", "imds_probe", "watch", "--json"]
    with tempfile.TemporaryDirectory() as directory, Lab("bench") as lab:
        output, packets = Path(directory, "calls"), Path(directory, "packets")
        commands = {"imds-probe watch --json": probe}
        if shutil.which("tcpdump"):
            commands["tcpdump -w"] = ["tcpdump", "-i", "any", "-U", "-w", str(packets), "host", "169.254.169.254"]
        listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
        with Simulator(InstanceState(http_protocol_ipv6="enabled"), listen, netns=str(lab.service.netns)):
            print("\nThe watch, idle")
            for name, argv in commands.items():
                child = _started(lab, argv, output)
                idle = Cost(child)
                time.sleep(IDLE_SECONDS)
                cpu, memory = idle.since()
                _ended(child)
                print(f"  {name:<26} {100 * cpu / IDLE_SECONDS:.2f} % of a core, peak {memory:.0f} MB")
            for rate, seconds in LOADS:
                print(f"\nThe watch, {rate} requests a second from {CONNECTIONS} connections for {seconds} s")
                for name, argv in commands.items():
                    child = _started(lab, argv, output)
                    loaded = Cost(child)
                    answered, taken = _load(lab, rate, seconds)
                    time.sleep(2)
                    cpu, memory = loaded.since()
                    _ended(child)
                    lines = output.read_bytes().count(b"\n")
                    counted = f", {lines} of {answered} counted" if "watch" in name else f", {answered} answered"
                    print(
                        f"  {name:<26} {100 * cpu / taken:.1f} % of a core, peak {memory:.0f} MB{counted} "
                        f"at {answered / taken:.0f} a second"
                    )


WATCHER = """
import json, sys, time
from imds_probe.watch.watcher import Watcher
with Watcher(tracing=sys.argv[1] == "tracepoint") as watcher:
    print("ready", flush=True)
    end, left = time.monotonic() + float(sys.argv[3]), int(sys.argv[2])
    while time.monotonic() < end and left > 0:
        for seen in watcher.calls(0.2):
            caller, left = seen.caller, left - 1
            print(json.dumps([seen.path, caller and caller.pid, caller and caller.exe]), flush=True)
"""
CLIENTS = 200


def attribution() -> None:
    """How many of short-lived clients are named with the right process, by each way that there is."""
    print(f"\nCallers that are named, of {CLIENTS} curl processes one after another")
    for way in ("tracepoint", "sock_diag"):
        listen = (("169.254.169.254", 80),)
        with Lab("bench") as lab, Simulator(InstanceState(), listen, netns=str(lab.service.netns)):
            argv = [sys.executable, "-c", WATCHER, way, str(CLIENTS), f"{SOON_S:g}"]
            child = lab.instance.start(argv, env={"PYTHONPATH": SOURCE}, stdout=subprocess.PIPE)
            assert child.stdout
            child.stdout.readline()
            pids = {}
            for number in range(CLIENTS):
                path = numbered(number)  # of a path that the service has not, nothing is kept that tells it from others
                client = lab.instance.start(["curl", "-s", "-o", "/dev/null", f"http://169.254.169.254{path}"])
                client.wait()
                pids[path] = client.pid
            seen = [json.loads(line) for line in child.stdout.read().splitlines()]
            child.wait()
            right = [exe for path, pid, exe in seen if pids.get(path) == pid]
            known = sum(exe == shutil.which("curl") for exe in right)
            print(f"  {way:<26} {len(seen)} counted, {len(right)} with the right process, {known} with its executable")
