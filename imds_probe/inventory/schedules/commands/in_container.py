"""Commands that an engine is told to run in a container that runs already: docker exec, docker compose run, kubectl exec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from imds_probe.dataclass import dataclass

Words = Sequence[str | None]
# What the name is that a container is found by: its own or its identity, its service's, its pod's.
By = Literal["container", "service", "pod"]


@dataclass(frozen=True)
class InContainer:
    """Without `words` the container itself is started again. `name` is None where only running tells which container it is,
    and `inner` is the container of a pod, empty where it has one. `is_new`: a container is made for it, of the same image.
    `environment` is what is set for the command. `own_text`: what the words ask by themselves stands nowhere else.
    """

    by: By
    name: str | None
    words: tuple[str, ...]
    directory: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    inner: str = ""
    is_new: bool = False
    own_text: bool = False


@dataclass(frozen=True)
class _Way:
    """`before` are options of the program before the `verbs`, and `valued` those behind them, that have a value in the next word.
    `short` are letters of options that have one, which may stand at the end of several. `by` as in InContainer.
    """

    by: By
    verbs: tuple[str, ...]
    before: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    directory: tuple[str, ...] = ("-w", "--workdir")
    variables: tuple[str, ...] = ("-e", "--env")
    inner: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


OF_DOCKER = (
    "-H",
    "--host",
    "-c",
    "--context",
    "--config",
    "-l",
    "--log-level",
    "--root",
    "--runroot",
    "-n",
    "--namespace",
)
_EXEC = ("-u", "--user", "--detach-keys", "--env-file", "--preserve-fds", "--pidfile", "--cidfile")
_ENGINE = _Way("container", ("exec",), (*OF_DOCKER, "--url", "--connection", "-a", "--address"), _EXEC)
COMPOSE = (
    *("-f", "--file", "-p", "--project-name", "--project-directory", "--profile", "--env-file", "--ansi", "--progress"),
    *("--parallel", "-H", "--host", "-c", "--context", "--podman-path", "--podman-args"),
)  # fmt: skip
_COMPOSE = _Way(
    "service",
    ("exec", "run"),
    COMPOSE,
    (
        *("-u", "--user", "--index", "--name", "-v", "--volume", "-p", "--publish", "-l", "--label", "--env-from-file"),
        *("--cap-add", "--cap-drop", "--pull", "--entrypoint"),
    ),
    new=("run",),
)  # fmt: skip
_KUBECTL = _Way(
    "pod",
    ("exec",),
    (
        *("-n", "--namespace", "--kubeconfig", "--context", "--cluster", "--user", "-s", "--server", "--token", "--as"),
        *("--request-timeout", "--cache-dir", "-v"),
    ),
    ("-n", "--namespace", "--kubeconfig", "--context", "--pod-running-timeout", "-f", "--filename"),
    directory=(),
    variables=(),
    inner=("-c", "--container"),
)
_CRICTL = _Way(
    "container",
    ("exec",),
    ("-c", "--config", "-r", "--runtime-endpoint", "-i", "--image-endpoint", "-t", "--timeout"),
    ("--timeout", "--transport", "-r"),
    directory=(),
    variables=("-e", "--env"),
)
_CTR = _Way(
    "container",
    ("exec",),
    ("-a", "--address", "-n", "--namespace", "--timeout", "--connect-timeout"),
    ("--exec-id", "--cwd", "-u", "--user", "--fifo-dir", "--log-uri"),
    directory=("--cwd",),
    variables=(),
)
_LXC = _Way(
    "container",
    ("exec",),
    ("--project",),
    ("--mode", "--user", "--group", "--project"),
    directory=("--cwd",),
    variables=("--env",),
)
WAYS: Mapping[str, _Way] = {
    **dict.fromkeys(("docker", "podman", "nerdctl"), _ENGINE),
    **dict.fromkeys(("docker-compose", "podman-compose"), _COMPOSE),
    **dict.fromkeys(("kubectl", "oc", "microk8s.kubectl"), _KUBECTL),
    "crictl": _CRICTL,
    **dict.fromkeys(("ctr", "microk8s.ctr"), _CTR),
    **dict.fromkeys(("lxc", "incus"), _LXC),
}
# They have others of these programs in themselves, behind their own name.
_WITHIN = frozenset(("k3s", "rke2", "microk8s", "k0s"))
# The verb may have its subject before it: "docker container exec", "ctr tasks exec".
_SUBJECTS = ("container", "containers", "task", "tasks", "t")
_AGAIN, NAMES_MAX = ("start", "restart"), 50
_COMPOSE_WORDS = ("compose",)
_ATTACH = ("-n", "--name", "-P", "--lxcpath", "-f", "--rcfile", "-L", "-u", "--uid", "-g", "--gid", "-v", "--set-var")
_SHELL = ("--uid", "-E", "--setenv", "-H", "--host", "-M", "--machine", "--kill-whom")
_MORE_LETTERS = frozenset("dituqT")  # options without a value


def in_container(program: str, arguments: Words) -> InContainer | None:
    """What a program of this name is told to run in a container; None where it is told nothing of the kind."""
    if program in _WITHIN and arguments and arguments[0]:
        program, arguments = arguments[0], arguments[1:]
    if program == "lxc-attach":
        return _attached(arguments)
    if program == "machinectl":
        return _of_machine(arguments)
    way = WAYS.get(program)
    if way is None:
        return None
    at, _ = options(arguments, 0, way.before)
    if way is _ENGINE and at < len(arguments) and arguments[at] in _COMPOSE_WORDS:
        way = _COMPOSE
        at, _ = options(arguments, at + 1, way.before)
    if at < len(arguments) and arguments[at] in _SUBJECTS:
        at += 1
    if at >= len(arguments) or arguments[at] not in way.verbs:
        return None
    verb = arguments[at]
    at, said = options(arguments, at + 1, (*way.valued, *way.directory, *way.variables, *way.inner))
    if at >= len(arguments):
        return None
    name = arguments[at] or None
    if name is not None and name.startswith("/"):  # of a name that only running tells nothing was left
        name, at = None, at - 1
    if way.inner:  # more options may come behind a pod's name, up to "--"
        at, more = options(arguments, at + 1, (*way.valued, *way.inner))
        said += more
    else:
        at += 1
    rest = arguments[at:]
    words = tuple(word or "" for word in (rest[1:] if rest[:1] in (("--",), ["--"]) else rest))
    entry = _last(said, ("--entrypoint",)) if verb in way.new else ""
    words = (entry, *words) if entry else words
    if not words and verb not in way.new:
        return None
    pairs = (value.partition("=") for option, value in said if option in way.variables)
    return InContainer(
        way.by,
        name,
        words,
        _last(said, way.directory),
        {variable: value for variable, sign, value in pairs if sign},
        _last(said, way.inner),
        verb in way.new,
    )


def started_again(program: str, arguments: Words) -> list[InContainer]:
    """The containers that an engine is told to start again, without a command: docker start, podman restart."""
    way = WAYS.get(program)
    if way is not _ENGINE:
        return []
    at, _ = options(arguments, 0, way.before)
    at += at < len(arguments) and arguments[at] in _SUBJECTS
    if at >= len(arguments) or arguments[at] not in _AGAIN:
        return []
    at, _ = options(arguments, at + 1, ("-t", "--time", "-s", "--signal", "--detach-keys", "--filter"))
    return [InContainer("container", name or None, ()) for name in arguments[at : at + NAMES_MAX]]


def _last(said: Sequence[tuple[str, str]], options: Sequence[str]) -> str:
    return next((value for option, value in reversed(said) if option in options), "")


def options(arguments: Words, at: int, valued: Sequence[str]) -> tuple[int, list[tuple[str, str]]]:
    """Where the options end that begin there, and those that have a value: "--user app", "-uapp", "-itu app", "--env=A=b"."""
    said: list[tuple[str, str]] = []
    while at < len(arguments) and (word := arguments[at] or "").startswith("-") and word not in ("-", "--"):
        at += 1
        option, sign, value = word.partition("=")
        if not option.startswith("--") and option != "-":
            letters = option[1:]
            own = next(
                (number for number, each in enumerate(letters) if each not in _MORE_LETTERS or f"-{each}" in valued),
                None,
            )
            if own is None or (len(letters) > 1 and option in valued):
                own = 0
            option, behind = f"-{letters[own]}", word[own + 2 :].removeprefix("=")
            sign, value = ("=", behind) if behind else ("", "")
        if option in valued:
            if not sign:
                value, at = (arguments[at] or "") if at < len(arguments) else "", at + 1
            said.append((option, value))
    return at, said


def _attached(arguments: Words) -> InContainer | None:
    """lxc-attach -n NAME -- COMMAND"""
    at, said = options(arguments, 0, _ATTACH)
    name = _last(said, ("-n", "--name"))
    at += at < len(arguments) and arguments[at] == "--"
    words = tuple(word or "" for word in arguments[at:])
    unknown = any(option in ("-n", "--name") for option, _ in said)
    return InContainer("container", name or None, words) if words and (name or unknown) else None


def _of_machine(arguments: Words) -> InContainer | None:
    """machinectl shell [USER@]NAME [PATH [ARGUMENT...]]"""
    at, _ = options(arguments, 0, _SHELL)
    if at >= len(arguments) or arguments[at] != "shell":
        return None
    at, said = options(arguments, at + 1, _SHELL)
    if at >= len(arguments):
        return None
    name = arguments[at]
    words = tuple(word or "" for word in arguments[at + 1 :])
    pairs = (value.partition("=") for option, value in said if option in ("-E", "--setenv"))
    environment = {variable: value for variable, sign, value in pairs if sign}
    within = None if name is None else name.rpartition("@")[2]
    return InContainer("container", within, words, environment=environment) if words and within != ".host" else None
