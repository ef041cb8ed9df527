"""Read the configuration of Fluentd: directives with parameters, in its own format or in YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Plugins = Mapping[str, list[dict[str, object]]]
_INCLUDE = ("@include", "include")
_TYPE = ("@type", "type")
_YAML_TYPE = "$type"


def is_directives(text: str) -> bool:
    """Whether it is of the own format, in which each directive is a tag on a line."""
    return any(line.lstrip().startswith(("<", *_INCLUDE)) for line in text.splitlines())


def plugins(text: str) -> Plugins:
    """The parameters of each plugin by its type, as they stand there."""
    found: dict[str, list[dict[str, object]]] = {}
    open_ones: list[dict[str, object]] = []
    for line in text.splitlines():
        word, value = _parted(line)
        if word.startswith("</"):
            if open_ones:
                _put(open_ones.pop(), _TYPE, found)
        elif word.startswith("<"):
            open_ones.append({})
        elif open_ones and word and not word.startswith("#"):
            open_ones[-1].setdefault(word, _unquoted(value))
    return found


def plugins_of(document: object) -> Plugins:
    """The same of a document in YAML."""
    found: dict[str, list[dict[str, object]]] = {}
    for each in _mappings(document):
        _put(each, (_YAML_TYPE,), found)
    return found


def included_files(text: str) -> list[str]:
    """The files that the configuration includes, as they stand there."""
    commands = (_parted(line) for line in text.splitlines())
    return [_unquoted(value) for word, value in commands if word in _INCLUDE and value]


def _parted(line: str) -> tuple[str, str]:
    """A directive or parameter, and what stands behind it: blanks and tabs are between them."""
    word, *rest = line.split(None, 1) or [""]
    return word, "".join(rest).strip()


def _put(parameters: dict[str, object], names: tuple[str, ...], into: dict[str, list[dict[str, object]]]) -> None:
    kind = next((parameters[name] for name in names if name in parameters), None)
    if isinstance(kind, str):
        into.setdefault(kind, []).append(parameters)


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return value.partition(" #")[0].strip()


def _mappings(document: object) -> Iterator[dict[str, object]]:
    """Every mapping in a document, each once: an alias may stand in many places."""
    ahead, seen = [document], set[int]()
    while ahead:
        value = ahead.pop()
        if not isinstance(value, dict | list) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield value
        ahead += value.values() if isinstance(value, dict) else value
