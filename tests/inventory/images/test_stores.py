from __future__ import annotations

import os
import shutil
from pathlib import Path

from image_stores import DOCKER, PODMAN, containerd_image, docker_image, podman_image

from imds_probe.inventory.images import stores

LAYERS = ({"/etc/a": "1"}, {"/etc/a": "2"})


def test_an_image_may_be_in_any_store(tmp_path: Path) -> None:
    docker_image(tmp_path, "one:1", LAYERS, {})
    podman_image(tmp_path, ["localhost/two:1"], LAYERS, {})
    containerd_image(tmp_path, "x.example/three:1", LAYERS, {})
    found = [stores.image(tmp_path, name) for name in ("one:1", "two:1", "x.example/three:1", "four:1")]
    assert [len(each.layers) if each else 0 for each in found] == [2, 2, 2, 0]


def test_each_engine_runs_the_image_of_its_own_store(tmp_path: Path) -> None:
    docker_image(tmp_path, "one:1", LAYERS, {})
    podman_image(tmp_path, ["docker.io/library/one:1"], LAYERS, {})
    containerd_image(tmp_path, "docker.io/library/one:1", LAYERS, {})
    places = {"docker": "docker", "podman": "containers", "nerdctl": "containerd", "": "containerd"}
    for engine, place in places.items():
        found = stores.image(tmp_path, "one:1", engine)
        assert found is not None
        assert found.layers[0].startswith(f"/var/lib/{place}/")


def test_what_cannot_be_read_in_one_is_looked_for_in_the_next(tmp_path: Path) -> None:
    docker_image(tmp_path, "one:1", LAYERS, {})
    podman_image(tmp_path, ["localhost/one:1"], LAYERS, {})
    (tmp_path / f"{DOCKER[1:]}/image/overlay2/repositories.json").write_text("{")
    found = stores.image(tmp_path, "one:1", "docker")
    assert found is not None
    assert found.layers[0].startswith("/var/lib/containers/")


def test_a_store_may_be_a_link_and_its_layers_have_to_be_there(tmp_path: Path) -> None:
    docker_image(tmp_path, "one:1", LAYERS, {}, opaque=("etc",), place="/data")
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / DOCKER[1:]).symlink_to("/data")
    found = stores.image(tmp_path, "one:1")
    assert found is not None
    assert found.layers == ("/data/overlay2/layer1/diff", "/data/overlay2/layer0/diff")
    assert found.opaque == {"/data/overlay2/layer1/diff/etc"}
    (tmp_path / "data/overlay2/layer0").rename(tmp_path / "gone")
    assert stores.image(tmp_path, "one:1") is None


def test_of_a_user_his_own_store_comes_first_and_nobody_elses_counts(tmp_path: Path) -> None:
    podman_image(tmp_path, ["localhost/one:1"], LAYERS, {})
    home = tmp_path / "home/ana/.local/share/containers"
    home.mkdir(parents=True)
    shutil.copytree(tmp_path / PODMAN[1:], home / "storage")
    for path in (home, *home.rglob("*")):
        os.chown(path, 1000, 1000)
    found = [stores.image(tmp_path, "one:1", "podman", of) for of in (("/home/ana", 1000), ("/home/ana", 1001), None)]
    assert [each.layers[0].partition("/storage/")[0] if each else "" for each in found] == [
        "/home/ana/.local/share/containers",
        "/var/lib/containers",
        "/var/lib/containers",
    ]
