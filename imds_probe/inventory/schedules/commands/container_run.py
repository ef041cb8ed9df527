"""Which image a command line of Docker, Podman or nerdctl runs, and what in it: docker-run(1), podman-run(1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.checks import words_of_option

ENGINES = frozenset(("docker", "podman", "nerdctl"))
_RUN = frozenset(("run", "create"))
# All other options have a value, which is the next word unless a sign of equality comes before it.
_WITHOUT_VALUE = frozenset(
    (
        *(
            "--detach",
            "--interactive",
            "--tty",
            "--rm",
            "--init",
            "--privileged",
            "--read-only",
            "--publish-all",
            "--quiet",
        ),
        *("--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--replace", "--no-hosts", "--tls-verify", "--rmi"),
        *("--disable-content-trust", "--systemd", "--http-proxy", "--env-host", "--no-hostname", "--use-api-socket"),
    )
)
# Options of which the last counts.
_SAID = {
    **dict.fromkeys(("-w", "--workdir"), "directory"),
    **dict.fromkeys(("--network", "--net"), "network"),
    **dict.fromkeys(("--health-cmd", "--no-healthcheck"), "check"),  # of which the second has no value
    "--entrypoint": "entry",
}
_LETTERS_WITHOUT_VALUE = frozenset("ditPq")
# Those of another network than one that the engine makes: the host's, that of a container which runs, none, and those of which a
# relay on the host asks in the container's place.
_SHARED_NETWORKS = frozenset(("host", "none", "container", "ns", "slirp4netns", "pasta"))
# Of the engine itself, before what it is to do.
_OF_ENGINE = frozenset(
    ("-H", "--host", "-c", "--context", "--config", "-l", "--log-level", "--root", "--runroot", "-n", "--namespace")
)


@dataclass(frozen=True)
class ImageRun:
    """A container that is started of an image. `words` are the `whole` command line, or what comes behind the image's own entry
    point; where there are none, the image has them. The rest is what is set for it; `directory` is empty where the image's own
    counts, and `engine` where no program of ENGINES starts it. `mounts` are paths of the host with where they lie in the container.
    `own_network`: the engine makes a network for it, behind a bridge of the host as a rule. `check` is what is run in it to see
    whether it is well; None where the image's own counts.
    """

    name: str
    words: tuple[str, ...] = ()
    whole: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    engine: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    own_network: bool = True
    check: tuple[str, ...] | None = None


def run_by(arguments: Sequence[str | None]) -> ImageRun | None:
    """What these arguments of an engine run; None where they run no image, or one that only running tells."""
    at = 0
    while at < len(arguments) and (arguments[at] or "").startswith("-"):
        at += 2 if arguments[at] in _OF_ENGINE else 1
    if at < len(arguments) and arguments[at] == "container":
        at += 1
    if at >= len(arguments) or arguments[at] not in _RUN:
        return None
    at += 1
    variables: dict[str, str] = {}
    mounts: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    while at < len(arguments) and (word := arguments[at] or "").startswith("-"):
        option, value, behind = _split(word)
        at += 1
        if behind:
            value, at = (arguments[at] or "") if at < len(arguments) else "", at + 1
        if option in ("-e", "--env"):
            name, assigned, text = value.partition("=")
            variables |= {name: text} if assigned else {}
        elif option in ("-v", "--volume", "--mount"):
            mounts += _mounted(value, by_name=option == "--mount")
        elif option in _SAID:
            said[_SAID[option]] = value
    if at >= len(arguments) or not arguments[at]:
        return None
    words = tuple(word or "" for word in arguments[at + 1 :])
    if said.get("entry"):
        words = (said["entry"], *words)
    return ImageRun(
        arguments[at] or "",
        words,
        "entry" in said,
        variables,
        said.get("directory", ""),
        mounts=tuple(mounts),
        own_network=has_own_network(said.get("network", "")),
        check=words_of_option(said["check"]) if "check" in said else None,
    )


def has_own_network(mode: str) -> bool:
    """Whether a container with this network is given one of its own."""
    return mode.partition(":")[0] not in _SHARED_NETWORKS


def _mounted(value: str, *, by_name: bool) -> list[tuple[str, str]]:
    """What is mounted where: "/on/host:/inside:ro", or by name "type=bind,src=/on/host,dst=/inside". A volume begins as what the
    image has there.
    """
    if by_name:
        said = dict(part.partition("=")[::2] for part in value.split(","))
        source = said.get("source") or said.get("src") or ""
        target = said.get("target") or said.get("destination") or said.get("dst") or ""
        pair = (source, target) if said.get("type") == "bind" else ("", "")
    else:
        source, _, behind = value.partition(":")
        pair = (source, behind.partition(":")[0])
    return [pair] if all(each.startswith("/") for each in pair) else []


def _split(word: str) -> tuple[str, str, bool]:
    """An option, its value, and whether that is the next word: "--name=x", "-dp 80:80", "-eA=1"."""
    if word.startswith("--"):
        option, sign, value = word.partition("=")
        return option, value, not sign and option not in _WITHOUT_VALUE and option != "--"
    for number, letter in enumerate(word[1:], 1):
        if letter not in _LETTERS_WITHOUT_VALUE:
            value = word[number + 1 :].removeprefix("=")
            return f"-{letter}", value, not value
    return word, "", False
