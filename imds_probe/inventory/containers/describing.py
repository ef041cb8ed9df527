"""Which runtime's records are asked for which container, each list of them read once a run.

A record counts if whoever runs the container wrote it: root for root's, in the runtimes' places; a user for his own, in his
home, and for nobody else's.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imds_probe.facts.collector_run import OUT_OF_TIME
from imds_probe.inventory.containers import containerd, docker, podman_state, storage
from imds_probe.inventory.containers.accounts import homes
from imds_probe.inventory.containers.cgroups import ContainerId
from imds_probe.inventory.containers.checks import Check
from imds_probe.inventory.containers.description import Begins, Description
from imds_probe.system.confined import FileUnanswered
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
# What a user's record may be found by, which is in his home. He has no other runtime that keeps its records there.
_ASKED_OF_USERS: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker",),
    "podman": ("podman",),
    "unknown": ("docker", "podman"),
}
_NAMED_BY_ID = ("lxc", "nspawn")
NOT_ALL_READ = f"not all records of containers were read: {OUT_OF_TIME}"


class Records:
    """The records of all runtimes below one root. `notes` collects what could not be read, each trouble once; `unanswered` what did
    not answer when it was asked for.

    `deadline` is a time.monotonic, after which nothing is read. `of_a_container`: the root is a container's, which may have
    put anything there, and knows no users of the host.
    """

    def __init__(
        self,
        root: Path,
        dockerd_commands: Iterable[Sequence[str]] = (),
        *,
        deadline: float = float("inf"),
        of_a_container: bool = False,
    ) -> None:
        self.root = root
        self.notes: list[str] = []
        self.unanswered: list[str] = []
        self._dockerd_commands = tuple(dockerd_commands)
        self._deadline = deadline
        # Whoever runs the probe trusts himself.
        self._roots_own = None if of_a_container else frozenset({0, os.geteuid()})

    def describe(self, container: ContainerId, owner_uid: int | None) -> Description:
        """What is on record about a container; an empty description where nothing is.

        `owner_uid` is the unprivileged user whose container it is, None: root's.
        """
        if container.runtime in _NAMED_BY_ID:
            return Description(name=container.id)
        asked = _ASKED if owner_uid is None else _ASKED_OF_USERS
        for runtime in asked.get(container.runtime, ()):
            if time.monotonic() > self._deadline:
                self.notes.append(NOT_ALL_READ)
                break
            try:
                found = self._ask(runtime, container.id, owner_uid)
            except FileUnanswered as trouble:
                self.unanswered.append(trouble.problem)
                continue
            except FileUnreadable as trouble:
                self.notes.append(trouble.problem)
                continue
            if found:
                settled = container.runtime not in ("kubernetes", "unknown")
                return found if settled else _with_runtime(found, runtime)
        return Description()

    def bundled(self) -> Iterable[tuple[str, str]]:
        """The containers that containerd runs, each with its namespace (of containerd's own kind)."""
        return self._bundles

    def _ask(self, runtime: str, container_id: str, owner_uid: int | None) -> Description | None:
        if owner_uid is not None:
            return self._ask_home(runtime, container_id, owner_uid)
        if runtime == "docker":
            return docker.describe(self.root, self._data_roots, container_id, self._roots_own)
        if runtime == "containerd":
            bundle = self._bundle_of(container_id)
            return containerd.describe(self.root, bundle, self._roots_own) if bundle else None
        if runtime == "podman":
            found = self._stored(storage.SYSTEM_STORES, self._roots_own).get(container_id)
        else:
            found = storage.describe_crio(self.root, container_id, self._roots_own)
        if found is not None and runtime == "podman":
            begins = self._begins(storage.SYSTEM_STORES, container_id, self._roots_own)
            found = replace(
                found, begins=begins, checks=self._checks(storage.SYSTEM_STORES, container_id, self._roots_own)
            )
        if found is None or self._roots_own is None:
            return found
        return replace(found, started=storage.started(self.root, container_id, self._roots_own))

    def _ask_home(self, runtime: str, container_id: str, owner_uid: int) -> Description | None:
        """What a user says of his own container: nothing is taken of it but names, and what it begins with, which he decides."""
        home, owners = self._homes.get(owner_uid), frozenset({owner_uid})
        if home is None:
            return None
        if runtime == "docker":
            found = docker.describe(self.root, (f"{home}/{docker.ROOTLESS}",), container_id, owners)
            return replace(found, started=None) if found else None
        stores = (f"{home}/{storage.ROOTLESS_STORE}",)
        stored = self._stored(stores, owners).get(container_id)
        if stored is None:
            return None
        begins = self._begins(stores, container_id, owners)
        return replace(stored, begins=begins, checks=self._checks(stores, container_id, owners))

    def _begins(self, stores: tuple[str, ...], container_id: str, owners: Collection[int] | None) -> Begins | None:
        """What a container of podman's begins with. Where that cannot be read, its names count all the same."""
        try:
            return storage.begins(self.root, stores, container_id, owners)
        except FileUnreadable as trouble:
            self.notes.append(trouble.problem)
            return None

    def _checks(self, stores: tuple[str, ...], container_id: str, owners: frozenset[int] | None) -> tuple[Check, ...]:
        if stores not in self._checked:
            self._checked[stores] = podman_state.checks(self.root, stores, self.notes, owners)
        return self._checked[stores].get(container_id, ())

    def _bundle_of(self, container_id: str) -> str | None:
        return next((place for (_, known), place in self._bundles.items() if known == container_id), None)

    @functools.cached_property
    def _bundles(self) -> Mapping[tuple[str, str], str]:
        return containerd.bundles(self.root, self.notes)

    @functools.cached_property
    def _data_roots(self) -> tuple[str, ...]:
        return docker.data_roots(self.root, self._dockerd_commands, self.notes, self._roots_own)

    @functools.cached_property
    def _homes(self) -> Mapping[int, str]:
        return homes(self.root, self.notes)

    @functools.cached_property
    def _stores(self) -> dict[tuple[str, ...], Mapping[str, Description]]:
        return {}

    @functools.cached_property
    def _checked(self) -> dict[tuple[str, ...], Mapping[str, tuple[Check, ...]]]:
        return {}

    def _stored(self, stores: tuple[str, ...], owners: frozenset[int] | None) -> Mapping[str, Description]:
        if stores not in self._stores:
            self._stores[stores] = storage.listed(self.root, stores, self.notes, owners)
        return self._stores[stores]


def _with_runtime(found: Description, runtime: str) -> Description:
    return replace(found, runtime=runtime)
