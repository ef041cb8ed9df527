"""The command line of a rehearsal, and what it refuses before anything is touched; what it does is in tests/lab."""

from __future__ import annotations

import os

import pytest
from rehearsing import place, tables

from imds_probe import exitcodes
from imds_probe.commands import rehearse
from imds_probe.commands.dispatch import main
from imds_probe.commands.printed_switch import Printed
from imds_probe.rehearsal.group import OwnGroup, left_behind


@pytest.fixture
def here():
    with place() as directory:
        yield directory
        assert left_behind(directory) == [] and tables() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to rehearse"),
        (["--unit", "web", "--", "true"], "one at a time"),
        (["--unit", "web", "--container", "web"], "one at a time"),
        (["--host", "--", "true"], "one at a time"),
        (["--host", "--stop-on", "exit"], "--stop-on exit means nothing with --host"),
        (["--restart-unit", "--", "true"], "means nothing without --unit"),
        (["--for", "25h", "--", "true"], "longer than 24h"),
        (["--for", "soon", "--", "true"], "no length of time"),
        (["--hop-limit", "0", "--", "true"], "no hop limit"),
        (["--hop-limit", "65", "--", "true"], "no hop limit"),
        (["--hop-limit", "x", "--", "true"], "no hop limit"),
        (["--check", "exit 4", "--", "true"], "exit code 4, before anything was rehearsed"),
        (["--check-url", "localhost", "--", "true"], "no http or https URL"),
        (["--stop-on", "never", "--", "true"], "invalid choice"),
        (["--", "no-such-program"], "not a program on the PATH"),
    ],
)
def test_wrong_usage(here, capsys, arguments, words):
    try:
        code = main(["rehearse", *arguments])
    except SystemExit as left:
        code = left.code
    assert code == exitcodes.USAGE
    assert words in capsys.readouterr().err


def test_elsewhere_than_on_ec2_it_is_refused(here, capsys, monkeypatch):
    monkeypatch.setattr("imds_probe.collect.firmware._read", lambda *_: "")
    assert main(["rehearse", "--", "true"]) == exitcodes.UNAVAILABLE
    assert "this is not an EC2 instance" in capsys.readouterr().err


def test_an_endpoint_of_the_environments_is_refused(here, capsys, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338")
    assert main(["rehearse", "--assume-ec2", "--", "true"]) == exitcodes.UNAVAILABLE
    assert "AWS_EC2_METADATA_SERVICE_ENDPOINT sends AWS SDKs to http://127.0.0.1:1338" in capsys.readouterr().err


def test_undo_removes_what_a_killed_one_left(here, capsys, monkeypatch):
    whole = "imds_probe.rehearsal.leftovers.undo"
    from imds_probe.rehearsal import leftovers

    undo = leftovers.undo
    monkeypatch.setattr(whole, lambda **_: undo(here))
    monkeypatch.setattr("imds_probe.commands.rehearse._networks", list)
    assert main(["rehearse", "--undo"]) == exitcodes.READY
    assert capsys.readouterr().out == "nothing was left behind\n"
    directory = OwnGroup(f"imds-probe-rehearsal-{os.getpid()}-1").directory
    assert main(["rehearse", "--undo"]) == exitcodes.READY
    assert capsys.readouterr().out == f"removed control group {directory}\n"


def test_the_hop_limit_is_that_of_the_printed_switch(capsys, monkeypatch):
    printed = [Printed(2, "/var/lib/imds-probe/report.json", "2026-01-01T00:00:00Z"), None]
    monkeypatch.setattr("imds_probe.commands.printed_switch.hop_limit", lambda _: printed.pop(0))
    assert rehearse._printed() == 2
    assert "is 2: that of the switch in /var/lib/imds-probe/report.json" in capsys.readouterr().err
    assert rehearse._printed() == 1
    assert "is 1: no kept report of this host has another" in capsys.readouterr().err
