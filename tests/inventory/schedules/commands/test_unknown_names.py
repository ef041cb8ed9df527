"""Files that fit a name of which a part is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.unknown_names import (
    DEEPEST,
    FITTING_MAX,
    SEARCHED_MAX,
    below,
    directories,
    fits,
    fitting,
    is_nameless,
)
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES: dict[str, str | bytes | Path] = {
    "/opt/jobs/a/run": SCRIPT,
    "/opt/jobs/b/run": SCRIPT,
    "/opt/jobs/.c/run": SCRIPT,
    "/opt/jobs/b.sh": SCRIPT,
    "/opt/jobs/note": "x",
}


@pytest.mark.parametrize(
    ("pattern", "directory", "expected"),
    [
        (f"/opt/jobs/{UNKNOWN}/run", "/", ["/opt/jobs/a/run", "/opt/jobs/b/run"]),
        (f"/opt/jobs/{UNKNOWN}.sh", "/", ["/opt/jobs/b.sh"]),
        (f"/opt/{UNKNOWN}/{UNKNOWN}.sh", "/", ["/opt/jobs/b.sh"]),
        (f"./{UNKNOWN}.sh", "/opt/jobs", ["/opt/jobs/b.sh"]),
        ("./run", f"/opt/jobs/{UNKNOWN}", ["/opt/jobs/a/run", "/opt/jobs/b/run"]),
        ("./run", "/opt/jobs/{a,c}", ["/opt/jobs/a/run"]),
        (f"/opt/jobs/{{a,{UNKNOWN}}}/run", "/", ["/opt/jobs/a/run", "/opt/jobs/a/run", "/opt/jobs/b/run"]),
        (f"/opt/gone/{UNKNOWN}", "/", []),
        (f"/{UNKNOWN}/run", "/", None),
        (f"{UNKNOWN}/jobs/a/run", "/opt", None),
        ("./run", UNKNOWN, None),
    ],
)
def test_what_is_there_and_fits(tmp_path: Path, pattern: str, directory: str, expected: list[str] | None) -> None:
    files = SystemFiles(made(tmp_path, FILES, executable=[path for path in FILES if path != "/opt/jobs/note"]))
    assert fitting(pattern, directory, files) == expected


def test_a_script_need_not_be_executable_and_more_than_are_looked_at_are_not_known(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/opt/note": "x", **{f"/srv/{at}": "x" for at in range(FITTING_MAX + 1)}}))
    assert fitting(f"/opt/n{UNKNOWN}", "/", files, executable=False) == ["/opt/note"]
    assert fitting(f"/srv/{UNKNOWN}", "/", files, executable=False) is None


def test_names_of_functions_fit_and_signs_are_themselves() -> None:
    assert fits(f"do_{UNKNOWN}", "do_start")
    assert not fits(f"do_{UNKNOWN}", "start")
    assert not fits(f"[d]{UNKNOWN}", "d1")
    assert is_nameless(UNKNOWN * 2)
    assert not is_nameless(f"{UNKNOWN}.sh")


def test_directories_that_fit(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, FILES))
    assert directories("/opt/*/[ab]", files) == ["/opt/jobs/a", "/opt/jobs/b"]
    assert directories("/opt/jobs/*", files) == ["/opt/jobs/a", "/opt/jobs/b"]
    assert directories("./x", files) is None


def test_what_find_finds(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {**FILES, "/opt/link": Path("jobs"), "/srv/1/2/3/run": SCRIPT}))
    runs = ["/opt/jobs/.c/run", "/opt/jobs/a/run", "/opt/jobs/b/run"]
    assert below(["/opt/jobs", "/srv"], "r?n", 4, files) == ([*runs, "/srv/1/2/3/run"], True)
    assert below(["/opt/jobs", "/srv"], "run", 3, files) == (runs, True)
    assert below(["/opt/jobs/a/run", "/none"], "run", None, files) == (["/opt/jobs/a/run"], True)


def test_find_has_an_end(tmp_path: Path) -> None:
    deep = "/".join(["d"] * (DEEPEST + 1))
    files = SystemFiles(
        made(tmp_path, {f"/srv/{deep}/run": SCRIPT, **{f"/opt/{at}/x": "" for at in range(SEARCHED_MAX)}})
    )
    assert below(["/srv"], "run", None, files) == ([], False)
    assert below(["/srv"], "run", DEEPEST, files) == ([], True)
    found, is_all = below(["/opt"], "x", None, files)
    assert (len(found), is_all) == (SEARCHED_MAX - 1, False)
