"""Containers that Docker starts again when it starts itself, and that do not run now: "Start containers automatically" in Docker's
documentation. Docker keeps each in DATA-ROOT/containers/ID, with a restart policy in hostconfig.json.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace

from imds_probe.inventory.containers.checks import WHEN_CHECKED, checks_of
from imds_probe.inventory.containers.docker import DEFAULT_ROOTS
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

DAEMON = "/etc/docker/daemon.json"
CONTAINERS_MAX, WORDS_MAX, WORD_MAX = 1000, 200, 64 * 1024
_SHARED_NETWORKS = ("host", "none", "container")


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each of these containers: its image and its command."""
    for directory in _directories(files):
        named = [f"{directory}/{name}/hostconfig.json" for name in files.names(directory)]
        for path in files.files(files.some(directory, named, CONTAINERS_MAX, "containers")):
            settings = _object(files, path)
            policy = _object_in(settings, "RestartPolicy").get("Name")
            if policy in ("always", "unless-stopped", "on-failure"):
                record = f"{posixpath.dirname(path)}/config.v2.json"
                yield from _container(_object(files, record), settings, policy, record, of_image=files.of_image)


def _directories(files: SystemFiles) -> tuple[str, ...]:
    settings = _object(files, DAEMON)
    own = [place for key in ("data-root", "graph") if isinstance(place := settings.get(key), str)]
    roots = (posixpath.normpath(each) for each in own if each.startswith("/"))
    return tuple(dict.fromkeys(f"{each}/containers" for each in (*roots, *DEFAULT_ROOTS)))


def _container(
    record: Mapping[str, object], settings: Mapping[str, object], policy: str, path: str, *, of_image: bool
) -> Iterator[Scheduled]:
    """What ran while an image was made of the instance is not found by its processes, and has not ended by itself."""
    state, config = _object_in(record, "State"), _object_in(record, "Config")
    runs = state.get("Running") is True
    stopped = policy == "unless-stopped" and record.get("HasBeenManuallyStopped") is True
    succeeded = policy == "on-failure" and state.get("ExitCode") == 0 and not runs
    if not record or (runs and not of_image) or stopped or succeeded:
        return
    image, program, directory = config.get("Image"), record.get("Path"), config.get("WorkingDir")
    mode = settings.get("NetworkMode")
    begins = Scheduled(
        (*_words([program]), *_words(record.get("Args"))),
        Place(path),
        "boot",
        AT_BOOT,
        environment=dict(_variables(config.get("Env"))),
        directory=directory[:WORD_MAX] if isinstance(directory, str) else "",
        image=image[:WORD_MAX] if isinstance(image, str) else "",
        whole=True,
        own_network=not isinstance(mode, str) or mode.partition(":")[0] not in _SHARED_NETWORKS,
        mounts=tuple(_mounted(_object_in(record, "MountPoints"))),
    )
    yield begins
    for check in checks_of(config):
        yield replace(begins, command=check.words, kind="scheduled", how_often=WHEN_CHECKED, every_s=check.every_s)


def _mounted(points: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What of the host lies where in the container: directories and volumes."""
    for there, point in list(points.items())[:WORDS_MAX]:
        here = point.get("Source") if isinstance(point, dict) else None
        if isinstance(here, str) and here.startswith("/") and there.startswith("/"):
            yield here[:WORD_MAX], there[:WORD_MAX]


def _object(files: SystemFiles, path: str) -> Mapping[str, object]:
    """That in a file of JSON; empty of what is none."""
    text = files.text(path)
    try:
        document = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        files.say(f"{path} is not JSON")
        return {}
    return document if isinstance(document, dict) else {}


def _object_in(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _variables(listed: object) -> Iterator[tuple[str, str]]:
    for each in _words(listed):
        name, sign, value = each.partition("=")
        if sign and name:
            yield name, value


def _words(listed: object) -> Iterator[str]:
    for word in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(word, str) and word:
            yield word[:WORD_MAX]
