"""Images as runtimes keep them on the disk, made by hand: of layers that a test is about, the lowest first."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import stat
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from small_roots import made

from imds_probe.inventory.images.stored import chain_ids

Layer = Mapping[str, str | bytes | Path]
DOCKER, PODMAN, CONTAINERD = "/var/lib/docker", "/var/lib/containers/storage", "/var/lib/containerd"
Tree = Mapping[bytes, "bytes | Tree"]


def digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _layer(root: Path, at: str, layer: Layer, gone: Sequence[str], executable: tuple[str, ...]) -> None:
    made(root / at.lstrip("/"), layer, executable=executable)
    for path in gone:
        place = root / at.lstrip("/") / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))


def _config(layers: Sequence[Layer], config: Mapping[str, object]) -> dict[str, object]:
    return {
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(each)}" for each in layers]},
    }


def tar_split(opaque: Sequence[str]) -> bytes:
    """The list of a layer's files, with what says that these directories hide what lies below."""
    names = ["usr/bin/x", *(f"{each}/.wh..wh..opq" for each in opaque)]
    lines = [
        {"type": 2, "payload": "eA==", "position": 0},
        *({"type": 1, "name": name, "payload": ""} for name in names),
    ]
    return gzip.compress("".join(f"{json.dumps(each)}\n" for each in lines).encode())


def docker_image(
    root: Path,
    name: str,
    layers: Sequence[Layer],
    config: Mapping[str, object],
    *,
    gone: Sequence[str] = (),
    opaque: Sequence[str] = (),
    executable: tuple[str, ...] = (),
    place: str = DOCKER,
) -> str:
    """Its identity. What is `gone` and `opaque` is so in the topmost layer."""
    document = _config(layers, config)
    identity, at = digest(document), f"{place}/image/overlay2"
    repositories = {"Repositories": {name.rpartition(":")[0]: {name: f"sha256:{identity}"}}}
    files: dict[str, str | bytes | Path] = {
        f"{at}/repositories.json": json.dumps(repositories),
        f"{at}/imagedb/content/sha256/{identity}": json.dumps(document),
    }
    for number, (layer, chain) in enumerate(
        zip(layers, chain_ids([f"sha256:{digest(each)}" for each in layers]), strict=True)
    ):
        top, record = number == len(layers) - 1, f"{at}/layerdb/sha256/{chain.removeprefix('sha256:')}"
        files[f"{record}/cache-id"] = f"layer{number}"
        files[f"{record}/tar-split.json.gz"] = tar_split(opaque if top else ())
        _layer(root, f"{place}/overlay2/layer{number}/diff", layer, gone if top else (), executable)
    made(root, files)
    return identity


def podman_image(
    root: Path,
    names: Sequence[str],
    layers: Sequence[Layer],
    config: Mapping[str, object],
    *,
    gone: Sequence[str] = (),
    opaque: Sequence[str] = (),
) -> str:
    """The same as podman and CRI-O keep it. Seen with buildah 1.28."""
    document = _config(layers, config)
    identity = digest(document)
    kept = base64.b64encode(f"sha256:{identity}".encode()).decode()
    ids = [digest(each) for each in layers]
    files: dict[str, str | bytes | Path] = {
        f"{PODMAN}/overlay-images/images.json": json.dumps(
            [{"id": identity, "digest": f"sha256:{digest(identity)}", "names": list(names), "layer": ids[-1]}]
        ),
        f"{PODMAN}/overlay-images/{identity}/={kept}": json.dumps(document),
        f"{PODMAN}/overlay-layers/layers.json": json.dumps(
            [{"id": each, **({"parent": below} if below else {})} for each, below in zip(ids, ["", *ids], strict=False)]
        ),
    }
    for number, (layer, each) in enumerate(zip(layers, ids, strict=True)):
        top = number == len(layers) - 1
        files[f"{PODMAN}/overlay-layers/{each}.tar-split.gz"] = tar_split(opaque if top else ())
        _layer(root, f"{PODMAN}/overlay/{each}/diff", layer, gone if top else (), ())
    made(root, files)
    return identity


PAGE = 4096


def bolt(tree: Tree, *, pages_of: int = 0) -> bytes:
    """A file of bbolt that holds this: buckets that are small within their parents, the top one on a page of its own. With
    `pages_of`, its entries lie on so many pages below a branch.
    """
    entries = [_entry(key, value) for key, value in sorted(tree.items())]
    if not pages_of:
        pages = [_leaf(entries, 2)]
    else:
        parts = [entries[at : at + pages_of] for at in range(0, len(entries), pages_of)]
        pages = [_branch([(part[0][1], 3 + number) for number, part in enumerate(parts)])]
        pages += [_leaf(part, 3 + number) for number, part in enumerate(parts)]
    body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, PAGE, 0, 2, 0, 0, 2 + len(pages), 1)
    checksum = 0xCBF29CE484222325
    for byte in body:
        checksum = ((checksum ^ byte) * 0x100000001B3) % 2**64
    meta = [struct.pack("<QHHI", number, 4, 0, 0) + body + struct.pack("<Q", checksum) for number in (0, 1)]
    return b"".join(page.ljust(-(-len(page) // PAGE) * PAGE, b"\0") for page in (*meta, *pages))


def _entry(key: bytes, value: bytes | Tree) -> tuple[int, bytes, bytes]:
    if isinstance(value, bytes):
        return 0, key, value
    inner = _leaf([_entry(*each) for each in sorted(value.items())], 0)
    return 1, key, struct.pack("<QQ", 0, 0) + inner


def _leaf(entries: Sequence[tuple[int, bytes, bytes]], number: int) -> bytes:
    heads, bodies = b"", b""
    for index, (flags, key, value) in enumerate(entries):
        position = 16 * (len(entries) - index) + len(bodies)
        heads += struct.pack("<IIII", flags, position, len(key), len(value))
        bodies += key + value
    length = 16 + len(heads) + len(bodies)
    return struct.pack("<QHHI", number, 2, len(entries), max(0, -(-length // PAGE) - 1)) + heads + bodies


def _branch(children: Sequence[tuple[bytes, int]]) -> bytes:
    heads, bodies = b"", b""
    for index, (key, number) in enumerate(children):
        heads += struct.pack("<IIQ", 16 * (len(children) - index) + len(bodies), len(key), number)
        bodies += key
    return struct.pack("<QHHI", 2, 1, len(children), 0) + heads + bodies


def containerd_image(root: Path, name: str, layers: Sequence[Layer], config: Mapping[str, object]) -> None:
    """The same as containerd keeps it for Kubernetes, by an index of images for two kinds of machines."""
    document = json.dumps(_config(layers, config))
    blobs: dict[str, str] = {}

    def blob(content: str) -> str:
        digits = hashlib.sha256(content.encode()).hexdigest()
        blobs[digits] = content
        return f"sha256:{digits}"

    manifest = blob(json.dumps({"config": {"digest": blob(document)}, "layers": []}))
    index = {
        "manifests": [{"digest": f"sha256:{'0' * 64}", "platform": {"architecture": "s390x"}}, {"digest": manifest}]
    }
    target = blob(json.dumps(index))
    chains = chain_ids([f"sha256:{digest(each)}" for each in layers])
    kept = {f"k8s.io/{number}/{chain}".encode(): chain for number, chain in enumerate(chains)}
    snapshots: dict[bytes, bytes | Tree] = {}
    parent = b""
    for number, key in enumerate(kept):
        snapshots[key] = {b"id": bytes([0x80 | number, 0x01]), **({b"parent": parent} if parent else {})}
        parent = key
        _layer(
            root,
            f"{CONTAINERD}/io.containerd.snapshotter.v1.overlayfs/snapshots/{128 + number}/fs",
            layers[number],
            (),
            (),
        )
    meta: Tree = {
        b"v1": {
            b"k8s.io": {
                b"images": {name.encode(): {b"target": {b"digest": target.encode(), b"size": b"\x02"}}},
                b"snapshots": {b"overlayfs": {chain.encode(): {b"name": key} for key, chain in kept.items()}},
            },
            b"version": b"\x06",
        }
    }
    places: dict[str, str | bytes | Path] = {
        f"{CONTAINERD}/io.containerd.content.v1.content/blobs/sha256/{digits}": content
        for digits, content in blobs.items()
    }
    places[f"{CONTAINERD}/io.containerd.metadata.v1.bolt/meta.db"] = bolt(meta)
    places[f"{CONTAINERD}/io.containerd.snapshotter.v1.overlayfs/metadata.db"] = bolt(
        {b"v1": {b"snapshots": snapshots}}
    )
    made(root, places)
