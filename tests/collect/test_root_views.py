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


def test_what_is_mounted_in_an_image_is_the_systems_own(tmp_path: Path) -> None:
    layer = {"/layer/opt/app/main.py": "image", "/layer/opt/app/lib.py": "image", "/layer/srv": Path("opt")}
    views = RootViews(made(tmp_path, {**layer, "/etc/app.py": "host", "/opt/here.py": Path("/etc/app.py")}))
    root = views.of_layers(("/layer",), mounts=(("/opt/here.py", "/srv/app/main.py"),))
    assert root is not None
    assert root != views.of_layers(("/layer",))
    with rootfs.read_by(views.door):
        assert rootfs.read(root, "/opt/app/main.py") == b"host"
        assert rootfs.read(root, "/opt/app/lib.py") == b"image"
