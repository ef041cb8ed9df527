"""All stores in which images lie on the disk, by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from imds_probe.inventory.images import containerd_store, docker_store, podman_store
from imds_probe.inventory.images.stored import Stored
from imds_probe.system.rootfs import FileUnreadable, real_path

STORES: tuple[Callable[[Path, str], Stored | None], ...] = (
    docker_store.image,
    podman_store.image,
    containerd_store.image,
)
# Where each engine has its own: another one may have an image of the same name that it does not run. A kubelet has none of these
# programs.
_OWN = {
    "docker": (docker_store.image, containerd_store.image),
    "podman": (podman_store.image,),
    "nerdctl": (containerd_store.image,),
    "": (containerd_store.image, podman_store.image),
}


def image(root: Path, name: str, engine: str = "", of_user: tuple[str, int] | None = None) -> Stored | None:
    """The image of this name, whose layers all are there, where the engine has it that runs it, or else another one; None where no
    store of root's has it, or it cannot be read. `of_user` is the home and number of a user who runs it, whose own store is first.
    """
    users = (partial(podman_store.image_of_user, *of_user),) if of_user is not None else ()
    stores = dict.fromkeys((*users, *_OWN.get(engine, ()), *STORES))
    return next((found for store in stores if (found := found_in(store, root, name)) is not None), None)


def found_in(store: Callable[[Path, str], Stored | None], root: Path, name: str) -> Stored | None:
    """The same of one store."""
    with contextlib.suppress(FileUnreadable):
        found = store(root, name)
        if found is not None and (layers := _real(root, found)):
            moved = dict(zip(found.layers, layers, strict=True))
            opaque = frozenset(
                f"{moved[layer]}{path.removeprefix(layer)}"
                for path in found.opaque
                for layer in found.layers
                if path.startswith(f"{layer}/")
            )
            return Stored(found.config, layers, opaque)
    return None


def _real(root: Path, stored: Stored) -> tuple[str, ...]:
    """The layers without links, as where /var/lib/docker is one; none where one has gone."""
    found = [real_path(root, layer) for layer in stored.layers]
    return tuple(each for each in found if each is not None) if all(found) else ()
