"""The package for arm64 on kernels of that architecture, by emulation: what differs between architectures is run there for real."""

from __future__ import annotations

import json
from pathlib import Path

import arm64_machine
import pytest
from arm64_machine import MachineError
from package_roots import INSTANCE, made

TESTS = Path(__file__).parent
WITHIN_S = 1800.0
CONSOLE = "UEFI firmware\n\x1b[2J\nSTEP 3.20 mounting file systems\nSTEP 4.50 running watch\nTraceback: it went wrong\n"


@pytest.mark.soak
@pytest.mark.timeout(WITHIN_S + 300)
@pytest.mark.parametrize("page_kb", arm64_machine.KERNELS)
def test_readers_watch_run_and_rehearsals_work_on_arm64(page_kb, tmp_path):
    (rootfs,) = made().this.glob("*_arm64_rootfs.tar.gz")
    files = [TESTS / "arm64_guest.py", TESTS / "reading_tasks.py"]
    found = arm64_machine.said(rootfs, files, tmp_path, page_kb=page_kb, within_s=WITHIN_S)
    assert (found["machine"], found["page_bytes"]) == ("aarch64", page_kb * 1024)
    _is_confined(found["confinement"])
    _names_callers(found["watch"])
    _is_the_hosts_report(found["run"])
    command, container = found["rehearsal"], found["rehearsal_of_a_container"]
    assert (command["code"], command["printed"], command["after"]) == (1, "401\n", "200\n"), command
    assert container["code"] == 1, container
    assert container["answers"].count("401") >= 5, container
    assert set(container["answers"]) == {"200", "401"}, container
    assert "nothing of it is left on this host" in container["said"]


def _is_confined(readers):
    """By the filter of system calls, which has their numbers, and by capabilities."""
    assert int(readers["read"][0]) > 0
    assert {"ptrace", "execute", "socket"} < set(readers["tried"])
    assert set(readers["tried"].values()) == {"EPERM"}, readers["tried"]
    assert "more memory than allowed" in readers["bomb"]
    assert readers["parser"] == {"Seccomp": "2", "CapEff": "0000000000000000"}
    assert readers["opener"] == {"Seccomp": "2", "CapEff": "0000000000080004"}


def _names_callers(watch):
    """By the kernel's tracing, as those of the host end at once."""
    assert watch["code"] == 0, watch
    assert "short-lived callers may stay unknown" not in watch["said"]
    seen = {(each["version"], each["how"], each["caller"]["comm"], each["container_name"]) for each in watch["calls"]}
    assert seen == {("v1", "tracepoint", "python3.13", None), ("v1", "tracepoint", "python3.13", "web")}, watch["calls"]
    assert {(each["container_name"], each["distance"]) for each in watch["calls"]} == {(None, 0), ("web", 1)}


def _is_the_hosts_report(run):
    """Of an instance by its firmware, with a container that is one router away and asks without a token."""
    report = run["report"]
    assert run["code"] == 1, run["said"]
    assert report["platform"]["instance_id"] == INSTANCE
    assert {each["id"] for each in report["collectors"] if each["status"] == "failed" or each["bug"]} == set()
    blockers = {each["id"] for each in report["findings"] if each["severity"] == "blocker"}
    assert blockers == {"code-imdsv1", "hop-limit-too-low"}
    assert (report["verdict"]["state"], report["verdict"]["switch"]["http_put_response_hop_limit"]) == ("not-ready", 2)
    assert run["again"]["now"]["state"] == run["again"]["was"]["state"] == "not-ready"


def test_what_the_machine_found_is_read_from_its_line():
    found = {"machine": "aarch64", "said": "STEP 1 of\nFOUND nothing"}
    assert arm64_machine.found(f"{CONSOLE}FOUND {json.dumps(found)}\nreboot: Power down\n", ended=True) == found


def test_one_that_found_nothing_is_named_with_its_last_step():
    with pytest.raises(
        MachineError, match=r"ended by itself; its last step began 4\.50 s after it was started: running watch\n"
    ):
        arm64_machine.found(CONSOLE, ended=True)
    with pytest.raises(MachineError, match=r"was ended after its time; no step began\nUEFI"):
        arm64_machine.found("UEFI firmware\n", ended=False)
    with pytest.raises(MachineError, match="it went wrong"):
        arm64_machine.found(CONSOLE, ended=True)


def test_it_has_no_network_and_says_that_it_is_an_instance(tmp_path):
    argv = arm64_machine.command_line(tmp_path / "vmlinuz", tmp_path)
    assert argv[argv.index("-nic") + 1] == "none"
    assert {"-nodefaults", "-no-user-config"} < set(argv)
    assert not [word for word in argv if word.startswith(("-net", "user,", "tap,"))]
    assert f"type=2,manufacturer=Amazon EC2,asset={INSTANCE}" in argv
