"""Rehearsals on a host whose kernel, control groups and systemd are real: run inside a virtual machine by the package's own Python.

Each of what is rehearsed asks all the time. Its rehearsal is killed, and everything is looked at that it could have changed.
While that of the unit lasts, somebody sets the clock, forward and back.

    python3.13 -IB rehearsal_in_guest.py          prints a JSON object, by what was rehearsed
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

URL = "http://169.254.169.254/latest/meta-data/"
WITHIN_S = 400.0  # the processor may be emulated
DAY_S = 86_400.0
# A line for each answer: when it came, and its status. 000 is a connection that was reset or came to nobody.
ASK = f"""#!/bin/sh
while :; do
    status=$(curl -s -m 5 -o /dev/null -w '%{{http_code}}' {URL})
    echo "$(cut -d ' ' -f 1 /proc/uptime) $status" >> "$1"
    sleep 0.1
done
"""
ASKING = Path("/opt/ask")


def run(*argv: str, check: bool = True) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=check, timeout=WITHIN_S).stdout


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := what()):
        if time.monotonic() > deadline:
            raise SystemExit(
                f"this did not come true: {what.__qualname__}; {run('journalctl', '-n', '40', check=False)}"
            )
        time.sleep(0.05)
    return found


class Answers:
    """What one gets that asks."""

    def __init__(self, name: str) -> None:
        self.file = Path(f"/run/{name}.answers")

    def lines(self) -> list[tuple[float, str]]:
        text = self.file.read_text() if self.file.exists() else ""
        return [
            (float(at), status)
            for at, status in (line.split() for line in text.splitlines(keepends=False) if " " in line)
        ]

    def until(self, status: str) -> None:
        """It is so from now on: twice, as the last may have been asked before."""
        before = len(self.lines())
        wait_for(lambda: [each for _, each in self.lines()[before:]][-2:] == [status] * 2)

    def first_after(self, since: float, status: str) -> float:
        """After how many seconds this came for the first time."""
        return wait_for(lambda: next((at for at, each in self.lines() if at > since and each == status), None)) - since


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def state(of: list[int]) -> dict[str, str]:
    """All that a rehearsal changes while it lasts."""
    groups = [
        Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup" in line
    ]
    there = [each for group in groups for each in group.rglob("*") if each.is_dir()]
    classes = [each / "net_cls.classid" for each in there]
    return {
        "rules": run("nft", "list", "ruleset"),
        "own groups": str([str(each) for each in there if each.name.startswith("imds-probe-rehearsal-")]),
        "classes": str([str(each) for each in classes if each.exists() and int(each.read_text())]),
        "groups of processes": str(
            [Path(f"/proc/{pid}/cgroup").read_text() for pid in of if Path(f"/proc/{pid}").exists()]
        ),
    }


def rehearsed(
    answers: Answers, pids: list[int], *arguments: str, while_led: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Rehearse, kill -9, see that the way is free, and undo."""
    before = state(pids)
    options = ["--no-record", "--hop-limit", "2", "--for", "1h"]
    # Only the owner is killed: what it rehearses lives on.
    started = ["systemd-run", "--unit=rehearsal", "--collect", "--property=KillMode=process"]
    run(*started, "imds-probe", "rehearse", *options, *arguments)
    answers.until("401")
    while_led()
    answers.until("401")
    killed_at = uptime()
    (pid,) = (line.split("=")[1] for line in run("systemctl", "show", "-p", "MainPID", "rehearsal").splitlines())
    os.kill(int(pid), 9)
    direct_after_s = answers.first_after(killed_at, "200")
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    changed = [name for name, value in state(pids).items() if value != before[name]]
    undone = run("imds-probe", "rehearse", "--undo")
    answers.until("200")
    again = run("imds-probe", "rehearse", "--undo")
    after = state(pids)
    return {
        "direct_after_s": round(direct_after_s, 1),
        "changed_when_killed": changed,
        "undone": undone.splitlines(),
        "as_before": [name for name, value in after.items() if value != before[name]] == [],
        "nothing_left": again == "nothing was left behind\n",
    }


def clock_jumps() -> None:
    """As somebody sets it; the rehearsal is kept up by another clock."""
    now = time.time()
    for other in (now + DAY_S, now - DAY_S, now):
        time.clock_settime(time.CLOCK_REALTIME, other)
        time.sleep(6)


def command() -> dict[str, Any]:
    """Beside one that gets what it asks for all the time."""
    inside, beside = Answers("command"), Answers("beside")
    run("systemd-run", "--unit=beside", str(ASKING), str(beside.file))
    beside.until("200")
    found = rehearsed(inside, [], "--", str(ASKING), str(inside.file))
    found["beside"] = sorted({status for _, status in beside.lines()})
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        if str(inside.file).encode() in each.read_bytes().split(b"\0"):
            os.kill(int(each.parent.name), 9)
    return found


def unit() -> dict[str, Any]:
    answers = Answers("web")
    run("systemd-run", "--unit=web", str(ASKING), str(answers.file))
    answers.until("200")
    pid = int(run("systemctl", "show", "-p", "MainPID", "--value", "web"))
    return rehearsed(answers, [pid], "--unit", "web", while_led=clock_jumps)


def network(name: str) -> None:
    """A network namespace that the host forwards for."""
    for line in (
        f"ip netns add {name}",
        f"ip link add to-{name} type veth peer name eth0 netns {name}",
        f"ip address add 172.30.0.1/24 dev to-{name}",
        f"ip link set to-{name} up",
        f"ip -n {name} address add 172.30.0.2/24 dev eth0",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link set eth0 up",
        f"ip -n {name} route add default via 172.30.0.1",
        "ip -n service route add 172.30.0.0/24 via 169.254.169.1 dev eth0 onlink",
    ):
        run(*line.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def container(name: str, *before: str) -> dict[str, Any]:
    """What a runtime makes: a control group in each hierarchy, and a network of its own or none."""
    answers = Answers(name)
    identity = name.encode().hex().ljust(64, "0")
    child = subprocess.Popen([*before, str(ASKING), str(answers.file)])
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = Path(line.split()[4])
        if " - cgroup " in line and point.name != "cpuset":
            (point / "docker" / identity).mkdir(parents=True)
            (point / "docker" / identity / "cgroup.procs").write_text(str(child.pid))
    answers.until("200")
    found = rehearsed(answers, [child.pid], "--container", identity)
    child.kill()
    child.wait()
    return found


def main() -> None:
    ASKING.write_text(ASK)
    ASKING.chmod(0o755)
    network("web")
    found: dict[str, Any] = {
        "kernel": os.uname().release,
        "cgroup": Path("/proc/self/cgroup").read_text(),
        "command": command(),
        "unit": unit(),
        "container alone in its network": container("alone", "ip", "netns", "exec", "web"),
        "container on the host's network": container("shared"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
