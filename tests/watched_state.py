"""State directories that a daemon left, and what a run makes of them: for tests of what becomes of evidence."""

from __future__ import annotations

import functools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from contexts import collected, context
from observed import FACTS, changed, report_of
from watched_calls import CURL, NOW, SEEN

from imds_probe.collect import callers
from imds_probe.collect.callers import Called
from imds_probe.collect.callers_options import CallersOptions
from imds_probe.facts.facts import Facts
from imds_probe.report import Report
from imds_probe.system.state_directory import Lock
from imds_probe.verdict import ORDER
from imds_probe.watch import history_file
from imds_probe.watch.history import History
from imds_probe.watch.history_format import FILE, HOUR_S

WINDOW_S = 48.0 * HOUR_S
CONFIDENCE = ("low", "medium", "high")
# So much of the code of these commits as writes and reads a history and a spool.
EARLIER = Path(__file__).parent / "watch/earlier"
# The last commits with formats 1 to 4 of the history.
FIRST_RELEASE, SECOND_FORMAT, THIRD_FORMAT, FOURTH_FORMAT = "73c9e4a", "ac714af", "47ef887", "01859d9"


def reported(state: Path, root: Path, *watched: object) -> Report:
    """What a run reports on a healthy host with this state directory."""
    given = context(root, *watched, options=(CallersOptions(state, window_s=WINDOW_S),))
    runs = collected(given, [callers.COLLECTOR])
    facts: Facts = changed(FACTS, collectors=(*FACTS.collectors, *runs.values()))
    called = given.get(Called)
    return report_of(changed(facts, callers=called.callers) if called else facts)


def better(report: Report, than: Report) -> bool:
    """Whether a verdict promises more than another one; one that is unknown promises nothing."""
    state, before = report.verdict.state, than.verdict.state
    if state == "unknown" or state == before == "not-ready":
        return False
    surer = CONFIDENCE.index(report.verdict.confidence) > CONFIDENCE.index(than.verdict.confidence)
    return ORDER.index(state) > ORDER.index(before) or surer


def left_by_daemon(
    state: Path, *, calls: int, hours: int = 47, by: Callable[[int], str] = "/usr/bin/{}".format
) -> None:
    """What a daemon leaves that has watched so many hours until now, and saw so many calls by IMDSv1."""
    now = time.time()
    with Lock(state), History(state / FILE) as history:
        for number in range(hours):
            began = now - (hours - number) * HOUR_S
            some = [
                replace(SEEN, at=began + 60, version=version, caller=replace(CURL, exe=by(each)))
                for version, count in (("v1", calls if number == 3 else 0), ("v2", number % 5))
                for each in range(count)
            ]
            history.record([(seen, None) for seen in some], began, began + HOUR_S)


def earlier_version(directory: Path, commit: str) -> Path:
    """What history and spool were written with at a commit, and the calls that its tests made up."""
    place = directory / commit
    if not place.exists():
        place.mkdir()
        subprocess.run(["tar", "-xzf", str(EARLIER / f"{commit}.tar.gz"), "-C", str(place)], check=True)
    return place


# An editable installation finds today's module for each that is not there.
_NOTHING_ELSE = "import sys; sys.meta_path[:] = [each for each in sys.meta_path if 'editable' not in each.__module__]\n"


def by_version(place: Path, code: str, *arguments: str) -> str:
    """What a program prints that imports the package from this place."""
    environ = dict(os.environ) | {"PYTHONPATH": f"{place}:{place}/tests", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _NOTHING_ELSE + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def killed_at(statement: int, path: Path) -> bool:
    """Whether a process that begins to write this history is killed at its statement of this number, from 0; else it ends
    by itself.
    """
    child = os.fork()
    if child:
        ended = os.waitpid(child, 0)[1]
        assert ended in (0, signal.SIGKILL)
        return ended == signal.SIGKILL
    left = statement

    class Killed(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().execute(*arguments)

    try:
        history_file.sqlite3 = SimpleNamespace(
            **vars(sqlite3) | {"connect": functools.partial(sqlite3.connect, factory=Killed)}
        )
        with History(path) as history:
            history.record([(SEEN, None)], NOW, NOW + 1)
        os._exit(0)
    finally:
        os._exit(1)
