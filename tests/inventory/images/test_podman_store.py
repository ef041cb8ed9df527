from __future__ import annotations

import json
from pathlib import Path

import pytest
from image_stores import PODMAN, digest, podman_image

from imds_probe.inventory.images import podman_store

LAYERS = ({"/etc/a": "1"}, {"/etc/b": "2"})
CONFIG = {"Cmd": ["c"]}


@pytest.mark.parametrize("name", ["backup:1.2", "localhost/backup:1.2", "quay.io/a/b", "a/b:latest"])
def test_the_layers_of_an_image(tmp_path: Path, name: str) -> None:
    names = ("localhost/backup:1.2", "quay.io/a/b:latest")
    identity = podman_image(tmp_path, names, LAYERS, CONFIG, opaque=("etc",))
    found = podman_store.image(tmp_path, name)
    assert found is not None
    assert found.layers == tuple(f"{PODMAN}/overlay/{digest(each)}/diff" for each in reversed(LAYERS))
    assert found.opaque == {f"{found.layers[0]}/etc"}
    assert found.config.command == ("c",)
    assert podman_store.image(tmp_path, identity[:12]) == found
    assert podman_store.image(tmp_path, f"x@sha256:{digest(identity)}") == found
    assert [podman_store.image(tmp_path, other) for other in ("backup", "quay.io/b", "b", "0" * 12)] == [None] * 4


def test_layers_that_are_called_otherwise_or_lead_in_a_circle_are_none(tmp_path: Path) -> None:
    podman_image(tmp_path, ("localhost/x:latest",), LAYERS, CONFIG)
    lists = tmp_path / f"{PODMAN[1:]}/overlay-layers/layers.json"
    top = digest(LAYERS[1])
    for listed in ([{"id": top, "parent": "../../x"}, {"id": "../../x"}], [], {"id": top}):
        lists.write_text(json.dumps(listed))
        assert podman_store.image(tmp_path, "x") is None
    lists.write_text(json.dumps([{"id": top, "parent": top}]))
    found = podman_store.image(tmp_path, "x")
    assert found is None or len(found.layers) <= 200
