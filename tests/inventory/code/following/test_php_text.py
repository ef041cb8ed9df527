"""What PHP texts include, and the directories that this leads to."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.php_text import (
    FILES_MAX,
    TITLE,
    directories_included,
    included_by,
    without_comments,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"require '/a/b.php';", (["/a/b.php"], False)),
        (b"require_once(__DIR__ . '/../b.php');", (["{here}/../b.php"], False)),
        (b"include dirname(__FILE__, 1) . '/b.php'; include $x;", (["{here}/b.php"], True)),
        (b"// include 'a.php';\n# include 'b.php'\n/* include 'c.php'; */", ([], False)),
    ],
)
def test_paths_that_stand_in_a_text(text: bytes, expected: tuple[list[str], bool]) -> None:
    assert included_by(without_comments(text)) == expected


def test_directories_of_what_is_included_and_of_what_that_includes(tmp_path: Path) -> None:
    files = {
        "/srv/a.php": "<?php include 'lib/b.php'; include 'none/x.php'; include '/data/c.php';",
        "/srv/lib/b.php": "<?php include __DIR__ . '/../a.php'; include 'd.php';",
        "/work/d.php": "",
        "/data/c.php": "",
    }
    found = directories_included(["/srv/a.php", "/srv/none.php"], "/work", Ground(made(tmp_path, files)))
    assert found == ["/srv/lib", "/data", "/srv", "/work"]


def test_files_that_include_one_another_without_end_are_not_all_read(tmp_path: Path) -> None:
    made(tmp_path, {f"/srv/{each}/a.php": f"<?php include '/srv/{each + 1}/a.php';" for each in range(3 * FILES_MAX)})
    assert len(directories_included(["/srv/0/a.php"], "/", Ground(tmp_path))) == FILES_MAX


def test_what_a_worker_of_litespeed_calls_itself() -> None:
    title = TITLE.match("lsphp:/home/s/index.php")
    assert title is not None and title[1] == "/home/s/index.php"
    assert TITLE.match("lsphp") is None
