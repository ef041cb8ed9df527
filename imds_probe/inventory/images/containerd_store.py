"""containerd's images, as Kubernetes, nerdctl and newer Dockers have them: metadata in bbolt, blobs, snapshots of its overlayfs.

Source: containerd, docs/content-flow.md; core/metadata/buckets.go and core/snapshots/storage/bolt.go. Its layers mark directories
that hide what lies below for the kernel alone: what they hide is taken for there.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from imds_probe.inventory.containers.description import mapping
from imds_probe.inventory.images.bolt import Bolt, Bucket, NoBolt
from imds_probe.inventory.images.image_names import is_called
from imds_probe.inventory.images.stored import LAYERS_MAX, ROOT_ALONE, Config, Stored, chain_ids, config_of, hex_of
from imds_probe.system import rootfs

ROOTS = (
    "/var/lib/containerd",
    "/var/lib/rancher/k3s/agent/containerd",
    "/var/lib/rancher/rke2/agent/containerd",
    "/var/snap/microk8s/common/var/lib/containerd",
    "/var/lib/docker/containerd/daemon",
)
METADATA = "io.containerd.metadata.v1.bolt/meta.db"
BLOBS = "io.containerd.content.v1.content/blobs/sha256"
SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs"
MANIFESTS_MAX = 50
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def image(root: Path, name: str) -> Stored | None:
    """The image of this name, None where there is none, or not all of it. Raises FileUnreadable."""
    for place in ROOTS:
        with rootfs.opened(root, f"{place}/{METADATA}") as file:
            if file is None or file.status().st_uid not in ROOT_ALONE:
                continue
            try:
                known = Bolt(file).top.bucket(b"v1")
                for space, inner in known.items() if known is not None else ():
                    if isinstance(inner, Bucket) and (found := _in_namespace(root, place, inner, name)) is not None:
                        return found
                    del space
            except NoBolt:
                continue
    return None


def _in_namespace(root: Path, place: str, namespace: Bucket, name: str) -> Stored | None:
    images = namespace.bucket(b"images")
    for kept, each in images.items() if images is not None else ():
        if isinstance(each, Bucket) and is_called(kept.decode("utf-8", "replace"), name):
            target = each.bucket(b"target")
            digest = target.value(b"digest").decode("ascii", "replace") if target is not None else ""
            config = _config(root, place, digest)
            layers = _layers(root, place, namespace, config) if config is not None else ()
            if config is not None and layers:
                return Stored(config, layers)
    return None


def _config(root: Path, place: str, digest: str) -> Config | None:
    for manifest in _manifests(root, place, digest, 0):
        config = _blob(root, place, mapping(mapping(manifest).get("config")).get("digest"))
        if (found := config_of(config)) is not None:
            return found
    return None


def _manifests(root: Path, place: str, digest: object, depth: int) -> Iterator[object]:
    """The manifest, or of an index those of this machine's kind first."""
    document = mapping(_blob(root, place, digest))
    inner = document.get("manifests")
    if not isinstance(inner, list):
        yield document
        return
    own = _MACHINES.get(platform.machine(), platform.machine())
    listed = [mapping(each) for each in inner[:MANIFESTS_MAX]]
    listed.sort(key=lambda each: mapping(each.get("platform")).get("architecture") != own)
    if depth == 0:
        for each in listed:
            yield from _manifests(root, place, each.get("digest"), depth + 1)


def _blob(root: Path, place: str, digest: object) -> object:
    digits = hex_of(digest)
    return rootfs.read_json(root, f"{place}/{BLOBS}/{digits}", owners=ROOT_ALONE) if digits else None


def _layers(root: Path, place: str, namespace: Bucket, config: Config) -> tuple[str, ...]:
    """The topmost first; none where there are not all of them."""
    chain = chain_ids(config.layers)[-1:]
    snapshot = namespace.bucket(b"snapshots", b"overlayfs", *(each.encode() for each in chain))
    name = snapshot.value(b"name") if snapshot is not None and chain else b""
    with rootfs.opened(root, f"{place}/{SNAPSHOTS}/metadata.db") as file:
        kept = Bolt(file).top.bucket(b"v1", b"snapshots") if file is not None else None
        found: list[str] = []
        while name and kept is not None and len(found) < LAYERS_MAX:
            each = kept.bucket(name)
            if each is None:
                return ()
            found.append(f"{place}/{SNAPSHOTS}/snapshots/{_number(each.value(b'id'))}/fs")
            name = each.value(b"parent")
    return tuple(found) if len(found) == len(config.layers) else ()


def _number(value: bytes) -> int:
    """A number as encoding/binary of Go writes it, PutUvarint."""
    number = 0
    for shift, byte in enumerate(value[:10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            break
    return number
