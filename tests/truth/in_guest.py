"""The main job in a lab, run inside a virtual machine by the package's own interpreter: another kernel, real control groups.

A container on the bridge asks with a token where it gets one and without one else; a process of the host asks without.
Control groups are made in every hierarchy that the guest has mounted, so that /proc/PID/cgroup is the kernel's own text.

    python3.13 -IB in_guest.py          prints a JSON object: the outcomes of both, and what the kernel has
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imds_probe.simulator import scenarios
from imds_probe.simulator.lab.host import MadeUpHost
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.lab.node import Node
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState

INSTANCE = "i-0123456789abcdef0"
BASE = "http://169.254.169.254/latest"
WATCH_S = 6
HIGH = 3
LATENCY_MS = (
    200.0  # in a PID namespace the kernel does not say whose connection it is: it has to be found while it lasts
)
EITHER = f"""
token=$(curl -s -m 1 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' {BASE}/api/token) || token=
exec curl -s -m 5 ${{token:+-H "X-aws-ec2-metadata-token: $token"}} {BASE}/meta-data/instance-id
"""
NEVER = f"exec curl -s -m 5 {BASE}/meta-data/instance-id"
AGAIN = f"while :; do curl -s -m 5 -o /dev/null {BASE}/meta-data/instance-id; sleep 1; done"
LIBRARY = "import ssl, time; time.sleep(86400)"


class GuestHost(MadeUpHost):
    """As MadeUpHost, with control groups of the kernel in place of a text over the one in /proc."""

    def start(self, *args: Any, cgroup: str | None = None, **more: Any) -> int:
        pid = super().start(*args, **more)
        if cgroup is not None:
            for hierarchy in hierarchies():
                group = hierarchy / cgroup.strip().removeprefix("0::/")
                _make_group(hierarchy, group)
                (group / "cgroup.procs").write_text(str(self._children[pid].pid))
        return pid


def hierarchies() -> list[Path]:
    """Where each hierarchy of control groups is mounted: cgroups(7)."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [Path(each[4]) for each in mounts if each[each.index("-") + 1] in ("cgroup", "cgroup2")]


def _make_group(hierarchy: Path, group: Path) -> None:
    for each in reversed([group, *group.parents]):
        if hierarchy in each.parents and not each.exists():
            each.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):  # of version 1: nobody can enter it before these are set
                if hierarchy.name == "cpuset":
                    (each / name).write_text((each.parent / name).read_text())


def judged(host: MadeUpHost, service: Simulator, *arguments: str) -> dict[str, Any]:
    """The report of one run on the made-up host."""
    service.update(latency_ms=LATENCY_MS if arguments else 0.0)
    argv = [sys.executable, "-IB", "-m", "imds_probe", "run", "--output", "json", "--root", str(host.root), *arguments]
    done = host.run(argv, timeout_s=120)
    service.update(latency_ms=0.0)
    if not done.stdout:
        raise SystemExit(f"the probe said nothing but {done.stderr.decode(errors='replace')[-300:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def works(node: Node, script: str) -> bool:
    """Whether a client gets what it asks for."""
    return bool(node.run(["sh", "-c", script], timeout_s=20).stdout == INSTANCE.encode())


def both(
    host: MadeUpHost, service: Simulator, client: Callable[[], bool], shown: Callable[..., dict[str, bool]]
) -> dict:
    """An outcome: judged without a watch and with one, then switched with the hop limit at 1, as printed, and higher."""
    worked = client()
    reports = {"plain": judged(host, service), "watch": judged(host, service, "--watch", f"{WATCH_S}s")}
    said = {}
    for mode, report in reports.items():
        switch = report["verdict"]["switch"] or {}
        said[mode] = {
            "verdict": report["verdict"]["state"],
            "confidence": report["verdict"]["confidence"],
            "limit": switch.get("http_put_response_hop_limit") or 1,
            "unknown": sorted({each["id"] for each in report["findings"] if each["implies"] == "unknown"})
            if report["verdict"]["state"] == "unknown"
            else [],
            "findings": sorted({each["id"] for each in report["findings"]}),
        }
    switched = {}
    for limit in dict.fromkeys((1, *(each["limit"] for each in said.values()), HIGH)):
        service.update(http_tokens="required", hop_limit=limit)
        switched[limit] = {"broke": worked and not client()}
    service.update(http_tokens="optional", hop_limit=1)
    return {"limit": 1, "worked": [worked], **said, "switched": switched, "shown": shown(**reports)}


def container_job(lab: Lab, service: Simulator, root: Path) -> dict:
    """A container one hop away with an SDK in it that falls back."""
    with GuestHost(lab.instance, root) as host, tempfile.TemporaryDirectory() as application:
        scenarios.write_python_package(Path(application), "botocore", "1.34.162")
        web = lab.add_container("web")
        pid = host.start_container(
            "web",
            web,
            argv=("python3", "-c", LIBRARY),
            root=host.container_root({"/srv/app": Path(application)}),
            env={"AWS_REGION": "us-east-1", "PYTHONPATH": "/srv/app"},
        )
        groups = host.run(["cat", f"/proc/{pid}/cgroup"], timeout_s=10).stdout.decode()

        def shown(plain: dict, watch: dict) -> dict[str, bool]:
            (container,) = plain["containers"]
            return {
                "token on the host": plain["imds"]["endpoint"] == "enabled",
                "hop limit 1 by capture": (plain["imds"]["hop_limit"], plain["imds"]["hop_limit_method"])
                == (1, "capture"),
                "container by its control group": container["name"] == "web" and web_id() in groups,
                "container at 1 hop": (container["distance"], container["needs_hop_limit"]) == (1, 2),
                "token lost in the container": container["token"] == "lost",
            }

        return both(host, service, lambda: works(web, EITHER), shown) | {"cgroup": groups}


def web_id() -> str:
    return b"web".hex().ljust(64, "0")


def host_job(lab: Lab, service: Simulator, root: Path) -> dict:
    """A process of the host that asks without a token, again and again."""
    with GuestHost(lab.instance, root) as host:
        host.start(["sh", "-c", AGAIN], cgroup="0::/system.slice/ask.service\n")

        def shown(plain: dict, watch: dict) -> dict[str, bool]:
            callers = [each for each in watch["callers"]["by"] if each["version"] == "v1" and not each["probe"]]
            return {
                "the watch names curl": "curl" in {each["comm"] for each in callers},
                "the watch names its unit": "ask.service" in {each["unit"] for each in callers},
                "a live watch names curl by the kernel's tracepoint": live_watch_names_curl(lab),
            }

        return both(host, service, lambda: works(lab.instance, NEVER), shown)


def live_watch_names_curl(lab: Lab) -> bool:
    """`imds-probe watch` where the kernel says whose a connection is, however short."""
    argv = [sys.executable, "-IB", "-um", "imds_probe", "watch", "--json"]
    child = lab.instance.start(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while "socket:" not in Path(f"/proc/{child.pid}/maps").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)  # a ring is a mapping of the packet socket: then it listens
    for number in range(20):
        lab.instance.run(["curl", "-s", "-m", "5", "-o", "/dev/null", f"{BASE}/meta-data/{number}"], timeout_s=10)
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=20)
    seen = [each for each in map(json.loads, out.splitlines()) if not each["path"].endswith("instance-id")]
    return len(seen) == 20 and {(each["caller"] or {}).get("comm") for each in seen} == {"curl"}


def main() -> None:
    state = InstanceState(hop_limit=1, instance_id=INSTANCE)
    found: dict[str, Any] = {"kernel": os.uname().release, "cgroup": Path("/proc/self/cgroup").read_text()}
    with (
        tempfile.TemporaryDirectory() as work,
        Lab("guest") as lab,
        Simulator(state, [("169.254.169.254", 80)], netns=str(lab.service.netns)) as service,
    ):
        for name, job in (("container", container_job), ("host", host_job)):
            root = Path(work, name)
            scenarios.write_host(root, scenarios.UPGRADED_PACKAGES, INSTANCE)
            found[name] = job(lab, service, root)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
