"""What the kernel says of the thread afterwards, and of the others."""

import ctypes
import os
import subprocess
import sys
import threading

import pytest

from imds_probe.system import give_way

_IOPRIO_GET = {"x86_64": 252, "aarch64": 31}[os.uname().machine]


def priorities(thread: int = 0) -> tuple[int, int]:
    """Its nice value and the class of its I/O: 0 none, 3 idle."""
    return os.getpriority(os.PRIO_PROCESS, thread), ctypes.CDLL(None).syscall(_IOPRIO_GET, 1, thread) >> 13


def test_the_thread_gives_way_and_no_other_does():
    before, seen = priorities(), []

    def work():
        give_way.give_way()
        seen.append(priorities(threading.get_native_id()))
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        seen.append(priorities(child.pid))
        child.communicate(b"\n")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    expected = (max(before[0], give_way.NICE), 3)
    assert seen == [expected, expected]
    assert priorities() == before


def test_who_is_more_modest_stays_so():
    seen = []

    def work():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        give_way.give_way()
        seen.append(priorities(threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(19, 3)]


@pytest.mark.parametrize("machine", ["riscv64", "x86_64"])
def test_where_the_kernel_refuses_nothing_fails(machine, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(give_way, "_IOPRIO_SET", {"x86_64": -1} if machine == "x86_64" else {})
    before = priorities()
    give_way.give_way()
    assert priorities() == before
