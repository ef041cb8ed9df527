from __future__ import annotations

from pathlib import Path

import pytest

from imds_probe.inventory.sdks.bundle import BUNDLE_MIN_BYTES
from imds_probe.inventory.sdks.wanted import PROGRAM_MIN_BYTES, SOUGHT


def is_wanted(file: Path, shown: str = "/srv") -> bool:
    by_name = SOUGHT.takes(file.name)
    return SOUGHT.takes_sized(file.name, shown, file.stat()) if by_name is None else by_name


@pytest.mark.parametrize(
    ("name", "asked"), [("node_modules", True), ("site-packages", True), ("specifications", True), ("src", False)]
)
def test_directories_by_their_names(name: str, asked: bool) -> None:
    assert (name in SOUGHT.directories) is asked


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("a.jar", True),
        ("a.pex", True),
        ("App.deps.json", True),
        ("AWSSDK.Core.dll", True),
        ("libaws-cpp-sdk-core.so.1", True),
        ("package.json", False),
        ("Other.dll", False),
        ("a.py", False),
        ("a.zip", False),
    ],
)
def test_files_by_their_names(tmp_path: Path, name: str, asked: bool) -> None:
    (tmp_path / name).write_text("")
    assert is_wanted(tmp_path / name) is asked


@pytest.mark.parametrize(
    ("size", "shown", "asked"),
    [
        (BUNDLE_MIN_BYTES, "/srv", True),
        (BUNDLE_MIN_BYTES - 1, "/srv", False),
        (BUNDLE_MIN_BYTES, "/srv/node_modules/x", False),
    ],
)
def test_scripts_that_are_long_and_no_part_of_a_package(tmp_path: Path, size: int, shown: str, asked: bool) -> None:
    (tmp_path / "a.mjs").write_bytes(bytes(size))
    assert is_wanted(tmp_path / "a.mjs", shown) is asked


@pytest.mark.parametrize(
    ("size", "mode", "asked"),
    [(PROGRAM_MIN_BYTES, 0o755, True), (PROGRAM_MIN_BYTES, 0o644, False), (PROGRAM_MIN_BYTES - 1, 0o755, False)],
)
def test_programs_that_are_long_enough_and_may_be_run(tmp_path: Path, size: int, mode: int, asked: bool) -> None:
    (tmp_path / "app").write_bytes(bytes(size))
    (tmp_path / "app").chmod(mode)
    assert is_wanted(tmp_path / "app") is asked
