"""Look a key up in a configuration file, in the formats that agents use. All parsing is of bounded text."""

from __future__ import annotations

import configparser
import datetime
import fnmatch
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from imds_probe.catalog.rows import FileFormat
from imds_probe.catalog.settings_in_force import LACKS, THERE
from imds_probe.errors import ProbeError
from imds_probe.inventory.settings.arguments import from_arguments, mount_options
from imds_probe.inventory.settings.fluentd import included_files, is_directives, plugins, plugins_of
from imds_probe.inventory.settings.hcl import hcl_document
from imds_probe.kept.message import kept_message
from imds_probe.system import toml

YAML_MAX = 128 * 1024  # 2 s for the reader in Python
LINE_MAX = 8192  # readers of lines look at some of them twice
VALUE_MAX = 200  # what is longer is none of the values anybody looks for
VALUES_MAX = 1000  # of one key
_DOCUMENTS_KEPT = 2  # a file is looked through for several keys, one after the other


class SettingsError(ProbeError):
    """A configuration file that is not of its format."""


def _kept(load: Callable[[str], object]) -> Callable[[str], object]:
    """The same, which keeps the last documents, and what was wrong with them: a file is looked through for several keys."""

    @functools.lru_cache(_DOCUMENTS_KEPT)
    def outcome(text: str) -> tuple[object, Exception | None]:
        try:
            return load(text), None
        except (ValueError, RecursionError) as error:
            return None, error

    @functools.wraps(load)
    def loaded(text: str) -> object:
        document, error = outcome(text)
        if error is not None:
            raise error.with_traceback(None)  # or each time it would grow
        return document

    return loaded


def look_up(form: FileFormat, text: str, key: str) -> list[str]:
    """Every value that the text gives the key, in its order; empty where it does not set it.

    A truth value is "true" or "false", a flag without a value "true". Raises SettingsError.
    """
    try:
        return [value[:VALUE_MAX] for value in itertools.islice(_READERS[form](text, key), VALUES_MAX)]
    except (ValueError, RecursionError) as error:
        # What it says may quote the file, which may have a secret there.
        said = kept_message(str(error).strip().partition("\n")[0])
        raise SettingsError(f"is not {form}: {said or type(error).__name__}", "Correct the file.") from None


def _yaml(text: str, key: str) -> Iterator[str]:
    yield from _nested(_load_yaml(text), key.split("."))


@_kept
def _load_yaml(text: str) -> object:
    # Agents ship examples that are mostly comments; lines stay where they are, for errors to name.
    return yaml_document(re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE), "characters that are not comments")


def yaml_document(text: str, counted: str = "characters") -> object:
    """The value in a text of YAML, in which aliases may make one list stand in many places. Raises ValueError, and
    RecursionError where it is nested without end.
    """
    import yaml  # noqa: PLC0415 - 15 ms that only hosts with such a file should pay

    if len(text) > YAML_MAX:
        raise ValueError(f"it has more than {YAML_MAX} {counted}")
    try:
        # Not the loader in C, which brackets nested deeply enough make it crash.
        document: object = yaml.safe_load(text)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        # Constructors of the reader, given something else than the tag before it says: "!!bool x", "!!timestamp x".
        raise ValueError(f"a value has the wrong type: {type(error).__name__}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        raise ValueError(f"{problem}{where}") from None
    return document


def _json(text: str, key: str) -> Iterator[str]:
    yield from _nested(_load_json(text), key.split("."))


@_kept
def _load_json(text: str) -> object:
    return json.loads(text)


def _toml(text: str, key: str) -> Iterator[str]:
    yield from _nested(_load_toml(text), key.split("."))


@_kept
def _load_toml(text: str) -> object:
    return toml.loads(text)


def _hcl(text: str, key: str) -> Iterator[str]:
    """What may also be JSON."""
    yield from _nested(_load_hcl(text), key.split("."))


def _alloy(text: str, key: str) -> Iterator[str]:
    """What a module from elsewhere has is not seen: it may set what this file does not."""
    document = _load_hcl(text)
    found = list(_nested(document, key.split(".")))
    if not found and isinstance(document, dict) and not _ELSEWHERE.isdisjoint(document):
        raise ValueError("it imports modules, which were not read")
    yield from found


_ELSEWHERE = frozenset(("import", "remotecfg"))


@_kept
def _load_hcl(text: str) -> object:
    return _load_json(text) if _is_json(text) else hcl_document(text)


def _any(text: str, key: str) -> Iterator[str]:
    """Of JSON, TOML and YAML the one that it is: a program that reads all three goes by the file's name."""
    yield from _nested(_load_any(text), key.split("."))


@_kept
def _load_any(text: str) -> object:
    if _is_json(text):
        return _load_json(text)
    try:
        return _load_toml(text)
    except ValueError:
        return _load_yaml(text)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def _otelcol(text: str, key: str) -> Iterator[str]:
    """Components of OpenTelemetry's collector that no pipeline names are not started."""
    yield from _nested(_started(_load_yaml(text)), key.split("."))


def _started(document: object) -> object:
    if not isinstance(document, dict) or not isinstance(service := document.get("service"), dict):
        return document  # a part of a configuration: another one has the pipelines
    pipelines = service.get("pipelines")
    named = {each for kind in _COMPONENTS for each in _nested(pipelines, ("*", kind))}
    named |= set(_nested(service, ("extensions",)))
    return {
        kind: {name: part for name, part in parts.items() if name in named} if isinstance(parts, dict) else parts
        for kind, parts in document.items()
        if kind != "service"
    }


_COMPONENTS = ("receivers", "processors", "exporters")

# A pair of YAML's !!pairs may hold one list many times over, which is nothing as an object and endless as a text.
_PLAIN = (str, bool, int, float, datetime.date, datetime.time)
_ANY, _ANY_DEPTH = "*", "**"


def _nested(value: object, path: Sequence[str], seen: set[tuple[int, int]] | None = None) -> Iterator[str]:
    """Follow the path; a list stands for each of its items. `seen` keeps YAML's aliases from growing without end."""
    seen = set() if seen is None else seen
    if isinstance(value, list | dict):
        if (id(value), len(path)) in seen:
            return
        seen.add((id(value), len(path)))
    if isinstance(value, list) and (value or path):
        for item in value:
            yield from _nested(item, path, seen)
    elif not path:
        yield from _plain(value)
    elif path[0] == _ANY_DEPTH:
        yield from _nested(value, path[1:], seen)
        for item in value.values() if isinstance(value, dict) else ():
            yield from _nested(item, path, seen)
    elif path[0] == THERE or (path[0].startswith(LACKS) and _lacks(value, path[0][1:])):
        yield "true"
    elif isinstance(value, dict):
        for key in _keys(value, path[0]):
            yield from _nested(value[key], path[1:], seen)


def _plain(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield ""
    elif isinstance(value, _PLAIN):
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _lacks(value: object, key: str) -> bool:
    """Whether what stands there has nothing under the key."""
    return value is None or (isinstance(value, dict) and value.get(key) in (None, "", [""], [None]))


def _keys(value: Mapping[object, object], wanted: str) -> Iterator[object]:
    if _ANY in wanted:
        yield from (key for key in value if isinstance(key, str) and fnmatch.fnmatchcase(key, wanted))
    elif wanted in value:
        yield wanted


def _ini(text: str, key: str) -> Iterator[str]:
    """`section.key`. Values are taken as they stand: no interpolation."""
    section, _, name = key.partition(".")
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="")
    try:
        parser.read_string("\n".join(line[:LINE_MAX] for line in text.split("\n")))
    except configparser.Error as error:
        raise ValueError(str(error)) from None
    except AttributeError:  # python/cpython#107625: a line below a key without a value
        raise ValueError("a line continues a value that does not exist") from None
    if parser.has_option(section, name):
        yield parser.get(section, name) or ""


def _env(text: str, key: str) -> Iterator[str]:
    """KEY=value as systemd.exec(5), EnvironmentFile=, and shells' files of assignments; the last one wins."""
    found = None
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.strip() == key:
            found = value.strip()
            if len(found) > 1 and found[0] == found[-1] and found[0] in "'\"":
                found = found[1:-1]
    if found is not None:
        yield found


def _flags(text: str, key: str) -> Iterator[str]:
    """A flag file of command-line options, one a line."""
    arguments = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    yield from from_arguments(arguments, key)


def _fstab(text: str, key: str) -> Iterator[str]:
    """`type.option`, from fstab(5); a type is also found as "type#device" in the old form for FUSE."""
    kind, _, option = key.rpartition(".")
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[0].startswith("#"):
            continue
        if fields[2] == kind or fields[0].startswith(f"{kind.rpartition('.')[2]}#"):
            yield from mount_options(fields[3], option)


_SECTION = re.compile(r"\[([^\]]+)\]")


def included(form: FileFormat, text: str) -> list[str]:
    """What else the file says to read: paths or patterns as they stand there. Raises SettingsError."""
    if form == "prometheus":
        return look_up("yaml", text, "scrape_config_files")
    if form == "fluentd":
        return included_files(text)
    if form != "fluent-bit":
        return []
    if _is_classic(text):
        commands = (line.strip().partition(" ") for line in text.replace("\t", " ").splitlines())
        return [value.strip() for command, _, value in commands if command.upper() == "@INCLUDE" and value.strip()]
    return look_up("yaml", text, "includes")


def _is_classic(text: str) -> bool:
    return any(line.lstrip().startswith(("[", "@")) for line in text.splitlines())


def _fluent_bit(text: str, key: str) -> Iterator[str]:
    """`plugin.key`, in its own format of sections and indented "Key value" lines, or in YAML."""
    plugin, _, name = key.partition(".")
    if not _is_classic(text):
        yield from _of_plugin(_load_yaml(text), plugin, name, set())
        return
    section: dict[str, str] = {}
    for line in [*text.splitlines(), "[END]"]:
        stripped = line.strip()
        if _SECTION.fullmatch(stripped):
            if section.get("name", "").lower() == plugin and name in section:
                yield section[name]
            section = {}
        elif stripped and not stripped.startswith(("#", "@")):
            entry, _, value = stripped.partition(" ")
            section[entry.lower()] = value.strip()


def _of_plugin(value: object, plugin: str, name: str, seen: set[int]) -> Iterator[str]:
    if not isinstance(value, dict | list) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        keys = {key.lower(): item for key, item in value.items() if isinstance(key, str)}
        own = keys.get("name")
        if isinstance(own, str) and own.lower() == plugin and name in keys:
            yield from _nested(keys[name], ())
    for item in value.values() if isinstance(value, dict) else value:
        yield from _of_plugin(item, plugin, name, seen)


def _fluentd(text: str, key: str) -> Iterator[str]:
    """`plugin.key`, in its own format, or in YAML."""
    document = plugins(text) if is_directives(text) else plugins_of(_load_yaml(text))
    yield from _nested(document, key.split("."))


_READERS: dict[FileFormat, Callable[[str, str], Iterator[str]]] = {
    "yaml": _yaml,
    "json": _json,
    "toml": _toml,
    "ini": _ini,
    "env": _env,
    "flags": _flags,
    "fluent-bit": _fluent_bit,
    "fluentd": _fluentd,
    "fstab": _fstab,
    "hcl": _hcl,
    "alloy": _alloy,
    "otelcol": _otelcol,
    "prometheus": _yaml,
    "any": _any,
}
