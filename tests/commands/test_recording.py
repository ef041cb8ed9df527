from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from code_seen import AGENT, with_code
from reports_made import report
from watched_calls import SEEN

from imds_probe.commands.recording import Recording, known_here
from imds_probe.config import Config
from imds_probe.rehearsal.callers import Seen
from imds_probe.rehearsal.outcomes import Aim
from imds_probe.rules.known_callers import CODE, Known
from imds_probe.watch.caller import caller_of
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE
from imds_probe.watch.rehearsed import read
from imds_probe.watch.standing import stamps_of

AIM = Aim("unit", "web.service")


def test_a_rehearsal_is_put_on_record_with_those_who_did_not_ask(tmp_path, capsys):
    caller = caller_of(Path("/proc"), os.getpid())
    asked = Seen(os.getpid(), "x", passed=1, caller=caller, stamps=stamps_of(Path("/proc"), caller))
    silent = Known("/opt/b.py", CODE, unit="web.service")
    recording = Recording(AIM, 2, tmp_path, [silent], restarted=True)
    recording.look([os.getpid(), 2**30])
    recording.done([asked, Seen(None, "x", refused=3)], 60.0, 1.5, "a check failed")
    (kept,) = read(tmp_path)
    assert (kept.kind, kept.target, kept.hop_limit, kept.restarted) == ("unit", "web.service", 2, True)
    assert (kept.lasted_s, kept.lapsed_s, kept.ended_by) == (60.0, 1.5, "a check failed")
    assert kept.unidentified == 3
    assert [each.outcome for each in kept.callers] == ["token", "silent"]
    said = capsys.readouterr().err
    assert "/opt/b.py did not ask, which proves nothing: its code asks" in said
    assert "the next runs on this host count this rehearsal as evidence" in said


def test_what_is_not_to_be_on_record_is_not(tmp_path, capsys):
    Recording(AIM, 1, None).done([], 1.0, 0.0, "")
    assert capsys.readouterr().err == "" and list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_the_rehearsal_is_over_all_the_same(tmp_path, capsys):
    (tmp_path / "state").write_text("")
    Recording(AIM, 1, tmp_path / "state").done([], 1.0, 0.0, "")
    assert "not a directory" in capsys.readouterr().err


@pytest.fixture
def no_firmware(monkeypatch):
    """The instance that the reports of tests are of."""

    class Platform:
        instance_id = "i-0123456789abcdef0"

    monkeypatch.setattr("imds_probe.commands.recording.look_at_firmware", lambda _: Platform)


def test_who_is_known_by_the_history_and_by_the_last_report(tmp_path, no_firmware):
    assert known_here(tmp_path, Config(), tmp_path) == ()
    (tmp_path / "report.json").write_text(json.dumps(report(with_code(AGENT))))
    with History(tmp_path / FILE) as history:
        history.record([(SEEN, None)], SEEN.at - 1, SEEN.at + 1)
    names = {each.name for each in known_here(tmp_path, Config(window_s=1e10), Path("/"))}
    assert {"/opt/agent/agent", "/usr/bin/curl", "amazon-ssm-agent"} <= names


def test_a_history_that_cannot_be_read_is_said(tmp_path, no_firmware, capsys):
    (tmp_path / FILE).write_text("x" * 100)
    assert known_here(tmp_path, Config(), Path("/")) == ()
    assert "callers that do not ask are named by the last report alone" in capsys.readouterr().err
