"""Pods that a kubelet starts of files on its disk (Kubernetes, "Create static Pods"), and what is run in containers of pods that a
server of k3s or RKE2 makes of such files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from imds_probe.inventory.schedules.commands.in_container import InContainer
from imds_probe.inventory.schedules.commands.trees import tree
from imds_probe.inventory.schedules.pods import Pod, pods_of, texts_of
from imds_probe.inventory.schedules.scheduled import AT_BOOT, Place, Scheduled, When
from imds_probe.inventory.schedules.system_files import SystemFiles

DIRECTORIES = (
    "/etc/kubernetes/manifests",
    "/var/lib/rancher/k3s/agent/pod-manifests",
    "/var/lib/rancher/rke2/agent/pod-manifests",
)
SERVED = ("/var/lib/rancher/k3s/server/manifests", "/var/lib/rancher/rke2/server/manifests")
KUBELET_CONFIGS = (
    "/var/lib/kubelet/config.yaml",
    "/etc/kubernetes/kubelet/kubelet-config.json",
    "/etc/kubernetes/kubelet/config.json",
)
MANIFESTS_MAX, SERVED_MAX_BYTES = 1000, 8 * 1024 * 1024
STATIC = "static pod"  # the kind of one that a kubelet starts, whose name has the host's behind it
_MARKS = ("exec", "command")  # of what is run in containers: most manifests have charts, which are long


def look(files: SystemFiles) -> Iterator[Scheduled]:
    """Each container of each pod: its image and its command, which is empty where the image has its own; and what is run in it by
    probes and hooks.
    """
    for directory in dict.fromkeys((*DIRECTORIES, *_configured(files))):
        named = [f"{directory}/{name}" for name in files.names(directory) if not name.startswith(".")]
        for path in files.files(files.some(directory, named, MANIFESTS_MAX, "manifests")):
            for pod in _pods(path, files.text(path) or "", files):
                for container in pod.containers:
                    yield from container.scheduled(Place(path), When("boot", AT_BOOT), own_network=pod.own_network)
                yield from _inside(pod, STATIC, path)
    for path in tree(SERVED, (".yaml", ".yml", ".json"), files):
        for pod in _pods(path, files.text(path, SERVED_MAX_BYTES) or "", files, marks=_MARKS):
            yield from _inside(pod, pod.kind, path)


def _pods(path: str, text: str, files: SystemFiles, marks: tuple[str, ...] = ()) -> Iterator[Pod]:
    for each in texts_of(text, path, files):
        if all(mark in each for mark in marks):
            yield from pods_of(files.yaml(each, path), path, files)


def _inside(pod: Pod, kind: str, path: str) -> Iterator[Scheduled]:
    """What is run in containers that run already. Where such a pod does not run, it runs on another host. The text of a static pod
    is searched with its image.
    """
    for container in pod.containers if pod.name else ():
        for words, when in container.done:
            name = pod.name if kind == "pod" else f"{kind}/{pod.name}"
            asked = InContainer("pod", name, words, inner=container.name, own_text=kind != STATIC)
            yield Scheduled((), Place(path), when.kind, when.how_often, when.every_s, asked=asked)


def _configured(files: SystemFiles) -> Iterator[str]:
    for path in KUBELET_CONFIGS:
        text = files.text(path)
        document = files.yaml(text, path) if text else None
        named = document.get("staticPodPath") if isinstance(document, dict) else None
        if isinstance(named, str) and named.startswith("/"):
            yield posixpath.normpath(named)
