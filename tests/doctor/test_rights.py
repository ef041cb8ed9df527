"""What the kernel lets a process do, tried by a process that has rights and one that has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doctors import here, host, results, told

from imds_probe.collect.needs import Need
from imds_probe.doctor import rights
from imds_probe.doctor.checks import unknown_without
from imds_probe.system import mounts

RIGHTS = {
    "files": Need.FILES,
    "processes": Need.PROCESSES,
    "namespaces": Need.NAMESPACES,
    "packets": Need.PACKETS,
    "packet-rules": Need.RULES,
}


def by_check(document):
    return {each["id"]: each for each in document["checks"]}


@pytest.fixture(scope="module")
def without():
    """What a process without capabilities is told."""
    code, document = told([], rights=False)
    assert code == document["exit_code"] == 3
    return by_check(document)


def test_root_has_them():
    _, document = told([])
    assert {name: by_check(document)[name]["state"] for name in RIGHTS} == dict.fromkeys(RIGHTS, "ok")


@pytest.mark.parametrize(("check", "need"), RIGHTS.items())
def test_each_right_that_is_lacking_is_told_with_what_it_costs(without, check, need):
    found = without[check]
    assert found["state"] == "missing"
    assert found["unknown"] == list(unknown_without(need))
    assert found["remedy"].startswith("A container needs hostPID")  # as this one is root already


def test_nothing_is_entered_or_changed(tmp_path):
    before = os.stat("/proc/thread-self/ns/net").st_ino
    assert [each.state for check in (rights.namespaces, rights.packets) for each in results(check(here()))] == [
        "ok",
        "ok",
    ]
    assert os.stat("/proc/thread-self/ns/net").st_ino == before


def test_a_root_without_its_processes(tmp_path):
    (only,) = results(rights.processes(host(tmp_path)))
    assert f"`imds-probe run --root {tmp_path} --image`" in only.remedy
    assert (only.state, only.need) == ("missing", Need.PROCESSES)


MOUNT = "22 1 0:21 / /proc rw,relatime shared:1 - proc proc rw,{}\n"


@pytest.mark.parametrize(
    ("options", "may_look", "state", "words"),
    [
        ("gid=4", True, "ok", "all processes can be inspected"),
        ("hidepid=2", True, "ok", "hides nothing from CAP_SYS_PTRACE"),
        ("hidepid=invisible", False, "missing", "hidepid=invisible, which hides other users' processes"),
        ("hidepid=0", True, "ok", "all processes can be inspected"),
    ],
)
def test_hidden_processes(tmp_path, monkeypatch, options, may_look, state, words):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/mountinfo").write_text(MOUNT.format(options))
    of_proc = mounts.options_of
    monkeypatch.setattr(mounts, "options_of", lambda _, pid, kind: of_proc(tmp_path, pid, kind))
    monkeypatch.setattr(rights, "has", lambda _: may_look)
    monkeypatch.setattr(rights, "has_pids_of_its_own", lambda: False)
    found = results(rights.processes(here()))[-1]
    assert found.state == state
    assert words in found.found


def test_a_pid_namespace_of_its_own(monkeypatch):
    monkeypatch.setattr(rights, "has_pids_of_its_own", lambda: True)
    found = results(rights.processes(here()))[-1]
    assert (found.state, found.need) == ("missing", Need.PROCESSES)
    assert "hostPID" in found.remedy


@pytest.mark.parametrize(
    ("files", "state", "words"),
    [
        ({}, "ok", "no security module"),
        ({"/proc/self/attr/current": "unconfined"}, "ok", "no security module"),
        (
            {"/proc/self/attr/current": "docker-default (enforce)"},
            "limited",
            "AppArmor confines this process (docker-default)",
        ),
        (
            {"/proc/self/attr/current": "system_u:system_r:unconfined_service_t:s0", "/sys/fs/selinux/enforce": "1"},
            "ok",
            "does not confine",
        ),
        (
            {"/proc/self/attr/current": "system_u:system_r:container_t:s0:c1,c2", "/sys/fs/selinux/enforce": "1"},
            "limited",
            "SELinux is enforcing, and confines",
        ),
        (
            {"/proc/self/attr/current": "system_u:system_r:container_t:s0:c1,c2"},  # a container without selinuxfs
            "limited",
            "SELinux may confine",
        ),
        (
            {"/proc/self/attr/current": "system_u:system_r:container_t:s0", "/sys/fs/selinux/enforce": "0"},
            "ok",
            "no security module",
        ),
        ({"/sys/kernel/security/lockdown": "none integrity [confidentiality]"}, "limited", "closes tracing"),
        ({"/sys/kernel/security/lockdown": "none [integrity] confidentiality"}, "ok", "no security module"),
    ],
)
def test_what_confines(monkeypatch, files, state, words):
    real = rights.read_head

    def read(path, limit):
        if path in files:
            return f"{files[path]}\n\0".encode()
        if path != "/proc/self/status":
            raise FileNotFoundError
        return real(path, limit)

    monkeypatch.setattr(rights, "read_head", read)
    found = results(rights.confinement(here()))[-1]
    assert found.state == state
    assert words in found.found


def test_what_confines_this_process_does_not_hang_on_the_root_that_it_reads(monkeypatch, tmp_path):
    said = {
        "/proc/self/status": b"",
        "/proc/self/attr/current": b"system_u:system_r:container_t:s0",
        f"{tmp_path}/sys/fs/selinux/enforce": b"1",
    }
    monkeypatch.setattr(rights, "read_head", lambda path, _: said.get(path, b""))
    (found,) = results(rights.confinement(host(tmp_path)))
    assert (found.state, "SELinux is enforcing, and confines" in found.found) == ("limited", True)


OF_A_USER_NAMESPACE = """
import sys
sys.path.insert(0, sys.argv[1])
from doctors import here, results
from imds_probe.doctor import rights
for check in (rights.files, rights.namespaces, rights.processes, rights.rules):
    print([each.state for each in results(check(here()))])
"""


def test_root_of_a_user_namespace_is_not_the_hosts():
    tests = str(Path(__file__).parents[1])
    argv = ["unshare", "-Urn", sys.executable, "-c", OF_A_USER_NAMESPACE, tests]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines() == ["['missing']"] * 4


def test_a_filter_of_system_calls_is_told(monkeypatch):
    monkeypatch.setattr(rights, "read_head", lambda *_: b"Name:\tx\nSeccomp:\t2\n")
    assert "seccomp" in results(rights.confinement(here()))[0].found
