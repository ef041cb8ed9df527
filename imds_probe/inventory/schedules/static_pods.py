"""Pods that a kubelet starts of files on its disk: Kubernetes, "Create static Pods"."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled
from imds_probe.inventory.schedules.system_files import SystemFiles

DIRECTORIES = (
    "/etc/kubernetes/manifests",
    "/var/lib/rancher/k3s/agent/pod-manifests",
    "/var/lib/rancher/rke2/agent/pod-manifests",
)
KUBELET_CONFIGS = (
    "/var/lib/kubelet/config.yaml",
    "/etc/kubernetes/kubelet/kubelet-config.json",
    "/etc/kubernetes/kubelet/config.json",
)
CONTAINERS_MAX, WORDS_MAX, WORD_MAX = 50, 200, 64 * 1024
MANIFESTS_MAX = 200


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each container of each pod: its image and its command, which is empty where the image has its own."""
    for directory in dict.fromkeys((*DIRECTORIES, *_configured(files))):
        named = [f"{directory}/{name}" for name in files.names(directory) if not name.startswith(".")]
        for path in files.files(named[:MANIFESTS_MAX]):
            document = _document(files, path)
            spec = document.get("spec") if isinstance(document, dict) else None
            if isinstance(spec, dict):
                for key in ("initContainers", "containers"):
                    yield from _containers(spec.get(key), path, own_network=spec.get("hostNetwork") is not True)


def _configured(files: SystemFiles) -> Iterator[str]:
    for path in KUBELET_CONFIGS:
        document = _document(files, path)
        named = document.get("staticPodPath") if isinstance(document, dict) else None
        if isinstance(named, str) and named.startswith("/"):
            yield posixpath.normpath(named)


def _document(files: SystemFiles, path: str) -> object:
    text = files.text(path)
    return files.yaml(text, path) if text else None


def _containers(listed: object, path: str, *, own_network: bool) -> Iterator[Scheduled]:
    for container in listed[:CONTAINERS_MAX] if isinstance(listed, list) else ():
        if not isinstance(container, dict):
            continue
        image = container.get("image")
        own = tuple(_words(container.get("command")))
        command = (*own, *_words(container.get("args")))
        directory = container.get("workingDir")
        yield Scheduled(
            command,
            Place(path),
            "boot",
            AT_BOOT,
            environment=dict(_variables(container.get("env"))),
            directory=directory[:WORD_MAX] if isinstance(directory, str) else "",
            image=image[:WORD_MAX] if isinstance(image, str) else "",
            whole=bool(own),
            own_network=own_network,
        )


def _variables(listed: object) -> Iterator[tuple[str, str]]:
    for each in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("value"), str):
            yield each["name"][:WORD_MAX], each["value"][:WORD_MAX]


def _words(listed: object) -> Iterator[str]:
    for word in listed[:WORDS_MAX] if isinstance(listed, list) else ():
        if isinstance(word, str | int | float):
            yield str(word)[:WORD_MAX]
