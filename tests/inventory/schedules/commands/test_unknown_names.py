"""Files that fit a name of which a part is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands.shell_functions import UNKNOWN
from imds_probe.inventory.schedules.commands.unknown_names import FITTING_MAX, fits, fitting, is_nameless
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
