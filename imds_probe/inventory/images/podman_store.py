"""The images of podman, CRI-O and buildah: containers-storage.conf(5), and the layout of github.com/containers/storage."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.description import mapping, text
from imds_probe.inventory.containers.storage import ROOTLESS_STORE, SYSTEM_STORES
from imds_probe.inventory.images import tar_split
from imds_probe.inventory.images.image_names import id_in, is_called
from imds_probe.inventory.images.stored import LAYERS_MAX, RECORD_MAX_BYTES, ROOT_ALONE, Stored, config_of
from imds_probe.system import rootfs

_ID = re.compile(r"[0-9a-f]{64}")
LAYERED, WHOLE = {"overlay": "overlay/{}/diff"}, {"vfs": "vfs/dir/{}"}
_LAYER_LISTS = ("layers.json", "volatile-layers.json")


def image(root: Path, name: str) -> Stored | None:
    """The image of this name, None where there is none, or not all of it. Raises FileUnreadable."""
    found = (_Store(root, store, ROOT_ALONE).image(name) for store in SYSTEM_STORES)
    return next((each for each in found if each is not None), None)


def image_of_user(home: str, uid: int, root: Path, name: str) -> Stored | None:
    """The same of a user's own."""
    return _Store(root, f"{home}/{ROOTLESS_STORE}", frozenset((uid,))).image(name)


def _is_it(record: Mapping[str, object], name: str) -> bool:
    names = record.get("names")
    if isinstance(names, list) and any(
        isinstance(each, str) and is_called(each, name, any_registry=True) for each in names
    ):
        return True
    digest = name.partition("@")[2]
    begins = id_in(name)
    return (bool(digest) and record.get("digest") == digest) or (
        bool(begins) and (text(record.get("id")) or "").startswith(begins)
    )


@dataclass(frozen=True)
class _Store:
    root: Path
    at: str
    owners: frozenset[int]

    def image(self, name: str) -> Stored | None:
        """The image of this name, None where there is none, or not all of it. Raises FileUnreadable."""
        for driver in (*LAYERED, *WHOLE):
            for record in self._listed(f"{driver}-images/images.json"):
                if _is_it(record, name) and (found := self._stored(driver, record)) is not None:
                    return found
        return None

    def _listed(self, path: str) -> Iterator[Mapping[str, object]]:
        listed = rootfs.read_json(self.root, f"{self.at}/{path}", RECORD_MAX_BYTES, owners=self.owners)
        yield from (mapping(each) for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()

    def _stored(self, driver: str, record: Mapping[str, object]) -> Stored | None:
        root, store = self.root, self.at
        image_id, layer = text(record.get("id")) or "", text(record.get("layer")) or ""
        if not _ID.fullmatch(image_id):
            return None
        # Data of an image lie in files by their names; what has other characters is written in base64.
        kept = base64.b64encode(f"sha256:{image_id}".encode()).decode()
        config = config_of(rootfs.read_json(root, f"{store}/{driver}-images/{image_id}/={kept}", owners=self.owners))
        parents = {
            text(each.get("id")): text(each.get("parent")) or ""
            for file in _LAYER_LISTS
            for each in self._listed(f"{driver}-layers/{file}")
        }
        layers: list[str] = []
        opaque: set[str] = set()
        while layer and len(layers) < LAYERS_MAX:
            if not _ID.fullmatch(layer) or layer not in parents:
                return None
            layers.append(f"{store}/{(LAYERED | WHOLE)[driver].format(layer)}")
            lists = f"{store}/{driver}-layers/{layer}.tar-split.gz"
            layer = parents[layer] if driver in LAYERED else ""
            if layer:  # nothing lies below the lowest
                opaque |= {f"{layers[-1]}/{each}" for each in tar_split.opaque(root, lists)}
        return Stored(config, tuple(layers), frozenset(opaque)) if config is not None and layers else None
