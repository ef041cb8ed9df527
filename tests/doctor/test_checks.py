"""How checks are run and what they come to, and that they know of needs what collectors declare."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from doctors import host

import imds_probe.doctor
from imds_probe import exitcodes
from imds_probe.collect.collectors import COLLECTORS
from imds_probe.collect.needs import Need
from imds_probe.doctor.check import Check, Result
from imds_probe.doctor.checks import Told, checks, exit_code, looked, unknown_without
from imds_probe.errors import ProbeError

PACKAGE = Path(imds_probe.doctor.__file__).parent


def test_each_need_is_some_collectors_and_is_looked_at():
    looked_at = set(re.findall(r"Need\.([A-Z]+)", "".join(path.read_text() for path in PACKAGE.glob("*.py"))))
    assert {need.name for each in COLLECTORS for need in each.of_host} == looked_at == {need.name for need in Need}


@pytest.mark.parametrize("need", Need)
def test_what_stays_unknown_is_said_in_the_collectors_own_words(need, tmp_path):
    lost = unknown_without(need)
    assert set(lost) == {each.without for each in COLLECTORS if need in each.of_host}
    (one,) = looked(host(tmp_path), [Check("this", lambda _: Result("missing", "it is not there", need))])
    assert (one.unknown, one.found) == (lost, "it is not there")
    (fine,) = looked(host(tmp_path), [Check("this", lambda _: Result("ok", "it is there", need))])
    assert fine.unknown == ()


def test_one_that_fails_takes_nothing_from_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def expected(_):
        raise ProbeError("it hangs", "Repair it.")

    def by_the_system(_):
        raise PermissionError(13, "Permission denied", "/x")

    def bug(_):
        yield Result("ok", "the first half")
        raise ZeroDivisionError

    bugs = []
    found = looked(
        host(tmp_path),
        [Check("a", expected), Check("b", by_the_system), Check("c", bug), Check("d", lambda _: Result("ok", "fine"))],
        lambda part, error: bugs.append((part, type(error))),
    )
    assert [(each.check, each.state, each.remedy) for each in found] == [
        ("a", "limited", "Repair it."),
        ("b", "limited", "Run as root."),
        ("c", "limited", ""),
        ("d", "ok", ""),
    ]
    assert bugs == [("the check c", ZeroDivisionError)]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({"firmware": "ok", "spool": "limited"}, exitcodes.READY),
        ({"firmware": "ok", "packets": "missing"}, exitcodes.UNKNOWN),
        ({"switched-off": "missing", "packets": "missing"}, exitcodes.SWITCHED_OFF),
        ({"configuration": "missing", "switched-off": "missing", "packets": "missing"}, exitcodes.USAGE),
    ],
)
def test_the_exit_code_is_of_what_is_missing(states, code):
    assert exit_code([Told(check, state, "") for check, state in states.items()]) == code
    assert set(states) <= {each.id for each in checks()}


@pytest.mark.parametrize(
    ("remedy", "to_root"),
    [
        ("Run as root, or name another directory.", "Name another directory."),
        ("Run as root (sudo). A container needs hostPID.", "A container needs hostPID."),
        ("Run as root", "See what keeps root out: mounts, a security module, links in a circle."),
        ("Run as root.", "See what keeps root out: mounts, a security module, links in a circle."),
        ("Repair it.", "Repair it."),
    ],
)
def test_root_is_not_told_to_be_root(tmp_path, monkeypatch, remedy, to_root):
    check = Check("a", lambda _: Result("missing", "it is not there", Need.FILES, remedy=remedy))
    for uid, said in ((0, to_root), (1000, remedy)):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        (found,) = looked(host(tmp_path), [check])
        assert found.remedy == said
