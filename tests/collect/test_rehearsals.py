"""What is on record of rehearsals, held to what is there now: processes of the tests' own, with scripts of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from contexts import collected, context

from imds_probe.collect import rehearsals as module
from imds_probe.collect.rehearsals import COLLECTOR, RehearsalOptions
from imds_probe.collect.sdks import SdksFound
from imds_probe.facts.rehearsals import Rehearsals
from imds_probe.facts.software import SdkSoftware, SdkUse
from imds_probe.watch.caller import Caller, caller_of, said_program
from imds_probe.watch.rehearsed import FILE, Kept, KeptCaller, add
from imds_probe.watch.standing import Running, Stamps, file_stamp, stamps_of

PROC = Path("/proc")
NO_SDKS = SdksFound((), {}, (), (), ())


@pytest.fixture
def app(tmp_path, monkeypatch):
    """A script that runs, on a host on which nothing else does."""
    path = tmp_path / "app.py"
    path.write_text("import sys; print(flush=True); sys.stdin.read()\n")
    child = subprocess.Popen([sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
    monkeypatch.setattr("imds_probe.collect.rehearsals.host_pids", lambda _: [child.pid])
    yield child, path
    child.kill()
    child.communicate()


@pytest.fixture
def other(app, monkeypatch):
    """Another process of the same script."""
    child, path = app
    another = subprocess.Popen([sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    another.stdout.readline()
    monkeypatch.setattr("imds_probe.collect.rehearsals.host_pids", lambda _: [child.pid, another.pid])
    yield another
    another.kill()
    another.communicate()


def kept_of(pid, outcome="token", **changes) -> KeptCaller:
    caller = caller_of(PROC, pid)
    stamps = stamps_of(PROC, caller)
    made = KeptCaller(
        said_program(caller),
        outcome,
        caller.comm,
        caller.script,
        caller.unit,
        None,
        caller.container,
        caller.uid,
        program_stamp=stamps.program,
        script_stamp=stamps.script,
    )
    return replace(made, **changes)


def look(state, *callers, began=None, max_age_s=86400.0, sdks=NO_SDKS, **changes):
    """What the collector makes of one rehearsal of these callers."""
    add(state, Kept("unit", "web.service", began or time.time(), 60.0, 1, callers, **changes), lambda _: None)
    given = context(Path("/"), sdks, options=(RehearsalOptions(state, max_age_s),))
    assert collected(given, [COLLECTOR])["rehearsals"].status == "ok"
    rehearsal, *_ = given.get(Rehearsals).rehearsals
    return rehearsal


def test_what_runs_unchanged_counts_and_its_processes_are_named(app, tmp_path):
    child, path = app
    rehearsal = look(tmp_path / "state", kept_of(child.pid), kept_of(child.pid, "silent", script="/x", known_by="why"))
    asked, silent = rehearsal.callers
    assert (asked.script, asked.pids, asked.stale) == (str(path), (child.pid,), "")
    assert (silent.pids, silent.stale, silent.known_by) == ((), "", "why")
    assert (rehearsal.target, rehearsal.lasted_s) == ("web.service", 60.0) and rehearsal.age_s < 60


def test_a_script_that_was_changed_counts_no_more(app, tmp_path):
    child, path = app
    kept = kept_of(child.pid)
    path.write_text("# another\n")
    (caller,) = look(tmp_path / "state", kept).callers
    assert (caller.stale, caller.pids) == (f"{path} was changed", ())


def test_what_runs_no_more_is_known_by_its_files(app, tmp_path):
    child, path = app
    kept = kept_of(child.pid)
    child.communicate()
    (caller,) = look(tmp_path / "state", kept).callers
    assert (caller.stale, caller.pids) == ("", ())
    path.unlink()
    (caller,) = look(tmp_path / "state", kept).callers
    assert caller.stale == f"{path} is not there any more"


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({"program_stamp": "1.1.1"}, " was changed"),
        ({"program_stamp": ""}, "was not found when it was rehearsed"),
        ({"script_stamp": ""}, "was not found when it was rehearsed"),
        ({"container_id": "c"}, "its container does not run any more, or was made anew"),
    ],
)
def test_what_it_stood_on_is_gone(app, tmp_path, changes, stale):
    (caller,) = look(tmp_path / "state", kept_of(app[0].pid, **changes)).callers
    assert caller.stale.endswith(stale)


def test_the_same_of_another_user_or_unit_is_not_it(app, tmp_path):
    child, _ = app
    callers = look(tmp_path / "state", kept_of(child.pid, unit="other.service"), kept_of(child.pid, uid=77)).callers
    assert [each.pids for each in callers] == [(), ()]


@pytest.mark.parametrize("change", ["", "was changed", "is not there any more", "no root"])
def test_what_runs_no_more_in_a_container_is_known_by_its_files(app, tmp_path, change):
    """The container, whose processes have the root of this one, is there."""
    _, path = app
    program = Path(sys.executable).resolve()
    stamps = [file_stamp(Path("/"), str(each), on_host=False) for each in (program, path)]
    kept = KeptCaller(
        str(program), "token", script=str(path), container_id="c", program_stamp=stamps[0], script_stamp=stamps[1]
    )
    if change == "was changed":
        path.write_text("# another\n")
    elif change == "is not there any more":
        path.unlink()
    present = module._Present(context(Path("/")), [], {})
    present.containers = {"c": (2**30,) if change == "no root" else (2**30, os.getpid())}
    stale = module._changed(kept, [], time.time(), present)
    gone = f"{program} is not there any more"
    assert stale == (gone if change == "no root" else f"{path} {change}" if change else "")


def test_a_process_that_did_not_ask_is_not_rehearsed_while_one_lives_that_did(app, other, tmp_path):
    child, _ = app
    asked = caller_of(PROC, child.pid).client
    kept = kept_of(child.pid)
    (caller,) = look(tmp_path / "state", replace(kept, processes=(asked,))).callers
    assert caller.pids == (child.pid,)
    for gone in ((), ((child.pid, asked[1] + 1),)):  # its number is another's now
        (caller,) = look(tmp_path / "state", replace(kept, processes=gone)).callers
        assert caller.pids == tuple(sorted((child.pid, other.pid)))


@pytest.mark.parametrize(
    ("program", "script", "known"),
    [
        ("/usr/lib/jvm/java-17/bin/java", None, False),
        ("/usr/bin/python3", None, False),
        ("/usr/bin/python3", "/opt/app.py", True),
        ("/opt/agent/agent", None, True),
    ],
)
def test_an_interpreter_without_a_script_may_run_anything(program, script, known):
    """Once those that asked have ended."""
    running = [Running(Caller(7, "x", program, "x", 0, (), "a", None, None, None, script=script, started=3), Stamps())]
    kept = KeptCaller(program, "token", script=script, unit="a", uid=0)
    assert module._asking(running, kept) == (running if known else ())
    assert module._asking(running, replace(kept, processes=((7, 3),))) == running


def test_a_library_that_was_changed_since_is_named(app, tmp_path):
    child, _ = app
    library = tmp_path / "botocore"
    library.mkdir()
    use = SdkUse(None, None, (str(library),), 1)
    entry = SdkSoftware("botocore", "pypi", "botocore", "1.34", "dist-info", str(library), pids=(child.pid,), sdk=use)
    found = replace(NO_SDKS, software=(entry,))
    (caller,) = look(tmp_path / "state", kept_of(child.pid), began=time.time() + 60, sdks=found).callers
    assert caller.stale == ""
    (caller,) = look(tmp_path / "state", kept_of(child.pid), began=time.time() - 600, sdks=found).callers
    assert caller.stale == "botocore, which it uses, was changed"


@pytest.mark.parametrize(
    ("ago_s", "stale"), [(90_000.0, "it is 1 d 1 h old, and rehearse.max_age is 1 d"), (-7200.0, "in the future")]
)
def test_an_old_one_counts_no_more(app, tmp_path, ago_s, stale):
    rehearsal = look(tmp_path / "state", kept_of(app[0].pid), began=time.time() - ago_s, unidentified=2)
    assert stale in rehearsal.callers[0].stale and rehearsal.unidentified == 0
    assert look(tmp_path / "state", kept_of(app[0].pid), unidentified=2).unidentified == 2


def test_the_newest_comes_first_and_nothing_is_no_trouble(app, tmp_path):
    given = context(Path("/"), NO_SDKS, options=(RehearsalOptions(tmp_path / "state"),))
    assert collected(given, [COLLECTOR])["rehearsals"].reason == "no rehearsal is on record"
    look(tmp_path / "state", kept_of(app[0].pid), began=time.time() - 100)
    assert look(tmp_path / "state", kept_of(app[0].pid)).age_s < 60
    assert not COLLECTOR.applies(context(Path("/")))


def test_a_damaged_record_is_trouble(tmp_path):
    (tmp_path / FILE).write_text("{}")
    given = context(Path("/"), NO_SDKS, options=(RehearsalOptions(tmp_path),))
    run = collected(given, [COLLECTOR])["rehearsals"]
    assert run.status == "failed" and f"{tmp_path / FILE} is damaged" in run.reason
