"""Clearing up after labs whose process was killed outright."""

import glob
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S

import imds_probe
from imds_probe.simulator.lab import naming, stale
from imds_probe.simulator.lab.lab import Lab

ENVIRONMENT = {"PYTHONPATH": str(Path(imds_probe.__file__).parents[1]), "PATH": os.environ["PATH"]}
CHILD = """
import json, sys, time
from imds_probe.simulator.lab.lab import Lab

if sys.argv[2] == "wait":
    with Lab(sys.argv[1]) as lab:
        lab.add_container("c", "nested")
        print(json.dumps([lab.namespaces, lab.service.start(["sleep", "60"]).pid]), flush=True)
        time.sleep(60)
print("go", flush=True)
for _ in range(100):
    with Lab(sys.argv[1]) as lab:
        lab.service.start(["sleep", "60"])
        lab.add_container("c", "nested")
"""


def running(pid):
    return Path(f"/proc/{pid}/exe").exists()


@pytest.fixture
def label(request):
    """A word for this test's labs alone, so that other labs on the machine do not count."""
    return f"s{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"


@pytest.fixture
def child(label):
    children = []

    def begin(what):
        argv = [sys.executable, "-c", CHILD, label, what]
        process = subprocess.Popen(argv, env=ENVIRONMENT, stdout=subprocess.PIPE)
        children.append(process)
        said = process.stdout.readline()
        return (process, *(json.loads(said) if what == "wait" else ()))

    yield begin
    for process in children:
        process.kill()
        process.communicate()
    stale.remove_stale()


def test_what_a_killed_process_left_is_removed_and_nothing_else(child, label):
    process, names, pid = child("wait")
    similar = [
        f"imdslab{label}",
        f"{label}",
        f"imdslab-{label}",
        f"imdslab-{label}-1.2-instance",
        f"imdslab-{label}-x",
        # The owner counts in another PID namespace; there it may well be alive.
        f"imdslab-{label}-999999999.5.1.1-instance",
    ]
    try:
        for name in similar:
            subprocess.run(["ip", "netns", "add", name], check=True)
        with Lab(label) as alive:
            assert not set(names) & set(stale.remove_stale())  # its process runs
            process.kill()
            process.wait()
            # What it returns is not looked at: another run of these tests may clear up at the same moment.
            stale.remove_stale()
            assert not running(pid)
            assert [name for name in names if (naming.NETNS_DIRECTORY / name).exists()] == []
            assert all((naming.NETNS_DIRECTORY / name).exists() for name in [*similar, *alive.namespaces])
            assert alive.instance.run(["true"], timeout_s=SOON_S).returncode == 0
            assert not set(names) & set(stale.remove_stale())
    finally:
        for name in similar:
            subprocess.run(["ip", "netns", "delete", name], check=True)


def test_whatever_it_was_doing_when_it_was_killed(child, label):
    """Also where a tool it had started is still at work, and makes another namespace after its starter's death."""
    for delay_ms in range(0, 150, 10):
        (process,) = child("work")
        time.sleep(delay_ms / 1000)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SOON_S)
        stale.remove_stale()
        time.sleep(0.02)
        assert glob.glob(f"{naming.NETNS_DIRECTORY}/imdslab-{label}-*") == [], f"after {delay_ms} ms"


def test_the_lab_offers_it_too():
    with Lab("alive") as lab:
        assert not set(lab.namespaces) & set(Lab.remove_stale())
        assert lab.instance.run(["true"], timeout_s=SOON_S).returncode == 0
