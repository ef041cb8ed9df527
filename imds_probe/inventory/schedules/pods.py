"""Containers of pods as manifests have them, and what else is run in them. Source: Kubernetes, API reference, "Pod"."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.schedules.scheduled import AT_START, Place, Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles

CONTAINERS_MAX, WORDS_MAX, WORD_MAX, DOCUMENTS_MAX, ITEMS_MAX = 500, 200, 64 * 1024, 500, 500
PROBED, AT_STOP = "whenever the kubelet probes the container", "when the container is stopped"
PROBED_S = 10.0  # unless a probe says otherwise
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = {"postStart": AT_START, "preStop": AT_STOP}
_WORKLOADS = frozenset(("deployment", "daemonset", "statefulset", "replicaset", "replicationcontroller", "job"))
_BETWEEN = re.compile(r"^---(?:[ \t][^\n]{0,200})?$", re.MULTILINE)


@dataclass(frozen=True)
class PodContainer:
    """One container. `words` are the `whole` command line, or what comes behind the image's own entry point. `done` is what else
    is run in it, and when.
    """

    name: str
    image: str
    words: tuple[str, ...]
    whole: bool
    environment: Mapping[str, str]
    directory: str
    mounts: tuple[tuple[str, str], ...]
    done: tuple[tuple[tuple[str, ...], When], ...]

    def scheduled(self, place: Place, when: When, *, own_network: bool) -> Iterator[Scheduled]:
        """What it begins with, and all else that is run in it, by its image."""
        for words, whole, at in ((self.words, self.whole, when), *((words, True, at) for words, at in self.done)):
            yield Scheduled(
                words,
                place,
                at.kind,
                at.how_often,
                at.every_s,
                self.environment,
                self.directory,
                image=self.image,
                whole=whole,
                own_network=own_network,
                mounts=self.mounts,
            )


@dataclass(frozen=True)
class Pod:
    """One pod, or what makes some; `kind` is a word for it in small letters."""

    kind: str
    name: str
    own_network: bool
    containers: tuple[PodContainer, ...] = field(default=())


def texts_of(text: str, path: str, files: SystemFiles) -> Sequence[str]:
    """The documents in one file of YAML, as many as are read; JSON is one of these."""
    return files.some(path, [each for each in _BETWEEN.split(text) if each.strip()], DOCUMENTS_MAX, "documents")


def pods_of(document: object, path: str, files: SystemFiles) -> Iterator[Pod]:
    """The pods that a document describes, also those that a workload makes and those of a list. What names no kind is a pod."""
    if not isinstance(document, dict):
        return
    kind = str(document.get("kind") or "Pod").lower()
    items = document.get("items")
    if kind.endswith("list") and isinstance(items, list):
        for each in files.some(path, items, ITEMS_MAX, "items"):
            if isinstance(each, dict) and not str(each.get("kind") or "").lower().endswith("list"):
                yield from pods_of(each, path, files)
        return
    spec = _mapping(document.get("spec"))
    if kind == "cronjob":
        spec = _mapping(_mapping(spec.get("jobTemplate")).get("spec"))
    if kind in _WORKLOADS or kind == "cronjob":
        spec = _mapping(_mapping(spec.get("template")).get("spec"))
    elif kind != "pod":
        return
    name = _mapping(document.get("metadata")).get("name")
    found = [each for key in ("initContainers", "containers") for each in _containers(spec, key, path, files)]
    yield Pod(kind, name if isinstance(name, str) else "", spec.get("hostNetwork") is not True, tuple(found))


def _containers(spec: Mapping[str, object], key: str, path: str, files: SystemFiles) -> Iterator[PodContainer]:
    listed = spec.get(key)
    places = dict(_places(spec.get("volumes")))
    for container in files.some(path, listed, CONTAINERS_MAX, "containers") if isinstance(listed, list) else ():
        if not isinstance(container, dict):
            continue
        own = tuple(_words(container.get("command")))
        directory, image, name = container.get("workingDir"), container.get("image"), container.get("name")
        yield PodContainer(
            name[:WORD_MAX] if isinstance(name, str) else "",
            image[:WORD_MAX] if isinstance(image, str) else "",
            (*own, *_words(container.get("args"))),
            bool(own),
            dict(_variables(container.get("env"))),
            directory[:WORD_MAX] if isinstance(directory, str) else "",
            tuple(_mounts(container.get("volumeMounts"), places)),
            tuple(_done(container)),
        )


def _done(container: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], When]]:
    """Commands of probes, and of what is done when it starts and before it ends."""
    for key in _PROBES:
        probe = _mapping(container.get(key))
        period = probe.get("periodSeconds")
        every_s = float(period) if isinstance(period, int) and 0 < period < 1_000_000_000 else PROBED_S
        if words := tuple(_words(_mapping(probe.get("exec")).get("command"))):
            yield words, When("scheduled", PROBED, every_s)
    lifecycle = _mapping(container.get("lifecycle"))
    for key, how_often in _HOOKS.items():
        if words := tuple(_words(_mapping(_mapping(lifecycle.get(key)).get("exec")).get("command"))):
            yield words, When("scheduled", how_often)


def _places(volumes: object) -> Iterator[tuple[str, str]]:
    """Paths of the host, by the names of volumes."""
    for each in volumes[:WORDS_MAX] if isinstance(volumes, list) else ():
        volume = _mapping(each)
        name, path = volume.get("name"), _mapping(volume.get("hostPath")).get("path")
        if isinstance(name, str) and isinstance(path, str) and path.startswith("/"):
            yield name, path[:WORD_MAX]


def _mounts(listed: object, places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What of the host lies where in the container."""
    for each in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        mount = _mapping(each)
        name, target, below = mount.get("name"), mount.get("mountPath"), mount.get("subPath")
        if isinstance(name, str) and name in places and isinstance(target, str) and target.startswith("/"):
            inside = below if isinstance(below, str) else ""
            yield posixpath.normpath(posixpath.join(places[name], inside)), target[:WORD_MAX]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _variables(listed: object) -> Iterator[tuple[str, str]]:
    for each in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("value"), str):
            yield each["name"][:WORD_MAX], each["value"][:WORD_MAX]


def _words(listed: object) -> Iterator[str]:
    for word in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(word, str | int | float):
            yield str(word)[:WORD_MAX]
