"""What schedules come to is remembered for as long as everything that it stood on is the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from code_systems import CURL, LATER_NS, PYTHON, V1, CodeSystem, said
from small_roots import made

from imds_probe.collect import schedule_memory, schedule_reading
from imds_probe.collect.code_tasks import Due, Piece, Reading, Schedules
from imds_probe.collect.schedule_memory import key_of
from imds_probe.collect.schedules_kept import SchedulesKept, decoded, encoded
from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands.followed import Followed
from imds_probe.inventory.schedules.commands.following import Following
from imds_probe.inventory.schedules.scheduled import Place, Scheduled
from imds_probe.inventory.schedules.starters import Starter

UNIT = "/etc/systemd/system"
FILES: dict[str, str | bytes | Path] = {
    "/bin/sh": b"\x7fELF",
    PYTHON: b"\x7fELF",
    "/usr/bin/python3": Path("python3.11"),
    "/usr/lib/python3.11/os.py": "",
    "/etc/cron.d/x": "@daily root /opt/x.sh\n@daily root /opt/y.sh\n",
    "/opt/x.sh": "#!/bin/sh\n. /opt/settings.sh\n/opt/inner/step.sh\n",
    "/opt/settings.sh": "A=1\n",
    "/opt/inner/step.sh": "#!/bin/sh\npython3 /opt/report.py\n",
    "/opt/report.py": "import lib.client\n",
    "/opt/lib/client.py": "import os\n",
    "/opt/y.sh": "#!/bin/sh\ntrue\n",
    f"{UNIT}/x.service": "[Service]\nExecStart=/opt/x.sh\n",
    f"{UNIT}/x.timer": "[Timer]\nOnCalendar=daily\n",
    f"{UNIT}/timers.target.wants/x.timer": Path("../x.timer"),
}
EXECUTABLE = ("/bin/sh", PYTHON)


def read(
    root: Path, kept: SchedulesKept | None = None, *, now_ns: int | None = None
) -> tuple[list[Due], SchedulesKept | None]:
    """What is due, without what depends on the time, and what is kept of it; None where that is what was `kept`."""
    before_ns = time.time_ns() + LATER_NS if now_ns is None else now_ns
    reading = Reading(
        str(root), (), None, str(time.monotonic_ns()), time.monotonic() + 60, 1 << 30, before_ns=before_ns
    )
    found, learnt = [], None
    asked = Schedules(reading, get_args(Starter), kept=encoded(kept) if kept is not None else b"")
    for due in (each for dues in schedule_reading.read_due(asked) for each in dues):
        learnt = decoded(due.kept) if due.kept else learnt
        if due.roots or due.piece.program or due.trouble:
            found.append(replace(due, standing_s=None, piece=Piece(program=due.piece.program, spoken=due.piece.spoken)))
    return found, learnt


def nothing_followed(monkeypatch: pytest.MonkeyPatch, *but: str) -> None:
    """From now on only what stands in these is followed."""
    follow = Following.follow

    def followed(self: Following, scheduled: Scheduled) -> Followed:
        assert scheduled.command in but
        return follow(self, scheduled)

    monkeypatch.setattr(Following, "follow", followed)


def test_what_has_not_changed_is_not_followed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path, FILES, executable=EXECUTABLE)
    first, kept = read(root)
    assert any(due.piece.program and due.piece.program.name == "/opt/report.py" for due in first)
    nothing_followed(monkeypatch)
    assert read(root, kept) == (first, None)


def test_of_several_that_which_has_changed_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path, FILES, executable=EXECUTABLE)
    _, kept = read(root)
    (root / "opt/y.sh").write_text(f"#!/bin/sh\n{CURL}")
    nothing_followed(monkeypatch, "/opt/y.sh")
    again, later = read(root, kept)
    assert [each.path for due in again for each in due.piece.spoken] == ["/opt/y.sh"]
    nothing_followed(monkeypatch)
    assert read(root, later) == (again, None)


def _link(root: Path) -> None:
    made(root, {"/usr/bin/python3.12": b"\x7fELF"}, executable=("/usr/bin/python3.12",))
    (root / "usr/bin/python3").unlink()
    (root / "usr/bin/python3").symlink_to("python3.12")


CHANGES: dict[str, Callable[[Path], object]] = {
    "the crontab": lambda root: (root / "etc/cron.d/x").write_text("@weekly root /opt/y.sh\n"),
    "another crontab": lambda root: made(root, {"/etc/cron.d/z": f"@daily root {CURL}"}),
    "a script": lambda root: (root / "opt/x.sh").write_text(f"#!/bin/sh\n{CURL}"),
    "a script of the same length": lambda root: (root / "opt/y.sh").write_text("#!/bin/sh\nfals\n"),
    "what it reads": lambda root: (root / "opt/settings.sh").write_text(CURL),
    "what it starts": lambda root: (root / "opt/inner/step.sh").write_text(f"#!/bin/sh\n{CURL}"),
    "a module": lambda root: (root / "opt/lib/client.py").write_text(V1),
    "a module that comes before": lambda root: made(root, {"/opt/lib/client/__init__.py": V1}),
    "a module that has gone": lambda root: (root / "opt/lib/client.py").unlink(),
    "a program that comes before": lambda root: made(root, {"/usr/local/bin/python3": f"#!/bin/sh\n{CURL}"}),
    "a program that has gone": lambda root: (root / PYTHON.lstrip("/")).unlink(),
    "where a link leads": _link,
    "a drop-in": lambda root: made(root, {f"{UNIT}/x.service.d/a.conf": "[Service]\nExecStartPre=/opt/y.sh\n"}),
    "the time of a timer": lambda root: (root / f"{UNIT[1:]}/x.timer").write_text("[Timer]\nOnCalendar=weekly\n"),
    "a timer that is no longer enabled": lambda root: (root / f"{UNIT[1:]}/timers.target.wants/x.timer").unlink(),
    "who may execute it": lambda root: (root / "opt/inner/step.sh").chmod(0o644),
    "whose it is": lambda root: os.chown(root / "opt/settings.sh", 1234, 1234),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_it_is_as_if_nothing_had_been_remembered(tmp_path: Path, change: str) -> None:
    root = made(tmp_path, FILES, executable=EXECUTABLE)
    first, kept = read(root)
    CHANGES[change](root)
    fresh, _ = read(root)
    assert read(root, kept)[0] == fresh
    assert change in ("a script of the same length", "where a link leads", "whose it is") or fresh != first


SITE = "/usr/local/lib/python3.11/dist-packages"
SHARED = {
    **FILES,
    "/etc/cron.d/x": "@daily root python3 /opt/a.py\n@daily root python3 /opt/b.py\n",
    "/opt/a.py": "import os\n",
    "/opt/b.py": "try:\n    import google.auth\nexcept ImportError:\n    pass\n",
}
LIBRARY = {f"{SITE}/google/__init__.py": "", f"{SITE}/google/proto.py": "", f"{SITE}/google/auth.py": V1}


def asking(dues: list[Due]) -> list[tuple[str, str]]:
    return sorted((each.path, each.speaks) for due in dues for each in due.piece.spoken)


def test_what_one_program_looks_for_in_vain_is_on_the_trail_of_all_who_do(tmp_path: Path) -> None:
    root = made(tmp_path, SHARED, executable=EXECUTABLE)
    first, kept = read(root)
    assert asking(first) == []
    made(root, LIBRARY)
    assert asking(read(root, kept)[0]) == asking(read(root)[0]) == [(f"{SITE}/google/auth.py", "v1")]


@pytest.mark.parametrize("imports", ["import google.proto\n", "import google.auth\n"])
def test_of_a_library_each_program_has_the_part_that_it_loads(tmp_path: Path, imports: str) -> None:
    root = made(tmp_path, {**SHARED, **LIBRARY, "/opt/a.py": imports}, executable=EXECUTABLE)
    first, kept = read(root)
    assert set(asking(first)) == {(f"{SITE}/google/auth.py", "v1")}
    (root / "opt/b.py").write_text("import google.proto\n")
    assert read(root, kept)[0] == read(root)[0]


def test_what_others_can_write_is_followed_each_time(tmp_path: Path) -> None:
    root = made(tmp_path, {**FILES, "/var/spool/cron/crontabs/ana": "@daily /opt/y.sh\n"}, executable=EXECUTABLE)
    for path in ("opt/settings.sh", "var/spool/cron/crontabs/ana"):
        os.chown(root / path, 1234, 1234)
    _, kept = read(root)
    assert kept is not None
    assert "crontabs" not in kept.sources
    stood_on = {kept.paths[number] for entry in kept.entries.values() for number in entry.by}
    assert "/opt/y.sh" in stood_on
    assert not {"/opt/x.sh", "/opt/settings.sh"} & stood_on


def test_what_was_just_changed_is_not_remembered(tmp_path: Path) -> None:
    root = made(tmp_path, FILES, executable=EXECUTABLE)
    _, kept = read(root, now_ns=time.time_ns() - LATER_NS)
    assert kept is not None
    assert (kept.sources.get("crontabs"), kept.entries) == (None, {})


def test_what_could_not_be_read_of_a_program_is_tried_each_time(tmp_path: Path) -> None:
    root = made(tmp_path, {**FILES, "/opt/lib/client.py": Path("client.py")}, executable=EXECUTABLE)
    first, kept = read(root)
    assert kept is not None
    hidden = {each.name for due in first if (each := due.piece.program) and each.why == unread.HIDDEN}
    assert "/opt/report.py" in hidden
    remembered = {each.name for one in kept.entries.values() for due in one.dues if (each := due.program)}
    assert "/opt/y.sh" in remembered
    assert not hidden & remembered


def test_what_could_not_be_read_is_said_each_time(tmp_path: Path) -> None:
    root = made(
        tmp_path, {"/etc/crontab": "odd\n", "/opt/x.sh": "#!/bin/sh\n", "/etc/cron.d/x": "@daily root /opt/x.sh\n"}
    )
    first, kept = read(root)
    assert [due.trouble for due in first if due.trouble] == ["line 1 of /etc/crontab is not a line of a crontab"]
    assert read(root, kept) == (first, None)


@pytest.mark.parametrize("limit", ["PATHS_MAX", "OF_ONE_MAX", "ENTRIES_MAX", "INDEXES_MAX", "TEXT_MAX"])
def test_more_than_there_is_room_for_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(schedule_memory, limit, 1)
    root = made(tmp_path, FILES, executable=EXECUTABLE)
    first, kept = read(root)
    assert kept is not None
    assert len(kept.entries) < 2
    assert read(root, kept)[0] == first


def test_no_command_and_no_variable_is_kept(tmp_path: Path) -> None:
    secret = "hunter2"
    files = {
        "/etc/cron.d/x": f"PASSWORD={secret}\n@daily root /opt/x.sh --password {secret}\n",
        "/opt/x.sh": "#!/bin/sh\n",
    }
    root = made(tmp_path, files, executable=EXECUTABLE)
    _, kept = read(root)
    assert kept is not None
    assert len(kept.entries) == 1
    assert secret not in repr(kept)


def test_keys_tell_commands_apart() -> None:
    one = Scheduled(("a", "b"), Place("/x", 1), "boot", "daily", environment={"A": "1"})
    others = (
        replace(one, command=("a b",)),
        replace(one, command="a b"),
        replace(one, place=Place("/x", 2)),
        replace(one, environment={"A": "2"}),
        replace(one, directory="/b"),
        replace(one, user="ana"),
        replace(one, image="b"),
    )
    assert len({key_of(each) for each in (one, *others)}) == 1 + len(others)
    assert key_of(one) == key_of(replace(one, kind="once", how_often="weekly", every_s=1.0))


def test_a_second_run_has_the_same_of_the_state_directory(tmp_path: Path) -> None:
    system, state = CodeSystem(tmp_path), tmp_path / "state"
    state.mkdir(mode=0o700)
    made(
        system.root,
        {"/bin/sh": b"\x7fELF", "/etc/cron.d/x": "@daily root /opt/x.sh\n", "/opt/x.sh": f"#!/bin/sh\n{CURL}"},
    )
    (system.root / "bin/sh").chmod(0o755)
    first = system.code(state=state)
    assert said(first) == {"/opt/x.sh": ("v1", "scheduled")}
    (remembered,) = state.glob("schedules.*")
    before = remembered.stat().st_mtime_ns, remembered.read_bytes()
    again = system.code(state=state)
    assert [replace(each, standing_s=None) for each in again.code.code] == [
        replace(each, standing_s=None) for each in first.code.code
    ]
    assert (remembered.stat().st_mtime_ns, remembered.read_bytes()) == before
    remembered.write_bytes(before[1][:-1])
    damaged = system.code(state=state)
    assert said(damaged) == said(first)
    assert damaged.troubles == (f"{remembered} was damaged, and is begun anew",)
