from __future__ import annotations

from pathlib import Path

from image_stores import CONTAINERD, containerd_image

from imds_probe.inventory.images import containerd_store

LAYERS = ({"/etc/a": "1"}, {"/etc/b": "2"}, {"/etc/c": "3"})
NAME = "registry.example/agent:1"
SNAPSHOTS = f"{CONTAINERD}/io.containerd.snapshotter.v1.overlayfs"


def test_the_layers_of_an_image(tmp_path: Path) -> None:
    containerd_image(tmp_path, NAME, LAYERS, {"Entrypoint": ["/agent"]})
    found = containerd_store.image(tmp_path, NAME)
    assert found is not None
    assert found.layers == tuple(f"{SNAPSHOTS}/snapshots/{number}/fs" for number in (130, 129, 128))
    assert (found.config.entrypoint, found.opaque) == (("/agent",), frozenset())
    assert [containerd_store.image(tmp_path, name) for name in ("agent:1", f"{NAME}0", "")] == [None] * 3


def test_what_is_damaged_has_none(tmp_path: Path) -> None:
    containerd_image(tmp_path, NAME, LAYERS, {})
    metadata = tmp_path / SNAPSHOTS[1:] / "metadata.db"
    for path in (metadata, tmp_path / CONTAINERD[1:] / containerd_store.METADATA):
        whole = path.read_bytes()
        for damaged in (b"", whole[:100], whole[:8192], bytes(len(whole))):
            path.write_bytes(damaged)
            assert containerd_store.image(tmp_path, NAME) is None
        path.write_bytes(whole)
    assert containerd_store.image(tmp_path, NAME) is not None
    metadata.unlink()
    assert containerd_store.image(tmp_path, NAME) is None


def test_an_image_of_which_a_layer_is_not_unpacked_is_not_there(tmp_path: Path) -> None:
    containerd_image(tmp_path, NAME, LAYERS, {})
    other = tmp_path / "other"
    containerd_image(other, NAME, LAYERS[:2], {})
    (tmp_path / SNAPSHOTS[1:] / "metadata.db").write_bytes((other / SNAPSHOTS[1:] / "metadata.db").read_bytes())
    assert containerd_store.image(tmp_path, NAME) is None
