"""The records of podman and CRI-O, which keep their containers in the same storage (containers-storage.conf(5)).

Seen with podman 4.3; CRI-O's annotations are those of its pkg/annotations.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from imds_probe.inventory.containers.description import Begins, Description, Started, first, mapping, of_oci, text
from imds_probe.inventory.containers.started import by_pid_file
from imds_probe.system.rootfs import FileUnreadable, read_json

SYSTEM_STORES = ("/var/lib/containers/storage", "/run/containers/storage")
ROOTLESS_STORE = ".local/share/containers/storage"
LIST_LIMIT_BYTES = 8 * 1024 * 1024  # one list for all containers of a store
_DRIVERS = ("overlay", "vfs", "btrfs", "zfs")
_LISTS = ("containers.json", "volatile-containers.json")
_CRIO = "io.kubernetes.cri-o."


def listed(
    root: Path, stores: tuple[str, ...], notes: list[str], owners: Collection[int] | None = None
) -> Mapping[str, Description]:
    """Container ids of the given stores with their names and images. What cannot be read is said in `notes`, and what is not
    one of `owners`', where any are given.
    """
    found: dict[str, Description] = {}
    for store in stores:
        for driver in _DRIVERS:
            for file in _LISTS:
                try:
                    record = read_json(root, f"{store}/{driver}-containers/{file}", LIST_LIMIT_BYTES, owners=owners)
                except FileUnreadable as trouble:
                    notes.append(trouble.problem)
                    continue
                for entry in record if isinstance(record, list) else ():
                    container = mapping(entry)
                    if container_id := text(container.get("id")):
                        found.setdefault(container_id, _entry(container))
    return found


def started(root: Path, container_id: str, owners: Collection[int]) -> Started | None:
    """The first process of a container by the file that conmon wrote for root's podman or CRI-O; None where there is none, or
    where it is not one of `owners`'.
    """
    places = (f"{store}/{driver}-containers" for store in reversed(SYSTEM_STORES) for driver in _DRIVERS)
    files = (by_pid_file(root, f"{place}/{container_id}/userdata/pidfile", owners) for place in places)
    return next((found for found in files if found), None)


def describe_crio(root: Path, container_id: str, owners: Collection[int] | None = None) -> Description | None:
    """Names of one container of CRI-O by its OCI configuration, None where there is none. Raises FileUnreadable, also for one
    that is not one of `owners`', where any are given.
    """
    for store in reversed(SYSTEM_STORES):
        for driver in _DRIVERS:
            path = f"{store}/{driver}-containers/{container_id}/userdata/config.json"
            record = read_json(root, path, owners=owners)
            if isinstance(record, dict):
                annotations = mapping(record.get("annotations"))
                return Description(
                    name=first(annotations, "io.kubernetes.container.name"),
                    image=first(annotations, _CRIO + "ImageName", _CRIO + "Image"),
                    pod=first(annotations, "io.kubernetes.pod.name"),
                    pod_namespace=first(annotations, "io.kubernetes.pod.namespace"),
                    sandbox=annotations.get(_CRIO + "ContainerType") == "sandbox",
                    begins=of_oci(record),
                )
    return None


def begins(
    root: Path, stores: Collection[str], container_id: str, owners: Collection[int] | None = None
) -> Begins | None:
    """What a container of podman's begins with, by the OCI configuration in one of these stores; None where there is none."""
    for store in stores:
        for driver in _DRIVERS:
            record = read_json(root, f"{store}/{driver}-containers/{container_id}/userdata/config.json", owners=owners)
            if isinstance(record, dict):
                return of_oci(record)
    return None


def _entry(container: Mapping[str, object]) -> Description:
    names = container.get("names")
    metadata = _embedded(container.get("metadata"))
    name = next((found for item in names if (found := text(item))), None) if isinstance(names, list) else None
    image = text(metadata.get("image-name"))
    return Description(
        name=name or text(metadata.get("name")),
        image=image,
        sandbox=bool(image and image.startswith("localhost/podman-pause:")),
    )


def _embedded(value: object) -> Mapping[str, object]:
    """The metadata of an entry is JSON inside a JSON string."""
    try:
        return mapping(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}
