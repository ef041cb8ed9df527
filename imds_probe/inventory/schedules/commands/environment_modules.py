"""Where programs are found behind `module load`: modulefile(4) of Environment Modules, and Lmod's in Lua.

A modulefile is a program. Of those that put a directory into PATH which only running tells, nothing is known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from imds_probe.inventory.schedules.system_files import SystemFiles

PLACES = (
    *("/usr/share/modules/modulefiles", "/usr/share/Modules/modulefiles", "/usr/share/modulefiles", "/etc/modulefiles"),
    *(
        "/usr/share/lmod/lmod/modulefiles/Core",
        "/usr/share/modulefiles/Core",
        "/opt/modulefiles",
        "/opt/apps/modulefiles",
    ),
    *("/usr/local/modulefiles", "/usr/local/Modules/modulefiles", "/shared/modulefiles"),
)
LISTS = (
    "/etc/environment-modules/modulespath",
    "/usr/share/Modules/init/.modulespath",
    "/usr/share/modules/init/.modulespath",
)
LISTED_MAX, LINES_MAX, TEXT_MAX, DEPTH_MAX, LOADED_MAX, VALUE_MAX = 50, 1000, 64 * 1024, 3, 20, 1024
_LOADS = frozenset(("load", "add", "try-load", "load-any", "switch", "swap"))
# What is no name of a module behind "ml".
_OTHER_VERBS = frozenset(
    (
        "use",
        "unuse",
        "purge",
        "list",
        "avail",
        "av",
        "spider",
        "unload",
        "rm",
        "del",
        "show",
        "display",
        "whatis",
        "save",
        "restore",
    )
)
_NUMBERS = re.compile(r"\d{1,9}")
_FILE_JOIN = re.compile(r"\[[ \t]{0,9}file[ \t]{1,9}join[ \t]{1,9}([^\[\]]{1,300})\]")
_BRACKETS = re.compile(r"\[[^\[\]]{0,300}\]")  # around another command
_TCL_VALUE = re.compile(r"\$(?:\{(\w{1,60})\}|(\w{1,60})(?![\w(]))")
_LUA_SET = re.compile(r"(?:local[ \t]{1,9})?([A-Za-z_]\w{0,60})[ \t]{0,9}=(?!=)[ \t]{0,9}(.{1,300})")
_LUA_CALL = re.compile(r"(prepend_path|append_path|load|depends_on|always_load)[ \t]{0,9}\((.{1,400})\)")
_LUA_PATH = re.compile(r"[ \t]{0,9}[\"']PATH[\"'][ \t]{0,9},(.{1,300})")
_LUA_PART = re.compile(r"[ \t]{0,9}(?:\"([^\"\n]{0,300})\"|'([^'\n]{0,300})'|([A-Za-z_]\w{0,60}))[ \t]{0,9}")
_NOT_KNOWN = "?"


def places(words: Sequence[str], environment: Mapping[str, str], files: SystemFiles) -> list[str] | None:
    """Where programs are looked for first behind this command; empty where that is not known. None of what loads no module."""
    name, *arguments = words
    plain = [word for word in arguments if not word.startswith("-")]
    verb = plain[0] if plain else ""
    if name == "module" or verb in _LOADS:
        wanted = plain[1:] if verb in _LOADS else []
    else:
        wanted = plain if verb not in _OTHER_VERBS else []
    if not wanted or (name == "ml" and len(wanted) != len(arguments) - (verb in _LOADS)):
        return None
    found = [each for module in wanted[:LOADED_MAX] for each in _of_module(module, environment, files, DEPTH_MAX)]
    return [] if _NOT_KNOWN in found else found or None


def _of_module(name: str, environment: Mapping[str, str], files: SystemFiles, depth: int) -> Iterator[str]:
    path = _file(name, environment, files)
    if not path or depth <= 0:
        yield _NOT_KNOWN
        return
    text = files.text(path, TEXT_MAX) or ""
    for what, value in of_lua(text, environment) if path.endswith(".lua") else of_tcl(text, environment):
        if what == "load":
            yield from _of_module(value, environment, files, depth - 1)
        else:
            yield value if value.startswith("/") else _NOT_KNOWN


def _file(name: str, environment: Mapping[str, str], files: SystemFiles) -> str:
    """The file of a module: of one that is named without a version that which is the default, else the newest."""
    listed = [line.strip() for path in LISTS for line in files.lines(path) if line.strip().startswith("/")]
    for place in dict.fromkeys([*environment.get("MODULEPATH", "").split(":"), *PLACES, *listed][:LISTED_MAX]):
        path = posixpath.normpath(f"{place}/{name}")
        if not place.startswith("/") or not path.startswith(f"{posixpath.normpath(place)}/"):
            continue
        if found := next(files.files((path, f"{path}.lua")), ""):
            return found
        versions = sorted((each for each in files.names(path) if each[0] != "."), key=_age, reverse=True)[:LISTED_MAX]
        default = _default(files.text(f"{path}/.version", TEXT_MAX) or "")
        usual = ("default", f"{default}.lua", default) if default else ("default",)
        if found := next(files.files([f"{path}/{each}" for each in (*usual, *versions)]), ""):
            return found
    return ""


def _age(version: str) -> tuple[list[int], str]:
    return [int(number) for number in _NUMBERS.findall(version)], version


def _default(text: str) -> str:
    words = text.split()
    return words[words.index("ModulesVersion") + 1].strip('"{}') if "ModulesVersion" in words[:-1] else ""


def of_tcl(text: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a modulefile loads, and puts into PATH."""
    known: dict[str, str] = {}

    def filled(word: str) -> str:
        value = _TCL_VALUE.sub(lambda match: known.get(match[1] or match[2], _NOT_KNOWN), word[:VALUE_MAX])
        value = value.replace("$::env(HOME)", environment.get("HOME", _NOT_KNOWN))
        value = value.replace("$env(HOME)", environment.get("HOME", _NOT_KNOWN))
        return _NOT_KNOWN if any(sign in value for sign in (_NOT_KNOWN, "$", "[")) or len(value) > VALUE_MAX else value

    for raw in text.splitlines()[:LINES_MAX]:
        line = _BRACKETS.sub(_NOT_KNOWN, _BRACKETS.sub(_NOT_KNOWN, _FILE_JOIN.sub(_joined, raw)))
        words = [word.strip('"{};') for word in line.split()]
        if words[:1] == ["set"] and len(words) > 2:
            known[words[1]] = filled(words[2])
        elif words[:1] in (["prepend-path"], ["append-path"]) and "PATH" in words[1:4]:
            yield from (
                ("path", part) for word in words[words.index("PATH") + 1 :] for part in filled(word).split(":") if part
            )
        elif words[:1] == ["module"] and words[1:2] and words[1] in _LOADS:
            yield from (("load", filled(word)) for word in words[2:])


def _joined(match: re.Match[str]) -> str:
    return "/".join(word.strip('"{}') for word in match[1].split())


def of_lua(text: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same of one in Lua."""
    known = {"HOME": environment.get("HOME", _NOT_KNOWN)}
    for raw in text.splitlines()[:LINES_MAX]:
        line = raw.strip()
        if called := _LUA_CALL.match(line):
            of_path = _LUA_PATH.fullmatch(called[2])
            if called[1].endswith("_path") and of_path:
                yield from (("path", part) for part in _lua_value(of_path[1], known).split(":") if part)
            elif not called[1].endswith("_path"):
                yield from (("load", _lua_value(each, known)) for each in called[2].split(","))
        elif given := _LUA_SET.fullmatch(line):
            known[given[1]] = _lua_value(given[2], known)


def _lua_value(expression: str, known: Mapping[str, str]) -> str:
    """A text, a variable, these put together by "..", or by pathJoin."""
    bare = expression.strip().rstrip(";")
    joins = bare.startswith("pathJoin(") and bare.endswith(")")
    parts = bare.removeprefix("pathJoin(").removesuffix(")").split(",") if joins else bare.split("..")
    found: list[str] = []
    for part in parts:
        match = _LUA_PART.fullmatch(part)
        if match is None:
            return _NOT_KNOWN
        quoted = match[1] if match[1] is not None else match[2]
        found.append(quoted if quoted is not None else known.get(match[3], _NOT_KNOWN))
    value = ("/" if joins else "").join(found)
    return _NOT_KNOWN if _NOT_KNOWN in value or len(value) > VALUE_MAX else value
