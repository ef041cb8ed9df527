from __future__ import annotations

from pathlib import Path

import pytest
from small_roots import made

from imds_probe.collect import root_views
from imds_probe.collect.root_views import RootViews
from imds_probe.system import rootfs


def test_a_directory_is_a_root(tmp_path: Path) -> None:
    views = RootViews(
        made(tmp_path, {"/srv/x/etc/a": "x", "/srv/x/l": Path("/etc/a"), "/link": Path("srv/x"), "/f": ""})
    )
    found = views.of_directory("/link")
    assert found is not None
    assert found == views.of_directory("/srv/../srv/x")
    directory, root = found
    assert directory == "/srv/x"
    with rootfs.read_by(views.door):
        assert rootfs.read(root, "/l") == b"x"
    assert [views.of_directory(path) for path in ("/gone", "/", "/srv/../..")] == [None, None, None]


def test_there_are_not_more_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_views, "VIEWS_MAX", 1)
    views = RootViews(made(tmp_path, {"/a/x": "", "/b/x": ""}))
    known = views.of_directory("/a")
    assert known == ("/a", views.of_layers(("/a",)))
    assert (views.of_directory("/b"), views.of_directory("/a")) == (None, known)
