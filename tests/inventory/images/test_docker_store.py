from __future__ import annotations

import os
from pathlib import Path

import pytest
from image_stores import DOCKER, docker_image

from imds_probe.inventory.images import docker_store
from imds_probe.system.rootfs import FileUnreadable

LAYERS = ({"/etc/a": "1"}, {"/etc/b": "2"}, {"/etc/c": "3"})
CONFIG = {"Entrypoint": ["/e"], "Cmd": ["c"], "Env": ["A=b"], "WorkingDir": "/srv"}
DIRECTORIES = tuple(f"{DOCKER}/overlay2/layer{number}/diff" for number in (2, 1, 0))


def test_the_layers_of_an_image(tmp_path: Path) -> None:
    identity = docker_image(tmp_path, "backup:1.2", LAYERS, CONFIG, opaque=("etc/x",))
    found = docker_store.image(tmp_path, "docker.io/library/backup:1.2")
    assert found is not None
    assert found.layers == DIRECTORIES
    assert found.opaque == {f"{DIRECTORIES[0]}/etc/x"}
    assert (found.config.entrypoint, found.config.command, found.config.directory) == (("/e",), ("c",), "/srv")
    assert docker_store.image(tmp_path, identity[:12]) == docker_store.image(tmp_path, f"sha256:{identity}") == found
    assert [docker_store.image(tmp_path, name) for name in ("backup", "other/backup:1.2", "0" * 12)] == [None] * 3


def test_a_daemon_may_keep_them_elsewhere(tmp_path: Path) -> None:
    docker_image(tmp_path, "x:latest", LAYERS, CONFIG, place="/data/100000.100000")
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text('{"data-root": "/data"}')
    found = docker_store.image(tmp_path, "x")
    assert found is not None
    assert found.layers[0] == "/data/100000.100000/overlay2/layer2/diff"


def test_of_what_is_kept_as_a_whole_the_topmost_is_all(tmp_path: Path) -> None:
    docker_image(tmp_path, "x:latest", LAYERS, CONFIG)
    (tmp_path / f"{DOCKER[1:]}/image/overlay2").rename(tmp_path / f"{DOCKER[1:]}/image/vfs")
    found = docker_store.image(tmp_path, "x")
    assert found is not None
    assert (found.layers, found.opaque) == ((f"{DOCKER}/vfs/dir/layer2",), frozenset())


@pytest.mark.parametrize("evil", ["../../x", "", "a b", "x" * 200])
def test_a_directory_is_called_as_docker_calls_it(tmp_path: Path, evil: str) -> None:
    docker_image(tmp_path, "x:latest", LAYERS, CONFIG)
    for record in (tmp_path / f"{DOCKER[1:]}/image/overlay2/layerdb/sha256").iterdir():
        (record / "cache-id").write_text(evil)
    assert docker_store.image(tmp_path, "x") is None


def test_what_is_not_roots_says_nothing(tmp_path: Path) -> None:
    docker_image(tmp_path, "x:latest", LAYERS, CONFIG)
    os.chown(tmp_path / f"{DOCKER[1:]}/image/overlay2/repositories.json", 1234, 1234)
    with pytest.raises(FileUnreadable, match="belongs to user 1234"):
        docker_store.image(tmp_path, "x")
