"""What the kernel is asked for: its version, tracing, control groups, and the clock."""

from __future__ import annotations

import contextlib
import os
import time
from types import SimpleNamespace

import pytest
from doctors import here, host, results

from imds_probe.collect.needs import Need
from imds_probe.doctor import kernel
from imds_probe.system import mounts
from imds_probe.watch.tracing import NotToBeHad


@pytest.mark.parametrize(
    ("release", "state", "costs"),
    [
        ("6.1.0-13-amd64", "ok", 0),
        ("5.10.223-212.873.amzn2.x86_64", "ok", 0),
        ("4.14.355-275.570.amzn2.x86_64", "limited", 2),
        ("3.10.0-1160.el7.x86_64", "limited", 3),
        ("nonsense", "ok", 0),
    ],
)
def test_a_kernel_is_known_by_its_number(monkeypatch, release, state, costs):
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    found = kernel.version(here())
    assert (found.state, len(found.costs)) == (state, costs)
    assert release in found.found


def test_of_a_root_that_does_not_run_nothing_is_said(tmp_path):
    for look in (kernel.version, kernel.tracing):
        found = look(host(tmp_path))
        assert found.state == "ok"
        assert "not looked at" in found.found


def own_instances():
    """Those of other processes come and go meanwhile."""
    with contextlib.suppress(OSError):
        return [name for name in os.listdir("/sys/kernel/tracing/instances") if f"-{os.getpid()}-" in name]
    return []


def test_tracing_is_looked_at_and_left_as_it_was(monkeypatch):
    before = own_instances(), os.listdir("/proc/self/fd")
    assert kernel.tracing(here()).state in ("ok", "limited")
    assert (own_instances(), os.listdir("/proc/self/fd")) == before


def test_tracing_that_can_be_used_and_that_cannot(monkeypatch, tmp_path):
    def nobody(_):
        raise NotToBeHad("tracefs cannot be mounted: Operation not permitted", "Run as root.")

    monkeypatch.setattr(kernel, "mounted", nobody)
    monkeypatch.setattr(kernel, "tracefs", lambda: None)
    assert (kernel.tracing(here()).state, kernel.tracing(here()).need) == ("limited", Need.TRACING)
    monkeypatch.setattr(kernel, "tracefs", lambda: tmp_path)
    assert "instances cannot be written" in kernel.tracing(here()).found
    (tmp_path / "instances").mkdir()
    assert "no sock/inet_sock_set_state" in kernel.tracing(here()).found
    (tmp_path / "events/sock/inet_sock_set_state").mkdir(parents=True)
    assert kernel.tracing(here()).state == "ok"


@pytest.mark.parametrize(
    ("kinds", "state", "words"),
    [
        (("cgroup2",), "ok", "version 2"),
        (("cgroup2", "cgroup"), "ok", "version 1 beside version 2"),
        (("cgroup",), "ok", "version 1;"),
        (("ext4",), "limited", "no control groups"),
        ((), "limited", "cannot be read"),
    ],
)
def test_control_groups(monkeypatch, kinds, state, words):
    monkeypatch.setattr(mounts, "mounts", lambda *_: tuple(mounts.Mount("0:1", "/x", kind) for kind in kinds))
    found = kernel.groups(here())
    assert found.state == state
    assert words in found.found


def test_a_clock_that_was_never_set_and_one_that_is_not_kept(monkeypatch):
    (found,) = results(kernel.clock(here(now=86400.0)))
    assert (found.state, found.found) == ("limited", "the clock is years behind")
    for synchronised, state in ((True, "ok"), (None, "ok"), (False, "limited")):
        monkeypatch.setattr(kernel, "_synchronised", lambda it=synchronised: it)
        (found,) = results(kernel.clock(here(now=time.time())))
        assert found.state == state


def test_the_kernel_is_asked_about_its_clock_and_does_not_change_it():
    assert kernel._synchronised() in (True, False, None)
