"""The daemon's history after a loss of power: a virtual machine is ended at once, and booted again from its disk.

.venv/bin/python -m pytest -m soak tests/test_power_loss.py -s
"""

from __future__ import annotations

import json
import time

import pytest
import virtual_host
import virtual_machine
from virtual_machine import Machine

# What was recorded is on the disk (pragma synchronous=full), so what is lost is what was not recorded yet: calls of two
# seconds, the time that was watched of thirty; all over a processor that may be emulated.
LOST_S = 60
EARLY = 15
BEGUN_WITHIN_S = 120
SETTINGS = '[daemon]\njitter = "9d"\n'
# Each asks for its number.
_CALLER = f"""#!/bin/sh
number=0
while number=$((number + 1)); do
    curl -s -o /dev/null {virtual_host.METADATA}/$number
    echo $number >/run/called
    sleep 0.5
done
"""
# The history itself, after the boot that follows, and whether the daemon had to put a damaged one aside.
_LOOK = f"""{virtual_host.PYTHON} - <<'END'
import json, time
from pathlib import Path
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE
place = Path("/var/lib/imds-probe")
with History(place / FILE, read_only=True) as history:
    found = history.evidence(time.time(), 86400)
print(json.dumps({{
    "calls": sum(each.count for each in found.by if each.unit == "caller.service"),
    "observed_s": found.observed_s,
    "damaged": [each.name for each in place.iterdir() if "damaged" in each.name],
}}))
END
"""


@pytest.mark.soak
@pytest.mark.machine
@pytest.mark.timeout(1500)
def test_a_history_survives_a_loss_of_power(tmp_path):
    """It opens, and has all that was recorded up to some seconds before."""
    drive = virtual_host.handed_in(tmp_path, {"/opt/app/call": _CALLER}, "/bin/true")
    with Machine("bullseye", tmp_path, drive=drive) as machine:
        virtual_host.install(machine)
        virtual_host.enable_daemon(machine, SETTINGS)
        virtual_host.restart(machine)
        machine.must("systemd-run --unit=caller /opt/app/call")
        early = _called(machine, EARLY)
        time.sleep(LOST_S)
        before = json.loads(machine.must(_LOOK))
        called = _called(machine, early)
        machine.lose_power()
        machine.boot()
        machine.run("systemctl is-system-running --wait", within_s=virtual_machine.BOOTED_WITHIN_S)
        daemon = machine.must("journalctl --boot --no-pager --unit=imds-probe-daemon")
        after = json.loads(machine.must(_LOOK))
    print(f"{early} calls {LOST_S} s before, {called} at the end; the history had {before}, and has {after}")
    assert after["damaged"] == [], daemon
    assert "watching; the history is" in daemon
    assert early <= after["calls"] <= called + 10  # it went on asking until the power was lost
    assert after["observed_s"] >= before["observed_s"] - LOST_S


def _called(machine: Machine, at_least: int) -> int:
    """How many calls have been answered, once there are so many."""
    deadline = time.monotonic() + BEGUN_WITHIN_S
    while (called := int(machine.must("cat /run/called || echo 0"))) < at_least:
        assert time.monotonic() < deadline, called
        time.sleep(0.5)
    return called
