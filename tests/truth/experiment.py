"""One case, up to the switch and past it: in namespaces of its own, which end with it.

1. the client's programs run in their place, and it is seen that they work while tokens are optional
2. the probe judges the host, without a watch and then with one, during which the programs go on asking
3. tokens are required, with the hop limit as it is, as either verdict has it, and higher: after each, a program that has
   been running asks on, and a fresh one of the same asks, and what they print says whether they still get it

python -m truth.experiment CASE     prints the outcome as JSON; `isolated` is how it has to be started
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from truth import outcome
from truth.cases import RUNNING, Case, by_id
from truth.standing import CannotStand, Running, Standing, until
from truth.storage import storing
from truth.whole_host import Groups

from imds_probe.simulator.instance import LoggedRequest
from imds_probe.simulator.lab.lab import Lab
from imds_probe.simulator.server import Simulator
from imds_probe.simulator.state import InstanceState
from imds_probe.system import process

# The root by another name: of "/" itself the probe knows that it is the machine's only in the first PID namespace.
PROBE = ("/usr/bin/imds-probe", "run", "--output", "json", "--root", "//")
WATCH_S = 6
SWITCHED_ANSWERS = 2  # the first may have been asked before the switch
HIGH = 3  # more than any place needs
# While the probe watches: in a PID namespace the kernel does not say whose connection it is, so that one has to be found
# while it lasts, on a busy machine too: what is missed is called by an unknown process. It is less than the second that SDKs
# wait for an answer. On a host the kernel says it, however short it is.
LATENCY_MS = 500.0
ISOLATED = (
    "unshare",
    "--mount",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
)


def isolated(case: str) -> list[str]:
    """The command line that runs a case where nothing of it can reach the machine or outlive it."""
    return [*ISOLATED, "--", sys.executable, "-m", "truth.experiment", case]


class Experiment:
    """A case on its way. `service` is the simulator, `log` what it was asked since it was last emptied."""

    def __init__(self, case: Case, standing: Standing, service: Simulator, log: list[LoggedRequest]) -> None:
        self.case, self.standing, self.service, self.log = case, standing, service, log
        self.numbers = range(len(case.clients))
        self.before: list[bool] = []
        self.served: list[bool] = []
        self.running: list[Running] = []
        self.asked: Counter[str] = Counter()  # before the switch, by version and status

    def run(self) -> dict[str, Any]:
        """The outcome. Raises CannotStand where the client does not work while it should."""
        self._begin()
        said = {"plain": self._judge(()), "watch": self._judge(("--watch", f"{WATCH_S}s"), watched=True)}
        if self.case.later:
            self.standing.go()
        switched = {}
        tried = [self.case.limit, *(said[mode]["limit"] for mode in outcome.MODES)]
        for limit in dict.fromkeys(tried):
            switched[limit] = self._switched(limit)
        if switched[self.case.limit]["broke"] and HIGH not in switched:
            switched[HIGH] = self._switched(HIGH)
        broke = {limit: each["broke"] for limit, each in switched.items()}
        return {
            "case": self.case.id,
            "limit": self.case.limit,
            "worked": self.before,
            "asked": dict(self.asked),
            **said,
            "switched": switched,
            "right": outcome.right(broke, self.case.limit),
            "disagree": any(each["disagree"] for each in switched.values()),
        }

    def _begin(self) -> None:
        case = self.case
        self.standing.prepare()
        if case.later:
            self.standing.go()
        first = [self.standing.start(number) for number in self.numbers]
        self.before = [self._first_answer(each) for each in first]
        for works, each in zip(self.before, first, strict=True):
            if case.works and not works:
                raise CannotStand(f"the client does not work to begin with: {each.last_words() or 'it says nothing'}")
        if case.later:
            self.standing.stay()
        if case.later or case.place not in RUNNING:
            self._end(first)
            first = [self.standing.start(number) for number in self.numbers] if case.place in RUNNING else []
        self.running = first
        self.served = [works and _served(self.log) for works in self.before]
        self.asked = Counter(f"{each.imds_version} {each.status}" for each in self.log)

    def _first_answer(self, program: Running) -> bool:
        """Whether it gets what it asks for, the first time or, where it asks by itself, the one after that."""

        def settled() -> bool:
            answers = program.answers
            enough = len(answers) > (0 if program.on_call else 1) or any(map(program.works, answers))
            return enough or self.standing.host.ended(program.pid)

        until(settled)
        return any(map(program.works, program.answers))

    def _end(self, programs: Sequence[Running]) -> None:
        for each in programs:
            self.standing.host.end(each.pid)

    def _judge(self, arguments: Sequence[str], *, watched: bool = False) -> dict[str, Any]:
        """What the probe says of the host now."""
        beside = None
        if watched:
            self.service.update(latency_ms=LATENCY_MS)
            beside = threading.Thread(target=self._ask_watched)
            beside.start()
        try:
            done = self.standing.host.run([*PROBE, *arguments, *self.case.arguments], timeout_s=120)
        except process.CommandError as trouble:
            raise CannotStand(f"the probe: {trouble}") from None
        finally:
            if beside is not None:
                beside.join()
            self.service.update(latency_ms=0.0)
        if not done.stdout:
            raise CannotStand(f"the probe said nothing but {done.stderr.decode(errors='replace')[-300:]}")
        report = json.loads(done.stdout)
        switch = report["verdict"]["switch"] or {}
        findings = report["findings"]
        return {
            "verdict": report["verdict"]["state"],
            "confidence": report["verdict"]["confidence"],
            "limit": switch.get("http_put_response_hop_limit") or self.case.limit,
            "unknown": sorted({each["id"] for each in findings if each["implies"] == "unknown"})
            if report["verdict"]["state"] == "unknown"
            else [],
            "findings": sorted({each["id"] for each in findings}),
            "reasons": report["verdict"]["reasons"],
        }

    def _ask_watched(self) -> None:
        """Once the probe watches, which on a busy machine takes its time: what was asked before is not seen."""
        if until(_somebody_watches):
            self._ask()

    def _ask(self) -> None:
        """While the probe watches: who asks on call is called, and what is started often is started."""
        called = [(each, len(each.answers)) for each in self.running if each.on_call]
        for each, _ in called:
            self.standing.call(each)
        for each, count in called:  # what was asked before the switch is answered before it
            until(lambda each=each, count=count: len(each.answers) > count or self.standing.host.ended(each.pid))
        if self.case.often:
            started = [self.standing.start(number) for number in self.numbers]
            for each in started:
                until(lambda each=each: bool(each.answers) or self.standing.host.ended(each.pid), WATCH_S)
            self._end(started)

    def _switched(self, limit: int) -> dict[str, Any]:
        """What becomes of the clients once tokens are required."""
        for number in range(len(self.running)):
            if self.standing.host.ended(self.running[number].pid):  # it ended over what was tried before
                self.running[number] = self.standing.start(number)
        self.service.update(http_tokens="required", hop_limit=limit)
        self.log.clear()
        asked = [len(each.answers) for each in self.running]
        for each in self.running:
            if each.on_call:
                self.standing.call(each)
        fresh = [self.standing.start(number) for number in self.numbers]
        still_first = [self._first_answer(each) for each in fresh]
        still_running = []
        for each, count in zip(self.running, asked, strict=True):
            enough = count + (1 if each.on_call else SWITCHED_ANSWERS)
            answered = until(lambda each=each, enough=enough: len(each.answers) >= enough)
            still_running.append(answered and each.works(each.answers[-1]))
        printed = [(each.answers or ["nothing"])[-1][:200] for each in (*self.running, *fresh)]
        self._end(fresh)
        served = _served(self.log)
        refused = sum(each.imds_version == "v1" and each.status == 401 for each in self.log)
        self.service.update(http_tokens="optional", hop_limit=self.case.limit)
        broke_running = any(was and not still for was, still in zip(self.before, still_running, strict=False))
        broke_fresh = any(was and not still for was, still in zip(self.before, still_first, strict=True))
        # What nothing starts any more takes no harm by the switch, whoever may try it by hand.
        broke = (broke_running or broke_fresh) and self.case.is_started_again
        return {
            "broke": broke,
            "lacks": not all((*still_running, *still_first)),
            "running": "broke" if broke_running else "works" if self.running else "does not run",
            "fresh": "broke" if broke_fresh else "works",
            "printed": printed,
            "requests": len(self.log),
            "imdsv1_refused": refused,
            # A program that gets what it was served before is served now, if it asks at all, and one that does not is not.
            # Of two the log does not say which.
            "disagree": bool(self.log) and self.served == [True] and (broke_running or broke_fresh) == served,
        }


def _somebody_watches() -> bool:
    """Whether a process here has mapped the ring of a packet socket."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):  # it has ended
            if "socket:" in maps.read_text():
                return True
    return False


def _served(log: Sequence[LoggedRequest]) -> bool:
    """Whether anybody was given anything but a token."""
    return any(each.status == 200 and not each.path.endswith("/api/token") for each in log)


def experiment(case: Case) -> dict[str, Any]:
    """The outcome of a case, in the namespaces that this process is in: they have to be its own."""
    log: list[LoggedRequest] = []
    state = InstanceState(iam_role="app-role", hop_limit=case.limit, instance_id="i-0123456789abcdef0").changed(
        case.state
    )
    listen = (("169.254.169.254", 80), ("fd00:ec2::254", 80))
    with tempfile.TemporaryDirectory(prefix="imds-probe-truth-", ignore_cleanup_errors=True) as work:
        try:
            with (
                Groups(Path("/run/control-groups")) as groups,
                Lab("truth") as lab,
                storing(lab),
                Simulator(state, listen, netns=str(lab.service.netns), on_request=log.append) as service,
            ):
                standing = Standing(case, lab, Path(work), groups)
                try:
                    with standing.host:
                        return Experiment(case, standing, service, log).run()
                finally:
                    for mount in reversed(_mounts_below(work)):
                        process.run(["umount", "--lazy", mount], timeout_s=10)
        except CannotStand as trouble:
            return {"case": case.id, "not_run": str(trouble)}


def _mounts_below(directory: str) -> list[str]:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [place for place in mounts if place.startswith(f"{directory}/")]


def main() -> None:
    if os.getpid() != 1:  # what `isolated` starts is the first of a PID namespace
        sys.exit("A case runs only where nothing of it can reach the machine. Start it by: python -m truth CASE")
    # Names of namespaces and sockets of services are the machine's: here there are none.
    for argv in (
        ["mount", "-t", "tmpfs", "run", "/run"],
        ["mkdir", "/run/netns"],
        ["ip", "link", "set", "lo", "up"],
    ):
        done = process.run(argv, timeout_s=10)
        assert done.returncode == 0, done.stderr_line()
    print(json.dumps(experiment(by_id()[sys.argv[1]])))


if __name__ == "__main__":
    main()
