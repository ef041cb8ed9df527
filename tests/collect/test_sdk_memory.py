"""What the search of the host's disk leaves for the next run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sdk_systems import System

from imds_probe.collect import sdk_memory
from imds_probe.collect.sdk_memory import SdkMemory
from imds_probe.collect.sdks import SearchOptions
from imds_probe.inventory.sdks.known_files import Kept

NAMES = {"pypi": ("boto3",)}
LATER_NS = 10_000_000_000
ONE, OTHER = Kept((1, 2, 3, 4, 5), ()), Kept((1, 3, 3, 4, 5), ())


def memory(state: Path | None, root: Path = Path("/")) -> SdkMemory:
    return SdkMemory(root, state, NAMES)


def test_what_a_search_of_a_part_did_not_come_to_is_kept(tmp_path: Path) -> None:
    first = memory(tmp_path)
    assert first.load() == {}
    first.save({"/a": ONE}, (), whole=True)
    part = memory(tmp_path)
    assert part.load() == {"/a": ONE}
    part.save({"/b": OTHER}, (), whole=False)
    whole = memory(tmp_path)
    assert whole.load() == {"/a": ONE, "/b": OTHER}
    whole.save({"/b": OTHER}, (), whole=True)
    assert memory(tmp_path).load() == {"/b": OTHER}
    assert SdkMemory(Path("/"), tmp_path, {"pypi": ("other",)}).load() == {}


def test_no_more_is_kept_than_the_parser_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_memory, "FILES_MAX", 1)
    memory(tmp_path).save({"/a": ONE, "/b": OTHER}, (), whole=True)
    assert memory(tmp_path).load() == {"/a": ONE}


def test_what_a_walk_leaves_takes_the_place_of_what_there_was_and_of_a_part_comes_before_it(tmp_path: Path) -> None:
    memory(tmp_path).save({}, (b"a", b"b"), whole=True)
    part = memory(tmp_path)
    part.load()
    assert part.walked == (b"a", b"b")
    part.save({}, (b"c", b"a"), whole=False)
    as_it_was = memory(tmp_path)
    as_it_was.load()
    assert as_it_was.walked == (b"c", b"a", b"b")
    as_it_was.save({}, (), whole=True)
    whole = memory(tmp_path)
    whole.load()
    assert whole.walked == (b"c", b"a", b"b")
    whole.save({}, (b"d",), whole=True)
    after = memory(tmp_path)
    after.load()
    assert after.walked == (b"d",)


def test_without_a_place_nothing_is_kept(tmp_path: Path) -> None:
    nowhere = memory(None)
    assert nowhere.load() == {}
    nowhere.save({"/a": ONE}, (), whole=True)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/state").symlink_to(tmp_path)
    inside = memory(tmp_path / "root/state", tmp_path / "root")
    inside.save({"/a": ONE}, (), whole=True)
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_the_next_run_finds_the_same_and_what_was_added(tmp_path: Path) -> None:
    system = System(tmp_path)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    app = system.root / "opt/app"
    app.mkdir(parents=True)
    (app / "aws-java-sdk-core-1.11.1.jar").write_bytes(b"no archive")

    def look() -> list[str]:
        found = system.look(request=SearchOptions(state=state), now_ns=time.time_ns() + LATER_NS)
        assert found.partial == ""
        return [each.name for each in found.software]

    first = look()
    names = ("disk.remembered", "directories.remembered")
    written = [(state / name).stat().st_mtime_ns for name in names]
    assert look() == first
    assert [(state / name).stat().st_mtime_ns for name in names] == written
    (app / "aws-java-sdk-core-1.11.2.jar").write_bytes(b"no archive")
    look()
    assert all((state / name).stat().st_mtime_ns > before for name, before in zip(names, written, strict=True))
    (state / "disk.remembered").write_bytes(b"damaged")
    damaged = system.look(request=SearchOptions(state=state))
    assert damaged.partial == f"{state}/disk.remembered was damaged, and is begun anew"
