"""What needs a boot or another kernel, held to what happens: cases in a virtual machine (tests/virtual_machine.py).

    lab-container@..., lab-host@...     the main job in a lab, on kernel 5.10 and 6.1, by both versions of control groups
    boot-*@...                          a unit that asks once at each boot, before the daemon, which watched what came after

Outcomes are as those of other cases. "watch" is, at boot, what the daemon's history says after a restart, and
`seen_at_boot` whether it has the call. `shown` are further statements that have to be true. Where there is no machine,
each case is named as not run, with the reason.

    PYTHONPATH=tests .venv/bin/python -m truth.virtual [PATTERN...]
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import package_roots
import virtual_host
import virtual_machine
from truth import outcome
from virtual_machine import Machine, MachineError

GUEST = Path(__file__).with_name("in_guest.py")
HIGH = 3
# A minute stands for the two weeks that a daemon watches. The boot is in it, and the share is what the daemon can have seen.
WINDOW_S = 60
SETTINGS = f'[watch]\nwindow = "{WINDOW_S}s"\ncoverage = 0.4\n[daemon]\njitter = "9d"\n'
WATCHED_S = 0.5 * WINDOW_S
_ASK = f"""#!/bin/sh
id=$(curl -s -f -m 10 {virtual_host.METADATA}/instance-id) || id=refused
echo "$id" >>{virtual_host.ANSWERS}
"""
_ARCHIVED = f"""
import urllib.request
try:
    said = urllib.request.urlopen("{virtual_host.METADATA}/instance-id", timeout=10).read().decode()
except OSError:
    said = "refused"
print(said, file=open("{virtual_host.ANSWERS}", "a"))
"""


@dataclass(frozen=True)
class Kernel:
    """A suite of Debian and what is said to its kernel."""

    name: str
    suite: str
    arguments: str = ""


KERNELS = (
    Kernel("kernel-5.10-cgroup-v2", "bullseye"),
    Kernel("kernel-5.10-cgroup-v1", "bullseye", "systemd.unified_cgroup_hierarchy=0"),
    Kernel("kernel-6.1-cgroup-v2", "bookworm"),
)
JOBS = ("container", "host")
LABS = {f"lab-{job}@{kernel.name}": kernel for kernel in KERNELS for job in JOBS}
BOOTS = ("boot-script@kernel-5.10", "boot-archive@kernel-5.10")
IDS = (*LABS, *BOOTS)
_HARNESS = hashlib.sha256(
    b"".join(Path(module).read_bytes() for module in (__file__, GUEST, virtual_host.__file__, virtual_machine.__file__))
).hexdigest()[:8]


def outcomes(
    patterns: Sequence[str] = (), kept: Path | None = None, deadline: float = math.inf
) -> Iterator[dict[str, Any]]:
    """Each case's outcome, as soon as it is there, from those kept where they are there; `deadline` is a time.monotonic."""
    for names, run in _machines():
        wanted = [name for name in names if not patterns or any(fnmatch.fnmatchcase(name, each) for each in patterns)]
        places = {name: kept / f"{name}-{_HARNESS}.json" for name in wanted} if kept else {}
        if places and all(place.exists() for place in places.values()):
            yield from (json.loads(place.read_text()) for place in places.values())
            continue
        found = _found(names, run, deadline) if wanted else {}
        for name in wanted:
            one = {"case": name, **found[name]}
            if "not_run" in one:
                one = {"case": name, "not_run": one["not_run"]}
            elif places:
                places[name].write_text(json.dumps(one, indent=1))
            yield one


def _machines() -> Iterator[tuple[Sequence[str], Callable[[Path], dict[str, Any]]]]:
    """What is found in one machine: the cases, and what runs them all in a working directory."""
    for kernel in KERNELS:
        yield [name for name, its in LABS.items() if its == kernel], partial(_labs, kernel)
    for name in BOOTS:
        yield [name], partial(_boot, name)


def _found(names: Sequence[str], run: Callable[[Path], dict[str, Any]], deadline: float) -> dict[str, Any]:
    reason = virtual_machine.not_to_be_had()
    if not reason and time.monotonic() > deadline:
        reason = "there was no time"
    if not reason:
        try:
            with virtual_machine.working_directory() as work:
                return {name: {"by": virtual_machine.accelerator(), **each} for name, each in run(work).items()}
        except MachineError as trouble:
            reason = str(trouble)
    return {name: {"not_run": reason} for name in names}


def _labs(kernel: Kernel, work: Path) -> dict[str, Any]:
    """Both jobs in one machine, which is booted once."""
    drive = virtual_machine.handed_in(
        work, {"/opt/imds-probe.deb": package_roots.made().deb(), "/opt/in_guest.py": GUEST}
    )
    with Machine(kernel.suite, work, kernel_arguments=kernel.arguments, drive=drive) as machine:
        machine.must("tar -C / -xf /dev/vdb && dpkg -i /opt/imds-probe.deb", within_s=180)
        found = json.loads(machine.must(f"{virtual_host.PYTHON} /opt/in_guest.py", within_s=600))
    unified = found["cgroup"].splitlines()
    found["container"]["shown"] |= {
        "the kernel is the suite's": found["kernel"].startswith(virtual_machine.KERNELS[kernel.suite]),
        "control groups are of this version": (len(unified) == 1) == kernel.name.endswith("v2"),
    }
    return {f"lab-{job}@{kernel.name}": _outcome(found[job]) | {"kernel": found["kernel"]} for job in JOBS}


def _outcome(found: dict[str, Any]) -> dict[str, Any]:
    """With what had to be said."""
    broke = {int(limit): each["broke"] for limit, each in found["switched"].items()}
    if not all(found["worked"]):
        return {"not_run": "the client does not work to begin with"}
    return {**found, "right": outcome.right(broke, found["limit"])}


def _application(name: str, work: Path) -> tuple[dict[str, Path | str], str]:
    """What asks at boot, and the command that its unit has."""
    if name.startswith("boot-script"):
        return {"/opt/app/ask": _ASK}, "/opt/app/ask"
    packed = work / "ask.pyz"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", _ARCHIVED)
    return {"/opt/app/ask.pyz": packed}, "/usr/bin/python3 /opt/app/ask.pyz"


def _boot(name: str, work: Path) -> dict[str, Any]:
    """The unit asked before the daemon began. What is said by its code alone, and what by the history as well."""
    files, command = _application(name, work)
    with Machine("bullseye", work, drive=virtual_host.handed_in(work, files, command)) as machine:
        virtual_host.install(machine)
        plain = virtual_host.report(machine)
        virtual_host.enable_daemon(machine, SETTINGS)
        virtual_host.restart(machine)
        time.sleep(WATCHED_S)  # it watches for so long, and nobody asks
        watched = virtual_host.report(machine)
        before = virtual_host.answers(machine)
        said = {mode: _said(report) for mode, report in (("plain", plain), ("watch", watched))}
        switched = {}
        for limit in dict.fromkeys((1, said["plain"]["limit"], said["watch"]["limit"], HIGH)):
            virtual_host.switch(machine, http_tokens="required", hop_limit=limit)
            if switched:  # what one boot more would show
                machine.must("systemctl restart metadata && systemctl restart application")
            else:
                virtual_host.restart(machine)
            got = virtual_host.answers(machine)[len(before) :]
            switched[limit] = {"broke": got[-1:] != before[-1:], "printed": got[-1:]}
    callers = [each for each in (watched["callers"] or {}).get("by", []) if not each["probe"]]
    one = _outcome(
        {
            "limit": 1,
            "worked": [before[-1:] not in ([], ["refused"])],
            **said,
            "switched": switched,
            "observed_s": (watched["callers"] or {}).get("observed_s"),
            # What came before the daemon was there to see it.
            "seen_at_boot": any(each["version"] == "v1" for each in callers),
            "shown": {"it asked at boot": len(before) == 2},
        }
    )
    return {name: one}


def _said(report: dict[str, Any]) -> dict[str, Any]:
    verdict = report["verdict"]
    implied = {each["id"] for each in report["findings"] if each["implies"] == "unknown"}
    return {
        "verdict": verdict["state"],
        "confidence": verdict["confidence"],
        "limit": (verdict["switch"] or {}).get("http_put_response_hop_limit") or 1,
        "unknown": sorted(implied) if verdict["state"] == "unknown" else [],
        "findings": sorted({each["id"] for each in report["findings"]}),
        "reasons": verdict["reasons"],
    }


def main(patterns: Sequence[str]) -> int:
    """Run the cases and print them; 1 where a further statement is false."""
    found = []
    for each in outcomes(patterns):
        found.append(each)
        print(json.dumps(each), flush=True)
    print(outcome.table(found))
    false = [f"{each['case']}: {what}" for each in found for what, true in each.get("shown", {}).items() if not true]
    print("\n".join(["", f"{len(false)} further statements are false", *(f"  {line}" for line in false)]))
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
