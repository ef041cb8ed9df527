from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imds_probe.inventory.sdks.walk import DEPTH_MAX, Budget, Walk
from imds_probe.system import process


def wanted(entry: os.DirEntry[str], directory: str, is_directory: bool) -> bool:
    assert directory == "" or directory.startswith("/")
    return entry.name == "site-packages" if is_directory else entry.name.endswith(".jar")


def walk(root: Path, budget: Budget | None = None) -> Walk:
    return Walk(root, wanted, budget or Budget(time.monotonic() + 20, 100_000))


def make(root: Path, *paths: str) -> None:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if path.endswith("/") else target.write_text("x")


def test_what_is_wanted_is_handed_on_and_gone_into(tmp_path: Path) -> None:
    make(
        tmp_path, "opt/a.jar", "opt/b/c.jar", "opt/b/c.txt", "opt/v/lib/site-packages/", "opt/v/lib/site-packages/x.jar"
    )
    assert sorted(walk(tmp_path).below("/opt")) == [
        "/opt/a.jar",
        "/opt/b/c.jar",
        "/opt/v/lib/site-packages",
        "/opt/v/lib/site-packages/x.jar",
    ]


def test_two_starts_give_nothing_twice(tmp_path: Path) -> None:
    make(tmp_path, "opt/b/c.jar")
    one = walk(tmp_path)
    assert list(one.below("opt/b")) == ["/opt/b/c.jar"]
    assert list(one.below("opt")) == []


def test_links_are_not_followed_and_not_handed_on(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    make(outside, "a.jar")
    make(root, "opt/inside/b.jar")
    (root / "opt/out").symlink_to(outside)
    (root / "opt/a.jar").symlink_to(outside / "a.jar")
    (root / "opt/site-packages").symlink_to("inside")
    (root / "opt/again").symlink_to("/opt")
    assert list(walk(root).below("/opt")) == ["/opt/inside/b.jar"]
    assert list(walk(root).below("/opt/out")) == []


def test_what_is_no_file_is_not_handed_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jar")
    assert list(walk(tmp_path).below("/")) == []


def test_the_number_of_entries_is_bounded_and_said(tmp_path: Path) -> None:
    make(tmp_path, *(f"d{n}/{m}.jar" for n in range(10) for m in range(10)))
    one = walk(tmp_path, Budget(time.monotonic() + 20, 40))
    assert 0 < len(list(one.below("/"))) < 40
    assert one.budget.cut_short == "the file limit was reached"


def test_time_is_bounded_and_said(tmp_path: Path) -> None:
    make(tmp_path, "a.jar")
    one = walk(tmp_path, Budget(time.monotonic() - 1, 40))
    assert list(one.below("/")) == []
    assert one.budget.cut_short == "the time limit was reached"


def test_depth_is_bounded(tmp_path: Path) -> None:
    make(tmp_path, f"{'d/' * (DEPTH_MAX + 5)}a.jar", f"{'d/' * (DEPTH_MAX - 1)}b.jar")
    assert [path.rpartition("/")[2] for path in walk(tmp_path).below("/")] == ["b.jar"]


@pytest.mark.parametrize("start", ["/none", "file.jar", "/file.jar/x", ""])
def test_odd_starts(tmp_path: Path, start: str) -> None:
    make(tmp_path, "file.jar")
    assert list(walk(tmp_path).below(start)) in ([], ["/file.jar"])


MOUNTED = """
import subprocess, sys, time
from pathlib import Path
from imds_probe.inventory.sdks.walk import Budget, Walk
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "none", root / "opt/disk"], check=True)
(root / "opt/disk/b.jar").touch()
print(list(Walk(root, lambda entry, *_: entry.name.endswith(".jar"), Budget(time.monotonic() + 20, 1000)).below("/opt")))
"""


def test_other_file_systems_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "opt/a.jar", "opt/disk/")
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", sys.executable, "-c", MOUNTED, tmp_path],
        env={"PATH": process.SEARCH_PATH},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "['/opt/a.jar']\n", done.stderr


def test_a_host_in_need_is_left_alone_from_then_on(tmp_path: Path) -> None:
    make(tmp_path, *(f"opt/{number}/a.jar" for number in range(5)))
    said = [""]
    one = walk(tmp_path, Budget(time.monotonic() + 20, 1000, lambda: said[0]))
    found = one.below("/opt")
    assert next(found) == "/opt/0/a.jar"
    said[0] = "the host is short of memory"
    one.budget._need_at = 0.0  # it is asked now and then
    assert list(found) == []
    assert one.budget.in_part() == "only a part of the disk was searched for SDKs: the host is short of memory"
    said[0] = ""
    assert list(walk(tmp_path, one.budget).below("/opt")) == []
