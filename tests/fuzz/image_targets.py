"""Targets: images on the disk, by what runtimes keep of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import Parse, Target, check, choose, chosen
from image_stores import containerd_image, docker_image, podman_image

from imds_probe.inventory.images import stores
from imds_probe.inventory.schedules.commands.container_run import ImageRun

NAME = "x.example/backup:1"
LAYERS = ({"/etc/a": "1"}, {"/etc/b": "2"})
CONFIG = {"Entrypoint": ["/e"], "Cmd": "a b", "Env": ["A=b"], "WorkingDir": "/srv", "Healthcheck": {"Test": "x"}}
# What is kept of layers is no record.
_LAYER = ("/diff/", "/fs/")


def _made(root: Path) -> list[Path]:
    """The records of an image in each kind of store, every other of its names in one of its own."""
    docker_image(root, NAME, LAYERS, CONFIG, opaque=("etc",))
    podman_image(root, [NAME], LAYERS, CONFIG, opaque=("etc",))
    containerd_image(root, NAME, LAYERS, CONFIG)
    return sorted(path for path in root.rglob("*") if path.is_file() and not any(each in str(path) for each in _LAYER))


def _images(root: Path) -> Parse:
    """The records of all stores, of which one is as it is given."""
    records = _made(root)

    def parse(data: bytes) -> None:
        at, content = choose(data, len(records))
        before = records[at].read_bytes()
        records[at].write_bytes(content)
        for store in stores.STORES:
            found = stores.found_in(store, root, NAME)
            if found is not None:
                check((found.layers, found.opaque))
                assert all(each.startswith("/var/lib/") and ".." not in each for each in found.layers)
                assert all(found.config.started_by(ImageRun(NAME)))
        records[at].write_bytes(before)

    return parse


def _seeds() -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        return {
            "-".join(path.relative_to(root).parts[2:])[-80:]: chosen(at, path.read_bytes())
            for at, path in enumerate(_made(root))
        }


TARGETS = {"images": Target(_images, _seeds)}
