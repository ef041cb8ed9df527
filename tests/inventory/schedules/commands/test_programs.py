from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import SCRIPT, made

from imds_probe.inventory.schedules.commands.programs import Programs
from imds_probe.inventory.schedules.system_files import SystemFiles

ELF = b"\x7fELF"
PROGRAMS = {
    "/usr/bin/tool": ELF,
    "/usr/bin/python3.11": ELF,
    "/usr/bin/dash": ELF,
    "/usr/bin/python3": Path("python3.11"),
    "/bin": Path("usr/bin"),
    "/usr/bin/sh": Path("dash"),
    "/opt/venv/bin/python": Path("/usr/bin/python3"),
}
EXECUTABLE = tuple(name for name, content in PROGRAMS.items() if content == ELF)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return made(tmp_path, PROGRAMS, executable=EXECUTABLE)


def started(
    root: Path, words: list[str], directory: str = "/", path: str = "/usr/bin"
) -> tuple[str, tuple[str, ...]] | None:
    found = Programs(SystemFiles(root)).started(words, {"PATH": path}, directory)
    return None if found is None else (found.executable, found.arguments)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tool", "/usr/bin/tool"),
        ("/bin/tool", "/bin/tool"),
        ("../usr/bin/tool", "/usr/bin/tool"),
        ("none", ""),
        ("", ""),
    ],
)
def test_where_a_program_is(root: Path, name: str, found: str) -> None:
    assert Programs(SystemFiles(root)).found(name, "/nowhere:/usr/bin", "/etc") == found


def test_what_cannot_be_executed_is_no_program(root: Path) -> None:
    made(root, {"/usr/local/bin/tool": "text"})
    assert started(root, ["tool", "-x"], path="/usr/local/bin:/usr/bin") == ("/usr/bin/tool", ("/usr/bin/tool", "-x"))
    assert started(root, ["/usr/local/bin/tool"]) is None


def test_a_link_keeps_its_name_as_a_virtual_environments(root: Path) -> None:
    assert started(root, ["/opt/venv/bin/python", "x.py"]) == ("/usr/bin/python3.11", ("/opt/venv/bin/python", "x.py"))
    found = Programs(SystemFiles(root)).started(["/opt/venv/bin/python", "x.py"], {}, "/srv")
    assert found is not None
    assert "/opt/venv" in found.start(root).prefixes()
    assert found.start(root).scripts() == ("/srv/x.py",)


@pytest.mark.parametrize(
    ("first", "arguments"),
    [
        ("#!/opt/venv/bin/python", ("/opt/venv/bin/python", "/usr/bin/s", "a")),
        ("#! /usr/bin/python3 -u -s ", ("/usr/bin/python3", "-u -s", "/usr/bin/s", "a")),
        ("#!/usr/bin/env python3", ("/usr/bin/python3", "/usr/bin/s", "a")),
        ("#!/usr/bin/env -S A=b python3 -u", ("/usr/bin/python3", "-u", "/usr/bin/s", "a")),
    ],
)
def test_a_script_is_run_by_its_interpreter(root: Path, first: str, arguments: tuple[str, ...]) -> None:
    made(root, {"/usr/bin/s": f"{first}\nx\n"})
    assert started(root, ["s", "a"]) == ("/usr/bin/python3.11", arguments)


@pytest.mark.parametrize("first", ["#!/nowhere", "#!", "#!/usr/bin/env", "#!/usr/bin/env -i", "#!/usr/bin/s", "#!none"])
def test_a_script_whose_interpreter_is_not_there_does_not_run(root: Path, first: str) -> None:
    made(root, {"/usr/bin/s": f"{first}\n"})
    found = started(root, ["s"])
    assert found is None or first == "#!"


def test_a_text_without_a_first_line_is_itself(root: Path) -> None:
    made(root, {"/usr/bin/s": "x\n"}, executable=("/usr/bin/s",))
    assert started(root, ["s"]) == ("/usr/bin/s", ("/usr/bin/s",))


def test_a_shells_script(root: Path) -> None:
    made(root, {"/opt/x.sh": SCRIPT})
    assert started(root, ["./x.sh"], "/opt") == ("/usr/bin/dash", ("/bin/sh", "/opt/x.sh"))
