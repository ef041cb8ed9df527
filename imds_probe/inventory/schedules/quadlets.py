"""Containers and pods that systemd starts of Podman's own unit files: quadlet(5), podman-systemd.unit(5)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.inventory.code import unread
from imds_probe.inventory.containers.checks import WHEN_CHECKED, words_of_option
from imds_probe.inventory.schedules.commands.container_run import has_own_network
from imds_probe.inventory.schedules.pods import pods_of, texts_of
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles
from imds_probe.inventory.schedules.systemd.activation import Activations
from imds_probe.inventory.schedules.systemd.exec_words import split
from imds_probe.inventory.schedules.systemd.syntax import Assignment, assignments
from imds_probe.inventory.schedules.systemd.unit_files import UnitFiles

DIRECTORIES = ("/etc/containers/systemd", "/run/containers/systemd", "/usr/share/containers/systemd")
USERS = "users"  # below these, a directory for the systemd of each user
FILES_MAX, DIRECTORIES_MAX = 1000, 500
ENDS = (".container", ".kube", ".pod", ".image", ".build")
_WANTED = ("WantedBy", "RequiredBy", "UpheldBy")
_OF_FILES = {".image": ("Image", "Image"), ".build": ("Build", "ImageTag")}  # which name the image in another file
_STARTING = {".container": "Container", ".kube": "Kube"}


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """The image and the command of each that something starts, once for each way in which it is started."""
    there = files_there(DIRECTORIES, files, aside=(USERS,))
    if any(name.endswith(tuple(_STARTING)) for name in there):
        found = Activations(UnitFiles(files)).found
        yield from started(there, lambda unit: found.get(unit, ()), When("boot", AT_BOOT), files)


def started(
    there: Mapping[str, str], whens: Callable[[str], Iterable[When]], by_boot: When, files: SystemFiles
) -> Iterator[Scheduled]:
    """The same of these files by their names. `whens` says what starts a unit, and `by_boot` when one is that is installed."""
    for name, path in there.items():
        section = _STARTING.get(posixpath.splitext(name)[1])
        if section is None:
            continue
        said = _said(path, files)
        pod = there.get(_last(said, section, "Pod"), "")
        wanted = [*said, *(_said(pod, files) if pod else ())]
        unit = _last(said, section, "ServiceName") or posixpath.splitext(name)[0]
        ways = list(whens(f"{unit}.service"))
        if any(each.section == "Install" and each.key in _WANTED and each.value for each in wanted):
            ways.append(by_boot)
        for when in dict.fromkeys(ways):
            if section == "Kube":
                yield from _of_pods(said, path, when, files)
            else:
                yield from _started(said, path, when, there, files)


def files_there(directories: Sequence[str], files: SystemFiles, aside: Sequence[str] = ()) -> dict[str, str]:
    """All files by their names, with what drop-ins of theirs lie beside them; what stands in an earlier directory counts. Those of
    directories below them are as good, but for what is `aside`.
    """
    found: dict[str, str] = {}
    for top in directories:
        waiting = [top]
        for directory in waiting:
            names = [name for name in files.names(directory) if not name.startswith(".") and name not in aside]
            named = [f"{directory}/{name}" for name in names if name.endswith(ENDS)]
            for path in files.files(files.some(directory, named, FILES_MAX, "files")):
                found.setdefault(posixpath.basename(path), path)
            of_one = posixpath.basename(directory) == USERS  # who is told by his number, and finds it by himself
            waiting += [f"{directory}/{name}" for name in names if "." not in name and not (of_one and name.isdigit())]
            if len(waiting) > DIRECTORIES_MAX:
                files.leave_out(top, unread.MORE, f"{top} has more than {DIRECTORIES_MAX} directories")
                break
    return found


def _said(path: str, files: SystemFiles) -> list[Assignment]:
    """What a file says, and its drop-ins."""
    said = list(assignments(files.text(path) or "", path))
    for name in files.names(f"{path}.d"):
        if name.endswith(".conf"):
            said += assignments(files.text(f"{path}.d/{name}") or "", f"{path}.d/{name}")
    return said


def _started(
    said: Sequence[Assignment], path: str, when: When, there: Mapping[str, str], files: SystemFiles
) -> Iterator[Scheduled]:
    image = _last(said, "Container", "Image")
    section, key = _OF_FILES.get(posixpath.splitext(image)[1], ("", ""))
    if section and image in there:
        image = _last(_said(there[image], files), section, key)
    entry = tuple(split(_last(said, "Container", "Entrypoint")))
    line = next((each.line for each in said if each.section == "Container" and each.key == "Image"), None)
    check = _last(said, "Container", "HealthCmd")
    mounts = (each.value for each in said if (each.section, each.key) == ("Container", "Volume"))
    begins = Scheduled(
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
        mounts=tuple(_mounted(mounts)),
        check=() if check else None,
    )
    yield begins
    if words := words_of_option(check):
        yield replace(begins, command=words, kind="scheduled", how_often=WHEN_CHECKED, every_s=None, whole=True)


def _of_pods(said: Sequence[Assignment], path: str, when: When, files: SystemFiles) -> Iterator[Scheduled]:
    """The containers of the pods in the files of YAML that are named: podman-kube-play(1)."""
    own_network = has_own_network(_last(said, "Kube", "Network"))
    for each in said:
        if (each.section, each.key) != ("Kube", "Yaml"):
            continue
        named = posixpath.normpath(posixpath.join(posixpath.dirname(path), each.value.strip("\"'")))
        if not files.has_file(named):
            files.leave_out(path, unread.NO_SCRIPT, f"{path} names pods in {named}, which is not there")
        yield from of_manifest(named, when, files, own_network=own_network)


def of_manifest(path: str, when: When, files: SystemFiles, *, own_network: bool = True) -> Iterator[Scheduled]:
    """All containers of the pods in one file."""
    for text in texts_of(files.text(path) or "", path, files):
        for pod in pods_of(files.yaml(text, path), path, files):
            for container in pod.containers:
                yield from container.scheduled(Place(path), when, own_network=own_network and pod.own_network)


def _mounted(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Paths of the host with where they lie in the container: "/here:/there:ro"."""
    for value in values:
        here, _, behind = value.partition(":")
        there = behind.partition(":")[0]
        if here.startswith("/") and there.startswith("/"):
            yield here, there


def _variables(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    for value in values:
        for word in split(value):
            name, sign, text = word.partition("=")
            if sign and name:
                yield name, text


def _last(said: Sequence[Assignment], section: str, key: str) -> str:
    return next((each.value for each in reversed(said) if (each.section, each.key) == (section, key)), "")
