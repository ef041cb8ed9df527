"""How a rehearsal is watched over, and what its end says; what it does to callers is in tests/lab."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from bad_places import fill, on_disk

from imds_probe import exitcodes
from imds_probe.commands.recording import Recording
from imds_probe.commands.rehearsing import Asked, Rehearsing, environment
from imds_probe.errors import OutputError
from imds_probe.rehearsal.asking import CannotRehearse
from imds_probe.rehearsal.checks import Checking
from imds_probe.rehearsal.outcomes import Aim
from imds_probe.rehearsal.trying import End
from imds_probe.watch.rehearsed import read


def test_a_command_has_the_environment_that_was_handed_down():
    pairs = (each.split(b"=", 1) for each in Path("/proc/self/environ").read_bytes().split(b"\0") if b"=" in each)
    assert environment() == dict(pairs)


NOWHERE = Recording(Aim("unit", "web.service"), 1, None)


class Told:
    """A rehearsal of a unit whose changes are told, one a look; it is stopped after the last."""

    group = None
    lapsed_s = 0.0
    lapses = ()
    replaced = False

    def __init__(self, changes) -> None:
        self.stopped = threading.Event()
        self._changes = list(changes)
        self.target = self.leavers = self
        self.name = "web.service"
        self.target_is_there = True
        self.beats = 0

    def is_replaced(self) -> bool:
        return self.replaced

    def not_rehearsed(self) -> list[str]:
        return ["somebody is not rehearsed"]

    def follow(self) -> str:
        change = self._changes.pop(0)
        if not self._changes:
            self.stopped.set()
        self.target_is_there = (self.target_is_there and change != "ended") or change == "restarted"
        return change

    def beat(self) -> None:
        self.beats += 1

    def look(self, members) -> list:
        return list(members)

    def all(self) -> list:
        return []

    def members(self) -> list[int]:
        return []

    seen = members

    def end(self, *, drained_within_s) -> End:
        return End((), 0)


@pytest.mark.parametrize(
    ("changes", "options", "code", "says"),
    [
        (["", ""], {}, exitcodes.READY, "is undone"),
        (["restarted", ""], {}, exitcodes.READY, "web.service restarted: it is rehearsed again"),
        (["ended", "restarted", ""], {}, exitcodes.READY, "web.service ended: it is rehearsed again when it starts"),
        (["ended", ""], {}, exitcodes.NOT_READY, "web.service is not running"),
        (["", "ended", ""], {"stop_on": ["exit"]}, exitcodes.NOT_READY, "ended early: web.service ended"),
        (["restarted", ""], {"stop_on": ["exit"]}, exitcodes.NOT_READY, "ended early: web.service restarted"),
        ([""] * 3000, {"restarts": ["false"]}, exitcodes.NOT_READY, "ended early: false failed"),
    ],
)
def test_a_unit_that_ends_or_begins_anew(changes, options, code, says, capsys):
    told = Told(changes)
    asked = Asked(600, [], **({"restarts": [], "stop_on": []} | options))
    assert Rehearsing(told, asked, Checking([]), told.stopped, NOWHERE).run() == code
    assert says in capsys.readouterr().err and told.beats >= 1


def test_on_a_full_disk_it_is_undone_and_the_record_stays_what_it_was(tmp_path, capsys):
    """Also where the journal of whoever started it, and the file that its output goes to, are on that disk."""
    directory = tmp_path / "state"

    def rehearse(size: int) -> tuple[int, list[str]]:
        told, recording = Told([""]), Recording(Aim("unit", "x" * size), 1, directory)
        code = Rehearsing(told, Asked(600, [], [], []), Checking([]), told.stopped, recording).run()
        return code, [path.name for path in directory.iterdir() if path.name not in ("filler", "records.lock")]

    def act():
        (directory / "filler").unlink()
        rehearse(1)
        fill(directory)
        return rehearse(100_000), [kept.target for kept in read(directory)]

    (code, names), kept = on_disk(directory, "full", act)
    assert (code, names, kept) == (exitcodes.READY, ["rehearsals.json"], ["x"])
    assert "could not be put on record" in capsys.readouterr().err.partition("is undone")[2]


def test_where_standard_output_is_full_that_is_said_after_all_else(tmp_path, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OutputError("standard output cannot be written: No space left on device")

    told = Told([""])
    monkeypatch.setattr("imds_probe.commands.rehearsing.document", refuse)
    asked = Asked(600, [], [], [], as_json=True)
    with pytest.raises(OutputError):
        Rehearsing(told, asked, Checking([]), told.stopped, Recording(Aim("unit", "x"), 1, tmp_path)).run()
    assert "is undone" in capsys.readouterr().err and len(read(tmp_path)) == 1


def test_a_restart_that_was_asked_for_ends_nothing(capsys):
    """The same change, told while the command that was to restart it runs."""
    told = Told(["ended", "restarted", ""])
    asked = Asked(600, [], restarts=["sleep", "60"], stop_on=["exit"])
    rehearsing = Rehearsing(told, asked, Checking([]), told.stopped, NOWHERE)
    try:
        assert rehearsing.run() == exitcodes.READY
    finally:
        rehearsing._restart.kill()
        rehearsing._restart.wait()
    assert "it is rehearsed again" in capsys.readouterr().err


def test_a_target_that_was_replaced_ends_it(capsys):
    told = Told(["ended", *[""] * 3000])
    told.replaced = True
    asked = Asked(600, [], restarts=[], stop_on=[])
    assert Rehearsing(told, asked, Checking([]), told.stopped, NOWHERE).run() == exitcodes.NOT_READY
    said = capsys.readouterr().err
    assert "ended early: a new container is called web.service, and is not rehearsed" in said
    assert "\nimds-probe: somebody is not rehearsed\n" in said


def test_a_rule_that_comes_up_ends_it(capsys):
    def look(_: object) -> list:
        raise CannotRehearse("a packet rule came up", "Remove it.")

    told = Told([""] * 3000)
    told.look = look
    asked = Asked(600, [], restarts=[], stop_on=[])
    assert Rehearsing(told, asked, Checking([]), told.stopped, NOWHERE).run() == exitcodes.NOT_READY
    assert "the rehearsal ended early: a packet rule came up\n" in capsys.readouterr().err


def test_a_host_has_no_name(capsys):
    told = Told(["", ""])
    told.target, told.look = None, lambda _: told.stopped.set() or []
    asked = Asked(600, [], [], [], "all of it")
    assert Rehearsing(told, asked, Checking([]), told.stopped, NOWHERE).run() == exitcodes.READY
    assert "all of it receive no metadata without a token" in capsys.readouterr().err
