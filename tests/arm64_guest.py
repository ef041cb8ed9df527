"""What differs by architecture, on a kernel of its own: run inside a virtual machine by the package's own Python.

The metadata service is simulated in a network namespace, and nothing leads out of the machine. Of this host there are its
firmware, its kernel and a container, which is one router further away from the service. Each step is a line on standard output
as it begins: "STEP", the seconds since the machine was started, and what is being done. The last line is "FOUND" and a JSON object.

    python3.13 -IB arm64_guest.py
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import reading_tasks as tasks

from imds_probe.reading.reader import Reader
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

SERVICE = "169.254.169.254"
WITHIN_S = 300.0  # of the machine's own clock, which stands still while the machine does
REHEARSED_S = 20
PROBE = "/usr/bin/imds-probe"
PYTHON = (sys.executable, "-I", "-S", "-c")
ASK = f"""
import socket
def ask():
    with socket.create_connection(({SERVICE!r}, 80), 60) as asking:
        asking.sendall(b"GET /latest/meta-data/ami-id HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n")
        return asking.recv(12).decode()[-3:]
"""
# It ends at once, so that only the kernel's tracing tells who it was.
ASK_ONCE = f"{ASK}print(ask())"
# The network namespace goes with the process, unless a socket is open in it.
AWAY = "import os, time; os.unshare(os.CLONE_NEWNET); print(flush=True); time.sleep(86400)"
CONTAINER_ID = "ab" * 32
GROUP = Path("/sys/fs/cgroup/docker", CONTAINER_ID)
RECORD = Path("/var/lib/docker/containers", CONTAINER_ID, "config.v2.json")
ASK_WHEN_TOLD = f"""{ASK}
import os, sys
open("{GROUP}/cgroup.procs", "w").write("0")
os.unshare(os.CLONE_NEWNET)
print(flush=True)
for line in sys.stdin:
    print(ask(), flush=True)
"""


def step(name: str) -> None:
    """Say what is being done from now on."""
    print(f"STEP {Path('/proc/uptime').read_text().split()[0]} {name}", flush=True)


class Container:
    """A process in a control group and a network namespace of its own, with the record that Docker keeps of it."""

    def __init__(self) -> None:
        GROUP.mkdir(parents=True)
        RECORD.parent.mkdir(parents=True)
        RECORD.write_text(json.dumps({"ID": CONTAINER_ID, "Name": "/web", "Config": {"Image": "example/app:1"}}))
        self._process = _started(ASK_WHEN_TOLD)
        self.pid = self._process.pid
        _linked("docker0", "172.17.0.1/16", self.pid, "172.17.0.2/16", "default via 172.17.0.1")

    def ask(self) -> str:
        """Have it ask without a token; the status that it gets."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().decode().strip()


@contextlib.contextmanager
def service() -> Iterator[None]:
    """The metadata service, on a link of this host's. Nobody but its sockets is in its network namespace."""
    away = _started(AWAY)
    _linked("eth0", "10.0.0.2/24", away.pid, "10.0.0.1/24", "172.17.0.0/16 via 10.0.0.2")
    _ip(f"addr add {SERVICE}/32 dev lo", away.pid)
    _ip(f"route add {SERVICE}/32 via 10.0.0.1")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    simulator = Simulator(InstanceState(), ((SERVICE, 80),), f"/proc/{away.pid}/ns/net")
    with simulator:
        away.kill()
        yield


def _started(program: str) -> subprocess.Popen[bytes]:
    """Once it has said a line, by which it is where it wants to be."""
    process = subprocess.Popen([*PYTHON, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _linked(name: str, address: str, pid: int, far_address: str, far_route: str) -> None:
    """A link between here and the network namespace of a process, and the way back from there."""
    _ip(f"link add {name} type veth")  # the other end is veth0, as busybox leaves its name to the kernel
    _ip(f"link set veth0 netns {pid}")
    _ip(f"addr add {address} dev {name}")
    _ip(f"link set {name} up")
    for line in ("link set lo up", f"addr add {far_address} dev veth0", "link set veth0 up", f"route add {far_route}"):
        _ip(line, pid)


def _ip(line: str, pid: int | None = None) -> None:
    there = [] if pid is None else ["nsenter", f"--net=/proc/{pid}/ns/net"]
    subprocess.run([*there, "ip", *line.split()], check=True)


def confinement(_: Container) -> dict[str, Any]:
    """What a reader reads, what it may not do, and how it ends where it takes too much."""
    with Reader(tasks.TASKS) as reader:
        place = tasks.At("/", ("usr/bin/imds-probe",))
        read = reader.ask(tasks.LENGTHS, place, [Path("/")], time.monotonic() + WITHIN_S)
        parser, opener = (Path(f"/proc/{each.pid}/status").read_text() for each in (reader._parser, reader._opener))
        tried = reader.ask(tasks.ATTEMPTS, tasks.At("/nowhere"), [Path("/")], time.monotonic() + WITHIN_S)
        bomb = reader.ask(tasks.BOMB, tasks.At("/"), [Path("/")], time.monotonic() + WITHIN_S)
    return {
        "read": [each.said for each in read.found],
        "tried": {each.about: each.said for each in tried.found},
        "bomb": bomb.failed,
        "parser": _status(parser),
        "opener": _status(opener),
    }


def _status(text: str) -> dict[str, str]:
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return {name: fields[name].strip() for name in ("Seccomp", "CapEff")}


def watch(container: Container) -> dict[str, Any]:
    """The calls that a watch tells of, of the host and the container, and what the watch says of itself."""
    said, told = Path("/run/said"), Path("/run/told")
    with told.open("wb") as out, said.open("wb") as errors:
        watching = subprocess.Popen([PROBE, "watch", "--json"], stdout=out, stderr=errors)
        deadline = time.monotonic() + WITHIN_S
        while told.read_bytes().count(b"\n") < 4 and watching.poll() is None and time.monotonic() < deadline:
            _run(*PYTHON, ASK_ONCE)
            container.ask()
            time.sleep(1)
        watching.send_signal(signal.SIGINT)
        code = watching.wait(WITHIN_S)
    calls = [json.loads(line) for line in told.read_text().splitlines()]
    return {"code": code, "calls": calls, "said": said.read_text()[-1500:]}


def run(_: Container) -> dict[str, Any]:
    """The main job, and the same report judged again."""
    kept = Path("/run/report.json")
    done = _run(PROBE, "run", "--timeout", f"{WITHIN_S:g}s", "-o", "summary", "--keep", str(kept))
    again = _run(PROBE, "judge", "-o", "json", str(kept))
    return {**done, "report": json.loads(kept.read_text()), "again": json.loads(again["printed"])}


def rehearsal(_: Container) -> dict[str, Any]:
    """A command that asks without a token is refused, and the same is served afterwards."""
    inside = _run(PROBE, "rehearse", "--for", f"{REHEARSED_S}s", "--", *PYTHON, ASK_ONCE)
    return {**inside, "after": _run(*PYTHON, ASK_ONCE)["printed"]}


def rehearsal_of_a_container(container: Container) -> dict[str, Any]:
    """A container that asks without a token is refused until the end."""
    argv = [PROBE, "rehearse", "--container", "web", "--hop-limit", "2", "--for", f"{REHEARSED_S}s"]
    answers = []
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as rehearsing:
        while rehearsing.poll() is None:
            answers.append(container.ask())
            time.sleep(1)
        assert rehearsing.stderr is not None
        return {"code": rehearsing.returncode, "answers": answers, "said": rehearsing.stderr.read()[-1500:]}


def _run(*argv: str) -> dict[str, Any]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=WITHIN_S + 60)
    return {"code": done.returncode, "printed": done.stdout, "said": done.stderr[-1500:]}


def main() -> None:
    found: dict[str, Any] = {
        "machine": os.uname().machine,
        "kernel": os.uname().release,
        "python": platform.python_version(),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
    }
    step("laying the network out")
    with service():
        container = Container()
        for part in (confinement, watch, run, rehearsal, rehearsal_of_a_container):
            step(f"running {part.__name__}")
            found[part.__name__] = part(container)
        step("stopping the service")
    print(f"FOUND {json.dumps(found)}", flush=True)


main()
