from __future__ import annotations

from pathlib import Path

from small_roots import made

from imds_probe.inventory.schedules.commands.project_asked import ABOVE_MAX, Asked
from imds_probe.inventory.schedules.system_files import SystemFiles


def test_options_and_words(tmp_path: Path) -> None:
    asked = Asked("x", ("-C", "a", "--dir=b", "y", "-C", "c", "-v", "z"), "/w", SystemFiles(tmp_path))
    assert (asked.value("-C"), asked.value("--dir"), asked.value("-q")) == ("a", "b", "")
    assert asked.values("-C", "--dir") == ["a", "b", "c"]
    assert asked.plain(("-C",)) == ["y", "z"]
    assert (asked.at("../a"), asked.within("a").directory, asked.within("").directory) == ("/a", "/w/a", "/w")


def test_the_nearest_file_above(tmp_path: Path) -> None:
    files = SystemFiles(made(tmp_path, {"/a/x": "", "/a/b/c/d": "", "/a/b/x": ""}))
    assert Asked("x", (), "/a/b/c", files).above("y", "x") == "/a/b/x"
    assert Asked("x", (), "/a", files).above("y") == Asked("x", (), "/", files).above("y") == ""
    assert Asked("x", (), "/a" + "/z" * ABOVE_MAX, files).above("x") == ""
