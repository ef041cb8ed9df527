"""Rehearsals that are killed, with kernel 5.10 and control groups of version 1 alone: in a virtual machine.

.venv/bin/python -m pytest -m soak tests/test_rehearsal_on_old_kernel.py -s
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import virtual_host
import virtual_machine
from virtual_machine import Machine

GUEST = Path(__file__).with_name("rehearsal_in_guest.py")
VERSION_1 = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
KINDS = ("command", "unit", "container alone in its network", "container on the host's network")


@pytest.mark.soak
@pytest.mark.machine
@pytest.mark.timeout(1800)
def test_killed_on_an_old_kernel_it_leaves_the_way_free_and_all_as_before(tmp_path):
    drive = virtual_host.handed_in(tmp_path, {"/opt/rehearse.py": GUEST}, "/bin/true")
    with Machine("bullseye", tmp_path, kernel_arguments=VERSION_1, drive=drive) as machine:
        virtual_host.install(machine)
        found = json.loads(machine.must(f"{virtual_host.PYTHON} /opt/rehearse.py", within_s=1500))
    print(json.dumps(found, indent=1))
    is_as_promised(found)


def is_as_promised(found: dict) -> None:
    assert found["kernel"].startswith(virtual_machine.KERNELS["bullseye"])
    assert "\n0::" not in found["cgroup"] and ":net_cls" in found["cgroup"].replace(",net_cls", ":net_cls")
    for kind in KINDS:
        one = found[kind]
        assert (one["as_before"], one["nothing_left"]) == (True, True), (kind, one)
    assert found["command"]["beside"] == ["200"]
    # What a killed one leaves is taken back by --undo; rules go with their owner from Linux 5.12 on. Nothing leads anybody.
    alone, shared = found["container alone in its network"], found["container on the host's network"]
    assert alone["changed_when_killed"] == [] and alone["undone"][0].endswith(" in /run/netns/web")
    assert "classes" in shared["changed_when_killed"]
    assert "groups of processes" in found["unit"]["changed_when_killed"]
