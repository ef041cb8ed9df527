from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imds_probe.system import process
from imds_probe.system import walk as module
from imds_probe.system.confined import pin
from imds_probe.system.sought import Sought
from imds_probe.system.walk import DEPTH_MAX, Budget, Walk

SOUGHT = Sought(frozenset({"site-packages"}), frozenset({"txt"}), (".jar",), (), (), frozenset(), 1 << 40)


def walk(root: Path, budget: Budget | None = None) -> Walk:
    return Walk(lambda path: pin(root, path), SOUGHT, budget or Budget(time.monotonic() + 60, 100_000))


def below(walked: Walk, *starts: str) -> list[str]:
    return [path for part in walked.parts(starts) for path in part.paths]


def make(root: Path, *paths: str) -> None:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if path.endswith("/") else target.write_text("x")


def test_what_is_wanted_is_handed_on_and_gone_into(tmp_path: Path) -> None:
    make(
        tmp_path, "opt/a.jar", "opt/b/c.jar", "opt/b/c.txt", "opt/v/lib/site-packages/", "opt/v/lib/site-packages/x.jar"
    )
    assert sorted(below(walk(tmp_path), "/opt")) == [
        "/opt/a.jar",
        "/opt/b/c.jar",
        "/opt/v/lib/site-packages",
        "/opt/v/lib/site-packages/x.jar",
    ]


def test_two_starts_give_nothing_twice(tmp_path: Path) -> None:
    make(tmp_path, "opt/b/c.jar")
    one = walk(tmp_path)
    assert below(one, "opt/b") == ["/opt/b/c.jar"]
    assert below(one, "opt") == []


def test_links_are_not_followed_and_not_handed_on(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    make(outside, "a.jar")
    make(root, "opt/inside/b.jar")
    (root / "opt/out").symlink_to(outside)
    (root / "opt/a.jar").symlink_to(outside / "a.jar")
    (root / "opt/site-packages").symlink_to("inside")
    (root / "opt/again").symlink_to("/opt")
    assert below(walk(root), "/opt") == ["/opt/inside/b.jar"]
    assert below(walk(root), "/opt/out") == []


def test_what_is_no_file_is_not_handed_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jar")
    assert below(walk(tmp_path), "/") == []


def test_the_number_of_entries_is_bounded_and_said(tmp_path: Path) -> None:
    make(tmp_path, *(f"d{n}/{m}.jar" for n in range(10) for m in range(10)))
    one = walk(tmp_path, Budget(time.monotonic() + 60, 40))
    assert 0 < len(below(one, "/")) < 40
    assert one.budget.cut_short == "the file limit was reached"


def test_time_is_bounded_and_said(tmp_path: Path) -> None:
    make(tmp_path, "a.jar")
    one = walk(tmp_path, Budget(time.monotonic() - 1, 40))
    assert below(one, "/") == []
    assert one.budget.cut_short == "the time limit was reached"


def test_depth_is_bounded(tmp_path: Path) -> None:
    make(tmp_path, f"{'d/' * (DEPTH_MAX + 5)}a.jar", f"{'d/' * (DEPTH_MAX - 1)}b.jar")
    assert [path.rpartition("/")[2] for path in below(walk(tmp_path), "/")] == ["b.jar"]


@pytest.mark.parametrize("start", ["/none", "file.jar", "/file.jar/x", ""])
def test_odd_starts(tmp_path: Path, start: str) -> None:
    make(tmp_path, "file.jar")
    assert below(walk(tmp_path), start) in ([], ["/file.jar"])


MOUNTED = """
import subprocess, sys, time
from pathlib import Path
from test_walk import below, walk
root = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "none", root / "opt/disk"], check=True)
(root / "opt/disk/b.jar").touch()
print(below(walk(root), "/opt"))
"""


def test_other_file_systems_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "opt/a.jar", "opt/disk/")
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", sys.executable, "-c", MOUNTED, tmp_path],
        env={"PATH": process.SEARCH_PATH, "PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parent}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "['/opt/a.jar']\n", done.stderr


def test_a_host_in_need_is_left_alone_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_ENTRIES", 1)
    make(tmp_path, *(f"opt/{number}/a.jar" for number in range(5)))
    said = [""]
    one = walk(tmp_path, Budget(time.monotonic() + 60, 1000, lambda: said[0]))
    found = (path for part in one.parts(["/opt"]) for path in part.paths)
    assert next(found) == "/opt/0/a.jar"
    said[0] = "the host is short of memory"
    one.budget._need_at = 0.0  # it is asked now and then
    assert list(found) == []
    assert one.budget.in_part() == "only a part of the disk was searched for SDKs: the host is short of memory"
    said[0] = ""
    assert below(walk(tmp_path, one.budget), "/opt") == []


def test_no_part_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a part knows soon that there is still somebody."""
    monkeypatch.setattr(module, "PART_ENTRIES", 10)
    monkeypatch.setattr(module, "AT_A_TIME", 40)  # entries of a directory are looked at together
    make(tmp_path, *(f"{number}.txt" for number in range(100)), "a.jar")
    parts = list(walk(tmp_path).parts(["/"]))
    assert [part.entries for part in parts] == [40, 40, 21]
    assert [path for part in parts for path in part.paths] == ["/a.jar"]
    monkeypatch.setattr(module, "PART_S", 0.0)
    monkeypatch.setattr(module, "PART_ENTRIES", 1000)
    assert len(list(walk(tmp_path).parts(["/"]))) >= 3


def test_what_came_before_trouble_in_a_directory_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.jar", "b.jar")
    asked: list[str] = []

    def takes(self: Sought, name: str) -> bool:
        del self
        if asked:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        asked.append(name)
        return True

    monkeypatch.setattr(Sought, "takes", takes)
    (part,) = walk(tmp_path).parts(["/"])
    assert part.paths == (f"/{asked[0]}",)
    assert part.unreadable == ("/: Input/output error",)


def test_directories_without_number_are_bounded_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 5)
    make(tmp_path, *(f"{number}/a.jar" for number in range(9)))
    parts = list(walk(tmp_path).parts(["/"]))
    assert len([path for part in parts for path in part.paths]) == 5
    assert [sentence for part in parts for sentence in part.unreadable] == ["/: there are too many directories"]


def test_each_directory_is_said_before_it_is_touched(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c.jar", "d/e.jar")
    said: list[str] = []

    def stepping(path: str) -> None:
        said.append(path)
        if path == "/a/b":
            raise OSError(errno.EHOSTDOWN, "it did not answer before")

    one = walk(tmp_path)
    one.stepping = stepping
    parts = list(one.parts(["/"]))
    assert said == ["/a", "/a/b", "/d"]
    assert [path for part in parts for path in part.paths] == ["/d/e.jar"]
    assert [sentence for part in parts for sentence in part.unreadable] == ["/a/b: it did not answer before"]
