from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.inventory.code import unread
from imds_probe.inventory.schedules.commands import trees
from imds_probe.inventory.schedules.commands.trees import tree
from imds_probe.inventory.schedules.system_files import LeftOut, SystemFiles

CUT = (LeftOut("/srv/salt", unread.MORE),)


def looked(at: Path, files: dict[str, str | bytes | Path]) -> tuple[tuple[str, ...], tuple[LeftOut, ...]]:
    system = SystemFiles(made(at, files))
    return tree(["/srv/salt", "/srv/pillar", "/none"], (".sls",), system), system.take_left_out()


def test_all_of_a_kind_those_of_the_directories_above_first(tmp_path: Path) -> None:
    deep = "/srv/salt/" + "a/" * 8 + "deep.sls"
    files = {
        deep: "",
        "/srv/salt/apt-7.4.0/x.sls": "",
        "/srv/pillar/top.sls": "",
        "/srv/salt/.git/x.sls": "",
        "/srv/salt/README": "",
    }
    assert looked(tmp_path, files) == (("/srv/pillar/top.sls", "/srv/salt/apt-7.4.0/x.sls", deep), ())


def test_links_that_lead_in_a_circle_are_gone_through_once(tmp_path: Path) -> None:
    found, left_out = looked(tmp_path, {"/srv/salt/a/x.sls": "", "/srv/salt/a/up": Path("..")})
    assert ("/srv/salt/a/x.sls" in found, len(found) <= 2, left_out) == (True, True, ())


def test_a_tree_that_is_larger_than_the_limit_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes | Path] = {f"/srv/salt/{number}.sls": "" for number in range(8)}
    assert len(looked(tmp_path, files)[0]) == 8
    monkeypatch.setattr(trees, "FILES_MAX", 5)
    found, left_out = looked(tmp_path, {})
    assert (len(found), left_out) == (5, CUT)
    monkeypatch.setattr(trees, "FILES_MAX", 8)
    assert looked(tmp_path, {})[1] == ()


@pytest.mark.parametrize(("limit", "value"), [("DEPTH_MAX", 2), ("BESIDE_MAX", 1)])
def test_so_is_one_that_is_deeper_or_has_more_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    files: dict[str, str | bytes | Path] = {"/srv/salt/a/b/c/x.sls": "", "/srv/salt/note": ""}
    assert looked(tmp_path, files)[1] == ()
    monkeypatch.setattr(trees, limit, value)
    assert looked(tmp_path, {}) == ((), CUT)
