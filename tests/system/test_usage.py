"""Measured of a process that reads, works and takes memory as much as it is told to."""

import json
import os
import subprocess
import sys

import pytest

from imds_probe.system import usage

MIB = 1024 * 1024
PROGRAM = f"""
import dataclasses, json, subprocess, sys, time
from imds_probe.system.usage import usage
before = usage()
while time.process_time() < 0.5: pass
read = lambda count: open("/dev/zero", "rb", buffering=0).read(count)
kept = read(64 * {MIB})
child = f"open('/dev/zero', 'rb', buffering=0).read(32 * {MIB})"
subprocess.run([sys.executable, "-c", child], check=True)
larger = "kept = b'x' * (96 * {MIB}); print(flush=True); input()"
with subprocess.Popen([sys.executable, "-c", larger], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as beside:
    beside.stdout.readline()
    after = usage()
print(json.dumps([dataclasses.asdict(before), dataclasses.asdict(after)]))
"""


def test_cpu_time_bytes_and_memory_with_those_of_children():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    before, after = json.loads(done.stdout)
    assert after["cpu_ms"] >= 500
    assert 96 * MIB <= after["bytes_read"] - before["bytes_read"] <= 120 * MIB
    assert 0 <= after["disk_bytes_read"] <= after["bytes_read"] + 512 * MIB
    assert 160 * MIB <= after["peak_memory_bytes"] - before["peak_memory_bytes"] <= 200 * MIB


def test_what_the_kernel_does_not_count_is_not_made_up(tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "_OWN", tmp_path)
    spent = usage.usage()
    assert (spent.bytes_read, spent.disk_bytes_read, spent.peak_memory_bytes) == (None, None, None)
    assert spent.cpu_ms > 0


@pytest.mark.parametrize("content", ["", "rchar: x", "VmPeak: 10 kB"])
def test_other_words_are_no_figures(tmp_path, monkeypatch, content):
    for name in ("io", "status"):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(usage, "_OWN", tmp_path)
    assert usage.usage().peak_memory_bytes is None


def test_what_a_forked_child_has_for_itself() -> None:
    """What it takes and gives back again, and nothing of what it has of its parent."""
    shared = b"x" * (64 * MIB)
    told, tells = os.pipe()
    ends, end = os.pipe()
    child = os.fork()
    if not child:
        own = b"x" * (32 * MIB)
        del own
        os.write(tells, b".")
        os.close(end)
        os.read(ends, 1)
        os._exit(0)
    assert os.read(told, 1) == b"."
    before = usage.own_memory(child), usage.resident_memory(child)
    for descriptor in (told, tells, ends, end):
        os.close(descriptor)
    os.waitpid(child, 0)
    assert 32 * MIB < before[0] < 64 * MIB
    assert before[1] > len(shared)
    assert (usage.own_memory(child), usage.resident_memory(child)) == (0, 0)
