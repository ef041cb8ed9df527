"""How a command would be started, without starting it: the program by PATH, what only runs others, the interpreter of a script."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.inventory.code.following import managed
from imds_probe.inventory.code.following.ground import Ground
from imds_probe.inventory.code.following.loads import Asked, Way, joined
from imds_probe.inventory.code.following.shell_text import ENTERED, HERE
from imds_probe.inventory.sdks.start import Start

SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
INTERPRETERS_MAX = 4  # the kernel's own limit of scripts whose interpreter is a script
# Programs that run the one that follows, with their options that have a value.
RUN_OTHERS: Mapping[str, tuple[str, ...]] = {
    "command": (),
    "chronic": (),
    "chrt": (),
    "doas": ("-u",),
    "env": ("-u", "-C", "-S"),
    "exec": ("-a",),
    "flock": ("-w", "-E"),
    "ionice": ("-c", "-n"),
    "nice": ("-n",),
    "nohup": (),
    "runuser": ("-u", "-g"),
    "setsid": (),
    "stdbuf": ("-i", "-o", "-e"),
    "sudo": ("-u", "-g", "-h", "-p", "-C"),
    "systemd-cat": ("-t", "-p"),
    "time": ("-f", "-o"),
    "timeout": ("-k", "-s"),
    "xargs": ("-I", "-n", "-P", "-d", "-L", "-a"),
}
# Arguments that are no options and come before the program: flock's file, timeout's time, chrt's priority.
BEFORE = {"flock": 1, "timeout": 1, "chrt": 1}
_ASSIGNED = re.compile(r"([A-Za-z_]\w{0,100})=(.*)", re.DOTALL)
_NAMES_SCRIPT = re.compile(
    r"(?:\S{0,100}/)?(?:(?:ba|da|k|z)?sh|(?:python|perl|ruby|php|node)[\d.]{0,5}) [^\s-]\S{0,200}"
)
_FIRST_LINE = re.compile(rb"#![ \t]*(\S{1,400})(?:[ \t]+([^\n]{0,400}))?")


def start_of(
    arguments: Sequence[str], ground: Ground, *, directory: str = "/", environment: Mapping[str, str] | None = None
) -> Start | None:
    """How these arguments are started in that directory and environment; None where there is no such program."""
    variables = dict(environment or {})
    words = _without_runners(list(arguments), variables)
    if not words:
        return None
    path = _looked_up(words[0], ground, directory, variables)
    if path is None:
        return None
    for _ in range(INTERPRETERS_MAX):
        line = _FIRST_LINE.match(ground.head(path))
        if line is None:
            break
        interpreter = line[1].decode("utf-8", "replace")
        options = [line[2].decode("utf-8", "replace").strip()] if line[2] and line[2].strip() else []
        if posixpath.basename(interpreter) == "env":
            options = " ".join(options).removeprefix("-S ").split()
        inner = _without_runners([interpreter, *options], variables)
        if not inner:
            return None
        inner[0] = managed.interpreter(inner[0])
        words = [*inner, path, *words[1:]]
        found = _looked_up(inner[0], ground, directory, variables)
        if found is None:
            return None
        path = found
    return Start(ground.real(path), directory, tuple(words), variables, frozenset(), ground.root)


def at_home(word: str, variables: Mapping[str, str]) -> str:
    """The same with the home of who runs it in the place of a tilde."""
    home = variables.get("HOME", "") if word == "~" or word.startswith("~/") else ""
    return home + word[1:] if home.startswith("/") else word


def starts_of(given: Asked, here: str, way: Way, ground: Ground) -> Iterator[Start]:
    """What a file of this directory starts, by its text: from where the program was started on, else from beside its script."""
    entered = ""
    for command in given.commands:
        words = [at_home(word, way.variables).replace(HERE, here) for word in command]
        places = [each for each in dict.fromkeys((entered, way.directory, way.own, here)) if each]
        if words[0] == ENTERED and len(words) > 1:
            entered = next((at for each in places if ground.listed(at := joined(each, words[1]))), "")
            continue
        relative = [word for word in words if not word.startswith(("-", "/"))]
        there = next((each for each in places if any(ground.has(joined(each, word)) for word in relative)), None)
        if there is None and "/" not in "".join(words[1:]) and _NAMES_SCRIPT.fullmatch(" ".join(words[:2])):
            continue  # a script that lies in none of these places, by its bare name
        found = start_of(words, ground, directory=there or way.directory or way.own, environment=way.variables)
        if found is not None:
            yield found


def _without_runners(words: list[str], variables: dict[str, str]) -> list[str]:
    while words:
        if "=" in words[0] and (assigned := _ASSIGNED.fullmatch(words[0])):
            variables[assigned[1]] = assigned[2]
            words = words[1:]
            continue
        name = posixpath.basename(words[0])
        if name not in RUN_OTHERS or len(words) == 1:
            return words
        words = words[1:]
        while words and words[0].startswith("-") and len(words[0]) > 1:
            words = words[2:] if words[0] in RUN_OTHERS[name] else words[1:]
        words = words[BEFORE.get(name, 0) :]
    return words


def _looked_up(name: str, ground: Ground, directory: str, variables: Mapping[str, str]) -> str | None:
    if not name or "\0" in name:
        return None
    system = managed.System(ground.listed, lambda path: ground.head(path).decode("utf-8", "replace"))
    if "/" in name:
        return _behind_shim(ground.first([joined(directory, name)]), directory, system, ground)
    places, home = variables.get("PATH") or SEARCHED, variables.get("HOME", "")

    def look() -> Iterator[str | None]:
        found = ground.first(joined(directory, f"{place}/{name}") for place in places.split(":") if place)
        if found is None and managed.NAME.fullmatch(name):
            found = ground.first(f"{place}/{name}" for place in managed.places(name, home, directory, system))
        yield _behind_shim(found, directory, system, ground)

    # Scripts call the same ones again and again.
    (found,) = ground.once(("program", name, places, directory, home), look)
    return found


def _behind_shim(path: str | None, directory: str, system: managed.System, ground: Ground) -> str | None:
    """What a shim of a version manager stands for, which only chooses the version; else the same."""
    if path is None or not managed.may_be_shim(path):
        return path
    return ground.first(managed.behind_shim(path, ground.real(path), directory, system)) or path
