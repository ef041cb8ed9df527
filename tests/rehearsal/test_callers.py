"""What came of each process that asked, by itself."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from imds_probe.rehearsal import callers as module
from imds_probe.rehearsal.callers import Callers, Seen, Totals
from imds_probe.rehearsal.connection import Relayed

PEER = ("127.0.0.1", 4711)


def relayed(what, peer=PEER):
    return Relayed(what, peer, socket.AF_INET)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@contextlib.contextmanager
def callers(listener, members):
    made = Callers({socket.AF_INET: listener.getsockname()}, members)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("whats", "outcome"),
    [
        (["refused"], "gave-up"),
        (["refused", "token"], "gave-up"),
        (["refused", "token", "passed"], "recovered"),
        (["refused", "passed", "refused"], "gave-up"),
        (["token", "passed"], "token"),
        (["token"], "token"),
        (["passed", "refused"], "gave-up"),
        (["malformed", "unanswered"], "other"),
        (["not-served"], "other"),
    ],
)
def test_what_comes_of_a_caller(listener, whats, outcome):
    with callers(listener, lambda: [os.getpid()]) as seen:
        for what in whats:
            with socket.create_connection(listener.getsockname()) as asking:
                seen.met(socket.AF_INET, asking.getsockname())
                seen.noted(relayed(what, asking.getsockname()))
                seen.over(socket.AF_INET, asking.getsockname())
        assert not seen._waiting
        (caller,) = seen.all()
        assert (caller.outcome, caller.pid) == (outcome, os.getpid())
        assert sum(vars(seen.totals()).values()) == len(whats)


def test_each_process_is_a_caller_by_itself(listener):
    host, port = listener.getsockname()
    code = (
        f"import socket, sys; s = socket.create_connection(('{host}', {port})); print(s.getsockname()[1], flush=True);\
sys.stdin.read()"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        with callers(listener, lambda: [child.pid for child in children]) as seen:
            for child, what in zip(children, ("refused", "passed"), strict=True):
                peer = ("127.0.0.1", int(child.stdout.readline()))
                seen.met(socket.AF_INET, peer)
                seen.noted(relayed(what, peer))
            assert [(each.pid, each.outcome) for each in seen.all()] == [
                (children[0].pid, "gave-up"),
                (children[1].pid, "token"),
            ]
            assert all(each.name.startswith("python") for each in seen.all())
            assert seen.totals() == Totals(1, 0, 1, 0)
    finally:
        for child in children:
            child.communicate()


def test_a_caller_that_is_nowhere_is_counted_as_unknown(listener, monkeypatch):
    monkeypatch.setattr(module, "CALLERS_MAX", 0)
    with callers(listener, list) as seen:
        seen.met(socket.AF_INET, PEER)
        seen.noted(relayed("refused"))
        seen.noted(relayed("refused", ("127.0.0.1", 1)))  # never met
        assert seen.all() == [Seen(None, module.UNKNOWN, refused=1, waits=True)]
    with callers(listener, lambda: [os.getpid()]) as seen, socket.create_connection(listener.getsockname()) as asking:
        seen.met(socket.AF_INET, asking.getsockname())
        seen.noted(relayed("passed", asking.getsockname()))
        assert [each.pid for each in seen.all()] == [None]
