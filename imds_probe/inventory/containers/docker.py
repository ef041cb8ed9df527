"""Docker's own records: DATA-ROOT/containers/ID/config.v2.json. Seen with Docker 20.10; the layout is since 1.10."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from imds_probe.inventory.containers.checks import checks_of
from imds_probe.inventory.containers.description import (
    Begins,
    Description,
    begins_with,
    first,
    mapping,
    service_of,
    text,
)
from imds_probe.inventory.containers.started import by_words
from imds_probe.system.rootfs import FileUnreadable, names, read_json

DEFAULT_ROOTS = ("/var/lib/docker", "/var/snap/docker/common/var-lib-docker")
ROOTLESS = ".local/share/docker"  # below the home of whoever runs it
_REMAPPED = re.compile(r"\d+\.\d+")  # userns-remap keeps everything in DATA-ROOT/UID.GID
_ECS_PAUSE = "~internal~ecs~pause"


def data_roots(
    root: Path,
    commands: Iterable[Sequence[str]] = (),
    notes: list[str] | None = None,
    owners: Collection[int] | None = None,
) -> tuple[str, ...]:
    """Where Docker keeps its data: /etc/docker/daemon.json, the given command lines of dockerd, and the defaults.

    Trouble with daemon.json is appended to `notes`, also that it is not one of `owners`', where any are given.
    """
    found: list[str] = []
    for command in commands:
        found += _from_command(command)
    try:
        settings = mapping(read_json(root, "/etc/docker/daemon.json", owners=owners))
        found += [place for key in ("data-root", "graph") if (place := text(settings.get(key)))]
    except FileUnreadable as trouble:
        if notes is not None:
            notes.append(trouble.problem)
    return tuple(dict.fromkeys([*found, *DEFAULT_ROOTS]))


def describe(
    root: Path, places: Iterable[str], container_id: str, owners: Collection[int] | None = None
) -> Description | None:
    """Names of one container; None where Docker has no record of it. Raises FileUnreadable, also for a record that is not one
    of `owners`', where any are given.
    """
    for place in places:
        path = f"containers/{container_id}/config.v2.json"
        record = read_json(root, f"{place}/{path}", owners=owners)
        if record is None:
            for name in names(root, place):
                if _REMAPPED.fullmatch(name):
                    record = record or read_json(root, f"{place}/{name}/{path}", owners=owners)
        if isinstance(record, dict):
            return _description(record)
    return None


def _description(record: dict[str, object]) -> Description:
    config, state = mapping(record.get("Config")), mapping(record.get("State"))
    labels = mapping(config.get("Labels"))
    name = (text(record.get("Name")) or "").lstrip("/")
    container = first(labels, "io.kubernetes.container.name", "com.amazonaws.ecs.container-name")
    return Description(
        runtime=None,
        # With labels of an orchestrator, Docker's own name is a compound of things that stand elsewhere.
        name=container or name or None,
        image=text(config.get("Image")),
        pod=first(labels, "io.kubernetes.pod.name"),
        pod_namespace=first(labels, "io.kubernetes.pod.namespace"),
        sandbox=labels.get("io.kubernetes.docker.type") == "podsandbox" or container == _ECS_PAUSE,
        started=by_words(state.get("Pid"), state.get("StartedAt")),
        begins=_begins(record, config),
        called=name or None,
        service=service_of(labels),
        checks=tuple(checks_of(config)),
    )


def _begins(record: dict[str, object], config: Mapping[str, object]) -> Begins | None:
    """Its entry point and command as Docker has put them together."""
    arguments = record.get("Args")
    return begins_with(
        [record.get("Path"), *(arguments if isinstance(arguments, list) else ())], config.get("WorkingDir")
    )


def _from_command(command: Sequence[str]) -> list[str]:
    found = []
    for index, argument in enumerate(command):
        option, equals, value = argument.partition("=")
        if option in ("--data-root", "--graph", "-g"):
            value = value if equals else next(iter(command[index + 1 :]), "")
            if value.startswith("/"):
                found.append(value)
    return found
