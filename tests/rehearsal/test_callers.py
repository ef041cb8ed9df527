"""What came of each process that asked, by itself."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.rehearsal import callers as module
from imds_probe.rehearsal.callers import Callers, Seen, Totals
from imds_probe.rehearsal.connection import Relayed
from imds_probe.watch.caller import Caller
from imds_probe.watch.standing import stamps_of

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
        assert seen.all() == [Seen(None, module.UNKNOWN, refused=1, missed={""})]
    with callers(listener, lambda: [os.getpid()]) as seen, socket.create_connection(listener.getsockname()) as asking:
        seen.met(socket.AF_INET, asking.getsockname())
        seen.noted(relayed("passed", asking.getsockname()))
        assert [each.pid for each in seen.all()] == [None]


PLAIN, BARE = "/latest/meta-data/", "/latest/meta-data"


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [(PLAIN, BARE, "recovered"), (PLAIN, "/latest/user-data", "gave-up")],
)
def test_a_script_is_one_caller_and_recovers_where_it_asks_for_the_same(listener, monkeypatch, first, second, outcome):
    """Whose processes come and go."""
    shell = Caller(9, "curl", "/usr/bin/curl", "curl …", 0, (), "web.service", None, None, None, script="/opt/ask.sh")
    pids = iter([101, 102])
    known = {pid: replace(shell, pid=pid, acts_for=(9, 77)) for pid in (101, 102)}
    monkeypatch.setattr(module, "caller_of", lambda proc, pid: known.get(pid))
    monkeypatch.setattr(Callers, "_holder", lambda *_: next(pids))
    with callers(listener, list) as seen:
        for port, (what, path) in enumerate([("refused", first), ("passed", second)]):
            peer = "127.0.0.1", 5000 + port
            seen.met(socket.AF_INET, peer)
            seen.noted(Relayed(what, peer, socket.AF_INET, path))
        (caller,) = seen.all()
        assert (caller.outcome, caller.pid, caller.name) == (outcome, 9, "/opt/ask.sh")
        assert (caller.refused, caller.passed) == (1, 1)


def test_who_was_started_for_the_rehearsal_is_not_called_by_it(listener, monkeypatch):
    own = Caller(
        os.getpid(), "python3", "/usr/bin/python3", "…", 0, (), None, None, None, None, script="/usr/bin/imds-probe"
    )
    monkeypatch.setattr(module, "caller_of", lambda proc, pid: replace(own, pid=pid))
    with callers(listener, lambda: [os.getpid()]) as seen, socket.create_connection(listener.getsockname()) as asking:
        seen.met(socket.AF_INET, asking.getsockname())
        seen.noted(relayed("passed", asking.getsockname()))
        assert [each.caller.script for each in seen.all()] == [None]


@pytest.mark.parametrize(("then", "outcome"), [("/latest/user-data", "gave-up"), (BARE, "recovered")])
def test_a_process_recovers_by_the_same_path_alone_and_is_known_again(listener, then, outcome):
    """An SDK in it may ask with a token for other things."""
    with callers(listener, lambda: [os.getpid()]) as seen:
        for what, path in [("refused", PLAIN), ("passed", then)]:
            with socket.create_connection(listener.getsockname()) as asking:
                seen.met(socket.AF_INET, asking.getsockname())
                seen.noted(Relayed(what, asking.getsockname(), socket.AF_INET, path))
        (caller,) = seen.all()
        assert caller.outcome == outcome
        assert caller.stamps == stamps_of(Path("/proc"), caller.caller) and caller.stamps.program


def test_one_that_was_refused_too_many_paths_gave_up_on_some():
    caller = Seen(7, "x")
    paths = [f"/{number}" for number in range(module.PATHS_MAX + 1)]
    for path in paths:
        caller.refuse(path)
    for path in paths:
        caller.serve(path)
    assert caller.outcome == "gave-up"


@pytest.mark.parametrize(
    ("ended", "given_s", "outcome"), [(False, 60.0, "cut-short"), (False, 0.0, "gave-up"), (True, 60.0, "gave-up")]
)
def test_one_that_still_runs_is_given_time_to_ask_again(listener, ended, given_s, outcome):
    with callers(listener, lambda: [os.getpid()]) as seen:
        with socket.create_connection(listener.getsockname()) as asking:
            seen.met(socket.AF_INET, asking.getsockname())
            seen.noted(relayed("refused", asking.getsockname()))
        (caller,) = seen.all()
        if ended:
            caller.caller = replace(caller.caller, acts_for=(os.getpid(), 1))  # its number is another's now
        module.end_short([caller, Seen(None, module.UNKNOWN, missed={""})], given_s=given_s)
        assert caller.outcome == outcome


@pytest.mark.parametrize(
    ("refused", "at", "outcome"),
    [
        (1, 96.0, "cut-short"),
        (1, 105.0, "cut-short"),
        (2, 96.0, "gave-up"),
        (1, 90.0, "gave-up"),  # it had its time before
        (1, 111.0, "gave-up"),
    ],
)
def test_one_that_was_refused_once_may_have_asked_again_in_a_lapse(refused, at, outcome):
    caller = Seen(7, "x", refused=refused, missed={"/x"}, missed_since=at)
    module.end_short([caller], given_s=5.0, lapses=[(20.0, 30.0), (100.0, 110.0)])
    assert caller.outcome == outcome
