"""What Compose runs of a project's file: compose-spec. Variables in it have the value that the command line's environment gives."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from imds_probe.dataclass import dataclass
from imds_probe.inventory.containers.checks import words_of
from imds_probe.inventory.schedules.commands.container_run import ImageRun, has_own_network
from imds_probe.inventory.schedules.commands.in_container import COMPOSE, OF_DOCKER, options
from imds_probe.inventory.schedules.system_files import SystemFiles

FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
PROGRAMS = frozenset(("docker-compose", "podman-compose"))
FILES_MAX, SERVICES_MAX, WORDS_MAX, WORD_MAX = 50, 500, 200, 64 * 1024
_UP = ("up", "run", "create", "start", "restart")
_OF_UP = (
    *(
        "--scale",
        "--timeout",
        "-t",
        "--wait-timeout",
        "--exit-code-from",
        "--attach",
        "--no-attach",
        "--pull",
        "--menu",
    ),
    *("-e", "--env", "-u", "--user", "-w", "--workdir", "--name", "-v", "--volume", "-p", "--publish", "-l", "--label"),
)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w{0,60})(?:(:?[-?])([^{}$]{0,500}))?\}|([A-Za-z_]\w{0,60})|(\$))")


@dataclass(frozen=True)
class Service:
    """One that is started. `run` is None where only running tells its image."""

    name: str
    run: ImageRun | None


def services(
    program: str, arguments: Sequence[str | None], directory: str, environment: Mapping[str, str], files: SystemFiles
) -> list[Service] | None:
    """Those that a command line starts; None where it starts none. A service that is not in the file has no run either, and where
    the file is not found, there is one without a name.
    """
    if program not in PROGRAMS:
        at, _ = options(arguments, 0, OF_DOCKER) if program in ("docker", "podman", "nerdctl") else (len(arguments), [])
        if at >= len(arguments) or arguments[at] != "compose":
            return None
        arguments = arguments[at + 1 :]
    at, said = options(arguments, 0, COMPOSE)
    if at >= len(arguments) or arguments[at] not in _UP:
        return None
    verb = arguments[at]
    at, _ = options(arguments, at + 1, _OF_UP)
    named = [word or "" for word in arguments[at : at + 1 if verb == "run" else None]]
    given = [value for option, value in said if option in ("-f", "--file")]
    place = next((value for option, value in said if option == "--project-directory"), "")
    project = next((value for option, value in said if option in ("-p", "--project-name")), "")
    there = _files(given, directory, files)
    if not there:
        return [Service(each, None) for each in named or [""]]
    at_home = posixpath.normpath(posixpath.join(directory, place)) if place else posixpath.dirname(there[0])
    variables = {**dict(_of_file(files.text(f"{at_home}/.env") or "")), **environment}
    project = project or variables.get("COMPOSE_PROJECT_NAME", "") or _name_of(at_home)
    known = _known(there, files)
    wanted = named or [name for name, each in known.items() if not each.get("profiles")]
    found = [
        _service(name, known.get(name), (project, at_home), variables)
        for name in files.some(there[0], wanted, SERVICES_MAX, "services")
    ]
    if (
        verb != "run"
    ):  # of one that is built here, versions of Compose call the image otherwise: its container tells more
        found = [each if "image" in known.get(each.name, {}) else Service(each.name, None) for each in found]
    return [each if verb != "run" else _with_words(each, arguments[at + 1 :]) for each in found]


def _name_of(directory: str) -> str:
    """A project's name, by where it lies."""
    return "".join(each for each in posixpath.basename(directory).lower() if each.isalnum() or each in "_-")


def _with_words(service: Service, words: Sequence[str | None]) -> Service:
    """With the command that is run instead of the service's own."""
    run = service.run
    if run is None or not words:
        return service
    given = tuple(word or "" for word in words)
    return Service(service.name, replace(run, words=given, whole=False))


def _files(given: Sequence[str], directory: str, files: SystemFiles) -> list[str]:
    if given:
        named = [posixpath.normpath(posixpath.join(directory, each)) for each in given]
        return list(files.files(files.some(named[0], named, FILES_MAX, "files beside it")))
    return list(files.files([posixpath.join(directory, each) for each in FILES]))[:1]


def _known(paths: Sequence[str], files: SystemFiles) -> dict[str, dict[object, object]]:
    """All services by their names; a later file changes what an earlier one has."""
    known: dict[str, dict[object, object]] = {}
    for path in paths:
        document = files.yaml(files.text(path) or "", path)
        listed = document.get("services") if isinstance(document, dict) else None
        for name, each in listed.items() if isinstance(listed, dict) else ():
            if isinstance(each, dict):
                known[str(name)] = {**known.get(str(name), {}), **each}
    return known


def _service(
    name: str, said: Mapping[object, object] | None, project: tuple[str, str], variables: Mapping[str, str]
) -> Service:
    """`project` is its name, and where it lies."""
    if said is None:
        return Service(name, None)
    image = said.get("image")
    if not isinstance(image, str):
        image = f"{project[0]}-{name}" if said.get("build") else ""
    whole = _filled(image[:WORD_MAX], variables)
    if not whole:
        return Service(name, None)
    entry, command = _words(said.get("entrypoint"), variables), _words(said.get("command"), variables)
    directory = said.get("working_dir")
    return Service(
        name,
        ImageRun(
            whole,
            (*entry, *command),
            bool(entry),
            dict(_environment(said.get("environment"), variables)),
            directory[:WORD_MAX] if isinstance(directory, str) else "",
            "docker",
            tuple(_mounts(said.get("volumes"), project[1], variables)),
            _has_own(said.get("network_mode")),
            _check(said.get("healthcheck"), variables),
        ),
    )


def _check(said: object, variables: Mapping[str, str]) -> tuple[str, ...] | None:
    """What is run in it to see whether it is well; None where the image's own counts."""
    if not isinstance(said, dict) or not ({"test", "disable"} & said.keys()):
        return None
    if said.get("disable") is True:
        return ()
    return tuple(_filled(word, variables) or "" for word in words_of(said.get("test")))


def _has_own(mode: object) -> bool:
    """Another service's network is made for that one."""
    return not isinstance(mode, str) or (has_own_network(mode) and not mode.startswith("service:"))


def _mounts(said: object, directory: str, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What of the host lies where in the container: "./jobs:/jobs:ro", or by names."""
    for each in said[:WORDS_MAX] if isinstance(said, list) else ():
        if isinstance(each, dict):
            source, target = str(each.get("source") or ""), str(each.get("target") or "")
        else:
            source, target = (*str(each).split(":")[:2], "")[:2]
        source, target = _filled(source, variables) or "", _filled(target, variables) or ""
        if source.startswith((".", "/")) and target.startswith("/"):
            yield posixpath.normpath(posixpath.join(directory, source)), target


def _filled(text: str, variables: Mapping[str, str]) -> str | None:
    """A text with its variables; None where one is not known."""
    unknown = False

    def value(match: re.Match[str]) -> str:
        nonlocal unknown
        if match[5]:
            return "$"
        name, sign = match[1] or match[4], match[2] or ""
        known = variables.get(name)
        if known or (known is not None and not sign.startswith(":")):
            return known
        if sign.endswith("-"):
            return match[3] or ""
        unknown = True
        return ""

    filled = _VARIABLE.sub(value, text)
    return None if unknown else filled


def _words(said: object, variables: Mapping[str, str]) -> tuple[str, ...]:
    """A list of words, or one text of them."""
    if isinstance(said, str):
        try:
            listed: Sequence[object] = shlex.split(said[:WORD_MAX])
        except ValueError:
            return ()
    else:
        listed = said if isinstance(said, list) else ()
    return tuple(_filled(str(each)[:WORD_MAX], variables) or "" for each in listed[:WORDS_MAX])


def _environment(said: object, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """By names, or as a list of A=b."""
    if isinstance(said, dict):
        pairs = [(str(name), str(value)) for name, value in said.items() if value is not None]
    else:
        listed = [each for each in said if isinstance(each, str) and "=" in each] if isinstance(said, list) else []
        pairs = [each.partition("=")[::2] for each in listed]
    for name, value in pairs[:WORDS_MAX]:
        if (filled := _filled(value[:WORD_MAX], variables)) is not None:
            yield name[:WORD_MAX], filled


def _of_file(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n")[:WORDS_MAX]:
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and not name.startswith("#"):
            yield name.strip(), value.strip().strip("\"'")
