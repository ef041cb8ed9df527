from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following import ground as module
from imds_probe.inventory.code.following import python
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.known import Kept, Limits
from imds_probe.inventory.code.following.loads import NOTHING

AFTER_NS = time.time_ns() + 10**12


def learnt(root: Path, path: str) -> dict[str, Kept]:
    ground = Ground(root, before_ns=AFTER_NS)
    ground.visit(path, python.LANGUAGE)
    return ground.learnt


def test_links_are_followed_within_the_root_and_never_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("import secret")
    root = tmp_path / "root"
    (root / "opt").mkdir(parents=True)
    (root / "opt/up.py").symlink_to("../../secret.py")
    (root / "opt/loop").symlink_to("loop")
    (root / "secret.py").write_text("import own")
    ground = Ground(root)
    # As one who is chrooted there sees it: above the root there is nothing but the root.
    assert ground.visit("/opt/up.py", python.LANGUAGE).asked.names == ("own",)
    assert ground.real("/opt/up.py") == "/secret.py"
    assert ground.visit("/opt/loop").unread == unread.HIDDEN
    assert not ground.listed("/opt/loop")


def test_a_directory_and_a_device_hold_no_code(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    assert Ground(tmp_path).visit("/opt").unread == ""
    assert Ground(Path("/")).visit("/dev/null").unread == ""


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    ground = Ground(tmp_path)
    assert ground.visit("/fifo.py", python.LANGUAGE).unread == unread.HIDDEN
    assert (ground.small("/fifo.py"), ground.head("/fifo.py")) == (b"", b"")
    assert ground.visit("/gone.py").unread == unread.GONE


def test_bytes_and_time_come_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").write_bytes(b"x" * 100)
    ground = Ground(tmp_path, Limits(bytes=150))
    assert [ground.visit(path).unread for path in ("/a", "/b")] == ["", unread.NO_TIME]
    assert Ground(tmp_path, Limits(deadline=time.monotonic() - 1)).visit("/a").unread == unread.NO_TIME
    monkeypatch.setattr(module, "FILE_MAX_BYTES", 99)
    assert Ground(tmp_path).visit("/a").unread == unread.TOO_LONG


def test_a_script_of_a_hundred_megabytes_is_searched_and_what_it_imports_is_not_known(tmp_path: Path) -> None:
    with (tmp_path / "long.py").open("wb") as file:
        file.write(b"import a\n")
        file.truncate(100 * 1024 * 1024)
    known = Ground(tmp_path).visit("/long.py", python.LANGUAGE)
    assert (known.unread, known.asked.dynamic, known.asked.names) == ("", True, ())


def test_what_is_kept_stands_for_a_file_that_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import a")
    kept = learnt(tmp_path, "/a.py")
    again = Ground(tmp_path, kept={"/a.py": replace(kept["/a.py"], asked=replace(NOTHING, names=("kept",)))})
    known = again.visit("/a.py", python.LANGUAGE)
    assert (known.asked.names, known.searched) == (("kept",), 0)
    assert set(again.learnt) == {"/a.py"}
    # Read as another language, or changed by as little as its time, it is read anew.
    assert Ground(tmp_path, kept={"/a.py": replace(kept["/a.py"], language="ruby")}).visit(
        "/a.py", python.LANGUAGE
    ).asked.names == ("a",)
    os.utime(file)
    assert Ground(tmp_path, kept=kept).visit("/a.py", python.LANGUAGE).searched == len("import a")


def test_nothing_is_kept_of_what_others_can_write_or_what_has_just_changed(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import a")
    assert Ground(tmp_path, before_ns=time.time_ns() - 10**9).visit("/a.py").said
    fresh = Ground(tmp_path, before_ns=file.stat().st_ctime_ns)
    fresh.visit("/a.py")
    assert fresh.learnt == {}
    kept = learnt(tmp_path, "/a.py")
    file.chmod(0o666)
    assert learnt(tmp_path, "/a.py") == {}
    status = file.stat()
    forged = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    assert Ground(tmp_path, kept={"/a.py": replace(kept["/a.py"], identity=forged)}).visit("/a.py").searched
    os.chown(file, 1000, -1)
    file.chmod(0o600)
    assert learnt(tmp_path, "/a.py") == {}
    assert Ground(tmp_path).visit("/a.py").owner_uid == 1000


def test_systems_of_one_image_share_what_was_read(tmp_path: Path) -> None:
    """Each container has a device of its own, and the layer's inodes and times."""
    (tmp_path / "a.py").write_text("import a")
    shared: dict[str, Kept] = {}
    assert Ground(tmp_path, shared=shared).visit("/a.py", python.LANGUAGE).searched
    kept = shared["/a.py"]
    shared["/a.py"] = replace(kept, identity=(kept.identity[0] + 1, *kept.identity[1:]))
    assert not Ground(tmp_path, shared=shared).visit("/a.py", python.LANGUAGE).searched
    shared["/a.py"] = replace(kept, identity=(*kept.identity[:-1], kept.identity[-1] + 1))
    assert Ground(tmp_path, shared=shared).visit("/a.py", python.LANGUAGE).searched


def test_walks_go_into_each_directory_once(tmp_path: Path) -> None:
    (tmp_path / "p/deep").mkdir(parents=True)
    (tmp_path / "p/deep/circle").symlink_to("..")
    (tmp_path / "p/deep/a.py").write_text("")
    (tmp_path / "p/.git").mkdir()
    (tmp_path / "p/.git/b.py").write_text("")
    assert list(Ground(tmp_path).walked("/p", (".py",))) == ["/p/deep/a.py"]
    assert list(Ground(tmp_path).walked("/p", (".py",), most=0)) == []


def test_names_with_a_wildcard_at_their_ends(tmp_path: Path) -> None:
    for name in ("lib/python3.9", "lib/python3.11", "lib/other"):
        (tmp_path / name).mkdir(parents=True)
    ground = Ground(tmp_path)
    assert ground.matching("/lib/python3.*/x") == ["/lib/python3.11/x", "/lib/python3.9/x"]
    assert ground.matching("/nowhere/x") == ["/nowhere/x"]
    assert ground.stems("/lib", ".9") == {"python3": "python3.9"}


def test_what_is_not_there_is_known_by_the_directory_above_and_what_is_empty_by_itself(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/empty.pth").touch()
    ground = Ground(tmp_path)
    for _ in range(2):  # also for who asks later
        ground.trail = set()
        assert not ground.has("/opt/none/below/x.py")
        assert "/opt" in ground.trail
        assert ground.small("/opt/empty.pth") == b""
        assert "/opt/empty.pth" in ground.trail


def test_what_was_found_out_once_is_on_the_trail_of_all_who_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opt").mkdir()
    ground = Ground(tmp_path)
    made: list[str] = []

    def make() -> list[str]:
        made.append("x")
        return sorted(ground.listed("/opt"))

    trails = []
    for _ in range(2):
        ground.trail = {"/else"}
        assert ground.once("key", make) == ()
        trails.append(ground.trail)
    assert trails == [{"/", "/opt", "/else"}] * 2
    assert made == ["x"]
    ground.trail = None
    assert ground.once("key", make) == () and ground.trail is None
    ground.kept_from = False
    ground.once("kept from", lambda: [setattr(ground, "kept_from", True)])
    for asked, kept_from in (("key", False), ("kept from", True)):
        ground.kept_from = False
        ground.once(asked, make)
        assert ground.kept_from is kept_from
    monkeypatch.setattr(module, "ONCE_MAX", 1)
    ground.once("other", make)
    ground.once("other", make)
    assert len(made) == 3


def test_what_is_visited_next_is_asked_for_together_where_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("a", 10), ("b", 10), ("long", module.SHORT_MAX_BYTES + 1), ("known", 10), ("kept", 10)):
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "directory").mkdir()
    asked: list[list[str]] = []
    monkeypatch.setattr(module.rootfs, "ahead", lambda root, paths: asked.append(paths))
    ground = Ground(tmp_path, kept=learnt(tmp_path, "/kept"), reads_ahead=True)
    ground.visit("/known")
    paths = [f"/{name}" for name in ("a", "b", "long", "known", "kept", "directory", "gone")]
    ground.ahead(paths)
    Ground(tmp_path).ahead(paths)
    assert asked == [["/a", "/b"]]


@pytest.mark.parametrize(("limit", "value"), [("", 0), ("WALKED_MAX", 2), ("DEPTH_MAX", 1)])
@pytest.mark.parametrize("of_program", [True, False])
def test_what_is_not_walked_through_of_a_programs_own_code_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, *, of_program: bool
) -> None:
    for name in ("a/x.py", "a/b/x.py", "a/b/c/x.py", "vendor/x.py", "example.com/x.py"):
        (tmp_path / "srv/app" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "srv/app" / name).write_text("")
    if limit:
        monkeypatch.setattr(module, limit, value)
    ground = Ground(tmp_path)
    found = set(ground.walked("/srv/app", (".py",), of_program=of_program, aside=("vendor",)))
    assert ground.more is (of_program and bool(limit))
    assert ("/srv/app/example.com/x.py" in found) is (of_program and limit != "WALKED_MAX") or limit == "WALKED_MAX"
    assert "/srv/app/vendor/x.py" not in found
    if not limit:
        assert len(found) == 3 + of_program
        assert len(list(ground.walked("/srv/app", (".py",), 2, of_program=of_program))) == 2
        assert ground.more is of_program


def test_more_than_are_looked_at_are_said(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    assert (ground.some(["a", "b"], 2), ground.more) == (["a", "b"], False)
    assert (ground.some(["a", "b"], 1), ground.more) == (["a"], True)


@pytest.mark.parametrize("at", ["/", "/root", "/home/ana", "/opt"])
def test_of_where_everything_lies_nothing_is_a_programs_own(tmp_path: Path, at: str) -> None:
    (tmp_path / at[1:]).mkdir(parents=True, exist_ok=True)
    for name in "abc":
        (tmp_path / at[1:] / f"{name}.py").write_text("")
    ground = Ground(tmp_path)
    assert len(list(ground.walked(at, (".py",), 2, of_program=True))) == 2
    assert not ground.more
