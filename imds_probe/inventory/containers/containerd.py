"""containerd's bundles: STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json, an OCI runtime configuration.

The annotations are those of its CRI plugin (containerd, pkg/cri/annotations) and of nerdctl (pkg/labels).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from imds_probe.inventory.containers.description import Description, first, mapping, of_oci, service_of, text
from imds_probe.inventory.containers.started import by_pid_file
from imds_probe.system.rootfs import FileUnreadable, names, read_json

STATES = (
    "/run/containerd",
    "/run/k3s/containerd",  # k3s and RKE2
    "/var/snap/microk8s/common/run/containerd",
    "/run/docker/containerd/daemon",  # where dockerd starts one of its own
)
_RUNTIMES = ("io.containerd.runtime.v2.task", "io.containerd.runtime.v1.linux")
_CRI = "io.kubernetes.cri."


def bundles(root: Path, notes: list[str]) -> Mapping[tuple[str, str], str]:
    """All bundles there are: (namespace, container id) to the directory. What cannot be listed is said in `notes`."""
    found: dict[tuple[str, str], str] = {}
    for state in STATES:
        for runtime in _RUNTIMES:
            place = f"{state}/{runtime}"
            try:
                for namespace in names(root, place):
                    for container_id in names(root, f"{place}/{namespace}"):
                        found.setdefault((namespace, container_id), f"{place}/{namespace}/{container_id}")
            except FileUnreadable as trouble:
                notes.append(trouble.problem)
    return found


def describe(root: Path, bundle: str, owners: Collection[int] | None = None) -> Description | None:
    """Names of the container with this bundle, None where it has no configuration. Raises FileUnreadable, also for one that is
    not one of `owners`', where any are given.
    """
    record = read_json(root, f"{bundle}/config.json", owners=owners)
    if not isinstance(record, dict):
        return None
    annotations = mapping(record.get("annotations"))
    sandbox = annotations.get(_CRI + "container-type") == "sandbox"
    return Description(
        name=first(annotations, _CRI + "container-name", "nerdctl/name") or ("POD" if sandbox else None),
        image=text(annotations.get(_CRI + "image-name")),
        pod=text(annotations.get(_CRI + "sandbox-name")),
        pod_namespace=text(annotations.get(_CRI + "sandbox-namespace")),
        sandbox=sandbox,
        started=by_pid_file(root, f"{bundle}/init.pid", owners or ()),
        begins=of_oci(record),
        service=service_of(annotations),
    )
