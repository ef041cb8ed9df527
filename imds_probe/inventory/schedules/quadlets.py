"""Containers that systemd starts of Podman's own unit files: quadlet(5), podman-systemd.unit(5)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from imds_probe.inventory.schedules.commands.container_run import has_own_network
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.activation import Activations
from imds_probe.inventory.schedules.systemd.exec_words import split
from imds_probe.inventory.schedules.systemd.syntax import Assignment, assignments
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

DIRECTORIES = ("/etc/containers/systemd", "/run/containers/systemd", "/usr/share/containers/systemd")
FILES_MAX = 200
_WANTED = ("WantedBy", "RequiredBy", "UpheldBy")
_OF_FILES = {".image": ("Image", "Image"), ".build": ("Build", "ImageTag")}  # which name the image in another file


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """The image and the command of each that something starts, once for each way in which it is started."""
    there = dict(_there(files))
    containers = [name for name in there if name.endswith(".container")]
    found = Activations(UnitFiles(files)).found if containers else {}
    for name in containers:
        path = there[name]
        said = list(assignments(files.text(path) or "", path))
        stem = _last(said, "Container", "ServiceName") or name.removesuffix(".container")
        pod = there.get(_last(said, "Container", "Pod"), "")
        wanted = [*said, *(assignments(files.text(pod) or "", pod) if pod else ())]
        whens = list(found.get(f"{stem}.service", ()))
        if any(each.section == "Install" and each.key in _WANTED and each.value for each in wanted):
            whens.append(When("boot", AT_BOOT))
        for when in dict.fromkeys(whens):
            yield _started(said, path, when, there, files)


def _there(files: SystemFiles) -> Iterator[tuple[str, str]]:
    """All files by their names; what stands in an earlier directory counts."""
    known: set[str] = set()
    for directory in DIRECTORIES:
        new = [name for name in files.names(directory)[:FILES_MAX] if name not in known]
        known.update(new)
        yield from ((posixpath.basename(path), path) for path in files.files([f"{directory}/{name}" for name in new]))


def _started(said: Sequence[Assignment], path: str, when: When, there: dict[str, str], files: SystemFiles) -> Scheduled:
    image = _last(said, "Container", "Image")
    section, key = _OF_FILES.get(posixpath.splitext(image)[1], ("", ""))
    if section and image in there:
        other = there[image]
        image = _last(list(assignments(files.text(other) or "", other)), section, key)
    entry = tuple(split(_last(said, "Container", "Entrypoint")))
    line = next((each.line for each in said if each.section == "Container" and each.key == "Image"), None)
    return Scheduled(
        (*entry, *split(_last(said, "Container", "Exec"))),
        Place(path, line),
        when.kind,
        when.how_often,
        when.every_s,
        dict(_variables(each.value for each in said if (each.section, each.key) == ("Container", "Environment"))),
        _last(said, "Container", "WorkingDir"),
        image=image,
        whole=bool(entry),
        own_network=has_own_network(_last(said, "Container", "Network")),
    )


def _variables(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        for word in split(value):
            name, sign, text = word.partition("=")
            if sign and name:
                yield name, text


def _last(said: Sequence[Assignment], section: str, key: str) -> str:
    return next((each.value for each in reversed(said) if (each.section, each.key) == (section, key)), "")
