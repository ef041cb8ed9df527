"""Docker's own images: DATA-ROOT/image/DRIVER, and the driver's directory of layers. The layout is since 1.10."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from imds_probe.inventory.containers.description import mapping
from imds_probe.inventory.containers.docker import data_roots
from imds_probe.inventory.images import tar_split
from imds_probe.inventory.images.image_names import id_in, is_called
from imds_probe.inventory.images.stored import RECORD_MAX_BYTES, ROOT_ALONE, Stored, chain_ids, config_of, hex_of
from imds_probe.system import rootfs

_REMAPPED = re.compile(r"\d+\.\d+")  # userns-remap keeps everything in DATA-ROOT/UID.GID
_CACHE_ID = re.compile(rb"[0-9a-z]{1,128}")
LAYERED, WHOLE = {"overlay2": "overlay2/{}/diff", "fuse-overlayfs": "fuse-overlayfs/{}/diff"}, {"vfs": "vfs/dir/{}"}


def image(root: Path, name: str) -> Stored | None:
    """The image of this name, None where there is none, or not all of it. Raises FileUnreadable."""
    for place in _places(root):
        for driver in (*LAYERED, *WHOLE):
            for digest in _called(root, f"{place}/image/{driver}", name):
                if (found := _stored(root, place, driver, digest)) is not None:
                    return found
    return None


def _places(root: Path) -> Iterator[str]:
    for place in data_roots(root, owners=ROOT_ALONE):
        yield place
        yield from (f"{place}/{each}" for each in rootfs.names(root, place) if _REMAPPED.fullmatch(each))


def _called(root: Path, at: str, name: str) -> Iterator[str]:
    repositories = mapping(rootfs.read_json(root, f"{at}/repositories.json", RECORD_MAX_BYTES, owners=ROOT_ALONE))
    for tags in mapping(repositories.get("Repositories")).values():
        yield from (
            digits for tag, digest in mapping(tags).items() if is_called(tag, name) and (digits := hex_of(digest))
        )
    if begins := id_in(name):
        kept = rootfs.names(root, f"{at}/imagedb/content/sha256")
        yield from (digits for each in kept if each.startswith(begins) and (digits := hex_of(f"sha256:{each}")))


def _stored(root: Path, place: str, driver: str, digest: str) -> Stored | None:
    at = f"{place}/image/{driver}"
    config = config_of(rootfs.read_json(root, f"{at}/imagedb/content/sha256/{digest}", owners=ROOT_ALONE))
    if config is None or not config.layers:
        return None
    chains = [hex_of(each) for each in reversed(chain_ids(config.layers))]
    layers: list[str] = []
    opaque: set[str] = set()
    for chain in chains if driver in LAYERED else chains[:1]:
        record = f"{at}/layerdb/sha256/{chain}"
        cache_id = (rootfs.read(root, f"{record}/cache-id", owners=ROOT_ALONE) or b"").strip()
        if not _CACHE_ID.fullmatch(cache_id):
            return None
        layers.append(f"{place}/{(LAYERED | WHOLE)[driver].format(cache_id.decode())}")
        if chain != chains[-1] and driver in LAYERED:  # nothing lies below the lowest
            opaque |= {f"{layers[-1]}/{each}" for each in tar_split.opaque(root, f"{record}/tar-split.json.gz")}
    return Stored(config, tuple(layers), frozenset(opaque))
