from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from soon import SOON_S

from imds_probe.inventory.sdks.wanted import SOUGHT
from imds_probe.reading import granted as module
from imds_probe.reading.granted import Granted
from imds_probe.reading.whereabouts import Whereabouts
from imds_probe.system import confined
from imds_probe.system.confined import FileUnanswered
from imds_probe.system.walk import Budget
from imds_probe.system.walk_memory import WalkMemory


@pytest.fixture
def whereabouts() -> Iterator[Whereabouts]:
    made = Whereabouts.made()
    yield made
    made.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    for name in ("lib/one", "lib/two", "other/one"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "usr").symlink_to("/lib")
    (made / "lib/link").symlink_to("/other/one")
    (made / "lib/out").symlink_to("/../../outside")
    (tmp_path / "outside").write_text("of somebody else")
    return made


@pytest.fixture
def files(whereabouts: Whereabouts, root: Path) -> Iterator[Granted]:
    made = Granted(whereabouts)
    made.grant(str(root), [], [])
    yield made
    made.revoke()


def content(files: Granted, root: Path, path: str) -> str | None:
    with files.opened(root, path) as file:
        return file.read().decode() if file is not None else None


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is looked up name by name from the root on."""
    asked: list[str] = []
    real = confined.walked

    def walked(fd: int, path: str, stepping: Callable[..., None]) -> tuple[int, list[str]]:
        asked.append(path)
        return real(fd, path, stepping)

    monkeypatch.setattr(confined, "walked", walked)
    return asked


def test_a_directory_is_looked_up_once_for_all_that_lie_there(files: Granted, root: Path, looked_up: list[str]) -> None:
    assert [content(files, root, f"/lib/{name}") for name in ("one", "two", "three", "one")] == [
        *("lib/one", "lib/two"),
        *(None, "lib/one"),
    ]
    assert looked_up == ["/lib", "/lib/three", "/lib"]  # what was not there could be in another of that name
    assert content(files, root, "/other/one") == "other/one"
    assert looked_up[3:] == ["/other"]


def test_links_lead_where_they_lead_in_that_root(files: Granted, root: Path) -> None:
    assert content(files, root, "/lib/link") == "other/one"
    assert content(files, root, "/lib/link") == "other/one"
    assert content(files, root, "/lib/out") is None
    assert content(files, root, "/lib/../other/one") == "other/one"
    assert files.names(root, "/lib/..") == ("lib", "other", "usr")


@pytest.mark.parametrize(
    "path",
    ["/lib/one", "/lib/link", "/usr/one", "/usr/link", "/usr/../lib/./two", "/usr", "/", "lib", "/lib/out", "/none/x"],
)
def test_the_path_without_links_is_known_of_what_was_looked_up(files: Granted, root: Path, path: str) -> None:
    for _ in range(2):
        files.status(root, path)
        real = files.real
        assert (None if real is None else os.fsdecode(real)) == files.real_path(root, path)
        files.status(root, "/other/one")
        assert files.real == b"/other/one"


def test_of_several_only_what_lies_in_that_directory_is_read(files: Granted, root: Path) -> None:
    """Whatever a parser that was taken over asks for."""
    beside = root.parent / "outside"
    (root / "lib/plainly-out").symlink_to(beside)
    (root / "lib/up").symlink_to("../..")
    elsewhere = ("plainly-out", "link", "up/outside", "../../outside", str(beside), "..", ".", "")
    found = files.several_below(
        root, "lib", [("one", 99), *((name, 99) for name in elsewhere)], ["up", "../../up", "../usr"]
    )
    assert (found[0], found[len(elsewhere) + 1]) == (b"lib/one", b"../..")
    others = [each for each in found if isinstance(each, OSError)]
    assert len(others) == len(found) - 2


def test_what_was_not_granted_is_refused_in_a_way_that_is_said(files: Granted, root: Path) -> None:
    for ask in (
        lambda at: files.walk(at, ["/"], SOUGHT, Budget(time.monotonic() + SOON_S, 9), (), memory=WalkMemory()),
        lambda at: files.roots_of(at, [1]),
        lambda at: files.several_below(at, "lib", [("one", 9)], []),
        lambda at: files.link_below(at, "lib/link"),
    ):
        with pytest.raises(PermissionError, match="it was not granted"):
            ask(root.parent)


def test_another_directory_of_that_name_is_found(files: Granted, root: Path) -> None:
    assert content(files, root, "/lib/one") == "lib/one"
    (root / "lib").rename(root / "before")
    (root / "lib").mkdir()
    (root / "lib/new").write_text("new")
    assert content(files, root, "/lib/new") == "new"
    assert content(files, root, "/lib/one") is None


@pytest.mark.parametrize("at", [b"/lib/two", b"/lib"])
def test_what_did_not_answer_is_not_touched_by_another_way(files: Granted, root: Path, at: bytes) -> None:
    files.grant(str(root), [at], [])
    if at == b"/lib/two":
        assert content(files, root, "/usr/one") == "lib/one"
    for path in ("/usr/two", "/lib/two"):
        with pytest.raises(FileUnanswered):
            files.pin(root, path)


def test_where_it_goes_is_said_without_links(files: Granted, whereabouts: Whereabouts, root: Path) -> None:
    for _ in range(2):
        assert content(files, root, "/usr/one") == "lib/one"
        assert whereabouts.get().path == b"/lib/one"


def test_some_directories_are_held_and_no_more(
    files: Granted, root: Path, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_MAX", 2)
    before = len(os.listdir("/proc/self/fd"))
    for path in ("/lib/one", "/other/one", "/lib/two", "/other/one", "/usr/one", "/other/one", "/lib/one"):
        assert content(files, root, path)
    assert looked_up == ["/lib", "/other", "/usr", "/lib"]
    assert len(os.listdir("/proc/self/fd")) == before + 3  # and the root


def test_nothing_is_held_for_longer_than_it_is_of_use(files: Granted, root: Path) -> None:
    def held() -> list[str]:
        return sorted(os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if _is_open(each))

    assert not files.holds
    content(files, root, "/lib/one")
    assert files.holds
    assert str(root / "lib") in held()
    files.leave()
    assert not files.holds
    assert str(root / "lib") not in held()
    content(files, root, "/lib/one")
    files.revoke()
    assert not [path for path in held() if path.startswith(str(root))]


def _is_open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")
