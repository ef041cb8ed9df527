from __future__ import annotations

import json
import stat
import sys
import time
from pathlib import Path

import pytest
from soon import SOON_S, wait_for

from imds_probe import exitcodes
from imds_probe.service import schedule
from imds_probe.service.schedule import AGAIN_AFTER_S, REPORT, ScheduledRuns

# In the place of the interpreter: it writes what it is told to where --out says, and ends as it is told to.
PROGRAM = """#!/bin/sh
echo "$@" >> "$STATE/arguments"
while [ "$1" != --out ]; do shift; done
[ -z "$SAID" ] || echo "$SAID" > "$2"
sleep "$LASTS"
exit "$CODE"
"""
REPORTED = {"verdict": {"state": "not-ready", "confidence": "high", "reasons": ["botocore is too old", "x"]}}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Runs:
    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts: str, code: int, said: object) -> None:
        program = tmp_path / "python"
        program.write_text(PROGRAM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(program))
        self.directory, self.clock, self.lines = tmp_path, Clock(), list[str]()
        environ = {"STATE": str(tmp_path), "LASTS": lasts, "CODE": str(code), "SAID": json.dumps(said) if said else ""}
        self.runs = ScheduledRuns(tmp_path, ["--assume-ec2"], self.lines.append, environ, self.clock)

    def until_said(self) -> str:
        deadline = time.monotonic() + SOON_S
        while not self.lines:
            self.runs.tick()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self.lines.pop()


@pytest.fixture
def made(tmp_path, monkeypatch):
    made: list[Runs] = []

    def make(lasts: str = "0", code: int = 1, said: object = REPORTED) -> Runs:
        made.append(Runs(tmp_path, monkeypatch, lasts, code, said))
        return made[-1]

    yield make
    for each in made:
        each.runs.stop()


def test_it_runs_in_time_and_says_the_verdict(made):
    one = made()
    one.runs.schedule(3600, 900)
    assert 0 <= one.runs.due_in_s() <= 900
    one.clock.now += 900
    assert one.until_said() == (
        f"verdict not-ready, confidence high: botocore is too old and 1 more ({one.directory / REPORT})"
    )
    assert 3600 <= one.runs.due_in_s() <= 4500
    assert (one.directory / "arguments").read_text() == (
        f"-P -m imds_probe run --output json --out {one.directory / REPORT} --assume-ec2\n"
    )
    one.runs.tick()  # not due
    assert one.lines == []


def test_accepted_risks_are_said_with_the_verdict(made):
    verdict = REPORTED["verdict"] | {"accepted": [{"id": "imdsv1-caller"}]}
    one = made(said=REPORTED | {"verdict": verdict})
    one.runs.schedule(0, 0)
    assert one.until_said().startswith("verdict not-ready, 1 risk accepted, confidence high: ")


def test_a_shorter_interval_holds_at_once_and_a_longer_one_from_the_next_on(made):
    one = made()
    one.runs.schedule(3600, 0)
    one.until_said()
    one.runs.schedule(60, 0)
    assert one.runs.due_in_s() <= 60
    one.runs.schedule(7200, 0)
    assert one.runs.due_in_s() <= 60


def test_one_can_be_asked_for_sooner_but_not_right_after_the_last(made):
    one = made()
    one.runs.schedule(3600, 0)
    one.until_said()
    one.runs.sooner(60)
    assert one.runs.due_in_s() == schedule.SOONER_AFTER_S
    one.clock.now += 1800
    one.runs.sooner(60)
    assert one.runs.due_in_s() == 0  # it was due by then
    one.until_said()
    one.clock.now += 1800
    one.runs.sooner(60)
    assert one.runs.due_in_s() == 60
    first = made()
    first.runs.schedule(3600, 9999)
    first.runs.sooner(0)
    assert first.runs.due_in_s() == 0


@pytest.mark.parametrize(("code", "said"), [(2, None), (70, REPORTED)])
def test_one_without_a_verdict_is_tried_again_soon(made, code, said):
    one = made(code=code, said=said)
    one.runs.schedule(3600, 0)
    assert one.until_said() == f"no assessment: imds-probe run ended with exit code {code}"
    assert one.runs.due_in_s() <= AGAIN_AFTER_S


def test_one_that_could_not_keep_its_report_has_sent_it(made):
    one = made(code=exitcodes.NOT_WRITTEN, said=None)
    one.runs.schedule(3600, 0)
    assert one.until_said() == f"assessed, and sent to the sinks; {one.directory / REPORT} could not be written"
    assert one.runs.due_in_s() > AGAIN_AFTER_S


def test_one_that_is_switched_off_in_the_middle_says_so_itself(made):
    one = made(code=exitcodes.SWITCHED_OFF)
    one.runs.schedule(3600, 0)
    one.runs.tick()
    child = one.runs._child
    wait_for(lambda: one.runs.tick() or one.runs._child is None)
    assert (child.returncode, one.lines) == (exitcodes.SWITCHED_OFF, [])


def test_one_that_hangs_is_ended(made):
    one = made(lasts="60")
    one.runs.schedule(3600, 0)
    one.runs.tick()
    child = one.runs._child
    assert one.runs.due_in_s() == schedule.LOOKED_AT_EVERY_S
    one.runs.tick()
    assert child.poll() is None
    one.clock.now += schedule.TIME_LIMIT_S
    assert one.until_said() == "no assessment: imds-probe run did not end within 180 s"
    assert child.poll() is not None


def test_a_report_that_cannot_be_read_is_said(made):
    one = made(said=["no", "report"])
    one.runs.schedule(3600, 0)
    assert one.until_said() == f"no report to read at {one.directory / REPORT}"


def test_a_program_that_cannot_be_started_is_said(made, monkeypatch):
    one = made()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    one.runs.schedule(3600, 0)
    assert one.until_said() == "no assessment: /no/such/python is not installed"
