"""Which runtime's records are asked for which container, each list of them read once a run."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers import containerd, docker, storage
from imds_probe.inventory.containers.accounts import homes
from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.description import Description
from imds_probe.system.rootfs import FileUnreadable

# Where the control group leaves the runtime open, whoever has a record of the id is the one.
_ASKED: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker",),
    "ecs": ("docker", "containerd"),
    "containerd": ("containerd", "docker"),
    "podman": ("podman",),
    "cri-o": ("cri-o",),
    "kubernetes": ("containerd", "docker", "cri-o"),
    "unknown": ("docker", "containerd", "podman", "cri-o"),
}
_NAMED_BY_ID = ("lxc", "nspawn")


class Records:
    """The records of all runtimes below one root. `notes` collects what could not be read, each trouble once."""

    def __init__(self, root: Path, dockerd_commands: Iterable[Sequence[str]] = ()) -> None:
        self.root = root
        self.notes: list[str] = []
        self._dockerd_commands = tuple(dockerd_commands)

    def describe(self, container: ContainerId, owner_uid: int) -> Description:
        """What is on record about a container; an empty description where nothing is.

        `owner_uid` is the account that may run it without root, to look into its home too.
        """
        if container.runtime in _NAMED_BY_ID:
            return Description(name=container.id)
        for runtime in _ASKED.get(container.runtime, ()):
            try:
                found = self._ask(runtime, container.id, owner_uid)
            except FileUnreadable as trouble:
                self.notes.append(trouble.problem)
                continue
            if found:
                settled = container.runtime not in ("kubernetes", "unknown")
                return found if settled else _with_runtime(found, runtime)
        return Description()

    def has_bundle(self, namespace: str, container_id: str) -> bool:
        """Whether containerd runs a container of this name in this namespace (of containerd's own kind)."""
        return (namespace, container_id) in self._bundles

    def _ask(self, runtime: str, container_id: str, owner_uid: int) -> Description | None:
        if runtime == "docker":
            return docker.describe(
                self.root, [*self._data_roots, *self._at_home(owner_uid, docker.ROOTLESS)], container_id
            )
        if runtime == "containerd":
            bundle = self._bundle_of(container_id)
            return containerd.describe(self.root, bundle) if bundle else None
        if runtime == "podman":
            stores = self._at_home(owner_uid, storage.ROOTLESS_STORE)
            return self._stored(storage.SYSTEM_STORES).get(container_id) or self._stored(stores).get(container_id)
        return storage.describe_crio(self.root, container_id)

    def _bundle_of(self, container_id: str) -> str | None:
        return next((place for (_, known), place in self._bundles.items() if known == container_id), None)

    @functools.cached_property
    def _bundles(self) -> Mapping[tuple[str, str], str]:
        return containerd.bundles(self.root, self.notes)

    @functools.cached_property
    def _data_roots(self) -> tuple[str, ...]:
        return docker.data_roots(self.root, self._dockerd_commands, self.notes)

    @functools.cached_property
    def _homes(self) -> Mapping[int, str]:
        return homes(self.root, self.notes)

    @functools.cached_property
    def _stores(self) -> dict[tuple[str, ...], Mapping[str, Description]]:
        return {}

    def _stored(self, stores: tuple[str, ...]) -> Mapping[str, Description]:
        if stores not in self._stores:
            self._stores[stores] = storage.listed(self.root, stores, self.notes)
        return self._stores[stores]

    def _at_home(self, uid: int, place: str) -> tuple[str, ...]:
        home = self._homes.get(uid) if uid else None
        return (f"{home}/{place}",) if home else ()


def _with_runtime(found: Description, runtime: str) -> Description:
    return Description(runtime, found.name, found.image, found.pod, found.pod_namespace, found.sandbox)
