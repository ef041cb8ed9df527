"""The pods that podman makes of a file as Kubernetes has them: podman-kube-play(1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imds_probe.inventory.schedules.commands.container_run import ImageRun, has_own_network
from imds_probe.inventory.schedules.commands.in_container import OF_DOCKER, options
from imds_probe.inventory.schedules.pods import pods_of, texts_of
from imds_probe.inventory.schedules.system_files import SystemFiles

_VALUED = (
    *("--annotation", "--authfile", "--cert-dir", "--configmap", "--context-dir", "--creds", "--ip", "--log-driver", "--log-opt"),
    *("--mac-address", "--network", "--publish", "--seccomp-profile-root", "--userns", "--log-level", "--root", "--runroot"),
)  # fmt: skip
_ENGINE = (*OF_DOCKER, "--url", "--connection")
_VERBS = (("kube", "play"), ("play", "kube"))


def played(program: str, arguments: Sequence[str | None]) -> tuple[str | None, bool] | None:
    """The file of which pods are made, None where only running tells it, and whether these get a network of their own; None of
    another command.
    """
    if program != "podman":
        return None
    at, _ = options(arguments, 0, _ENGINE)
    if tuple(arguments[at : at + 2]) not in _VERBS:
        return None
    at, said = options(arguments, at + 2, _VALUED)
    network = next((value for option, value in reversed(said) if option == "--network"), "")
    if at >= len(arguments) or any(word in ("--down", "--help") for word in arguments):
        return None
    name = arguments[at]
    is_file = name is not None and name != "-" and "://" not in name
    return (name if is_file else None), has_own_network(network)


def runs(path: str, files: SystemFiles, *, own_network: bool) -> Iterator[ImageRun]:
    """Each container of these pods, and what else is run in it."""
    for text in texts_of(files.text(path) or "", path, files):
        for pod in pods_of(files.yaml(text, path), path, files):
            own = own_network and pod.own_network
            for each in pod.containers:
                ways = ((each.words, each.whole), *((words, True) for words, _ in each.done))
                for words, whole in ways if each.image else ():
                    said = words, whole, each.environment, each.directory
                    yield ImageRun(each.image, *said, "podman", each.mounts, own_network=own, check=())
