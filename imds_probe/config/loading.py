"""From files to settings. Every key is checked: one that nobody knows is a mistake, not a wish."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from imds_probe import deprecation
from imds_probe.config.keys import Key, Section, fields_of, keys_of
from imds_probe.config.lines import line_below, line_of, lines_of_tables
from imds_probe.config.settings import Settings
from imds_probe.dataclass import dataclass
from imds_probe.errors import UsageError
from imds_probe.system import toml

DEFAULT = Path("/etc/imds-probe/imds-probe.toml")
SIZE_LIMIT_BYTES = 1024 * 1024
DROP_INS_MAX = 200
AS_ROOT = "Make it readable, or run as root."


@dataclass(frozen=True)
class Value:
    """A value as it stands in a file, and where: "FILE:LINE", or "default"."""

    raw: Any
    origin: str


@dataclass(frozen=True)
class Loaded:
    """The settings, and each key's value with its origin, in the order of the file. `warnings` are lines for who wrote the files:
    a deprecated key each.
    """

    settings: Settings
    values: Mapping[str, Value]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class File:
    """A file as it was read; `content` is empty where it sets nothing. `doubt` says why others than root and whoever runs this
    may have written it, a clause, and what to do about it. `written` has, by their present names, the keys that stand there by a
    deprecated one.
    """

    path: Path
    text: str
    content: Mapping[str, Any]
    doubt: tuple[str, str] | None = None
    written: Mapping[str, str] = field(default_factory=dict)

    def at(self, key: str) -> str:
        """Where a key is set: "FILE:LINE"."""
        return self._at(line_of(self.text, self.written.get(key, key)))

    def placed(self, key: str, entries: Sequence[Any]) -> tuple[Any, ...]:
        """The entries of a key that adds up, each told where it stands and whether the file is to be trusted with it."""
        headers = lines_of_tables(self.text, key, len(entries))
        whole = "" if headers or not entries else self.at(key)  # an array has one place

        def at(number: int, within: str) -> str:
            if not headers:
                return f"{whole}, entry {number}"
            header = headers[number - 1]
            return self._at(line_below(self.text, header, within) if within else header)

        return tuple(each.placed(at, self.doubt) for each in entries)

    def _at(self, line: int | None) -> str:
        return f"{self.path}:{line}" if line else str(self.path)


def read(path: Path | None, default: Path | None = None) -> tuple[File, ...]:
    """The file, and the drop-ins beside it: NAME.d/*.toml for NAME.toml, in the order of their names, the last one wins.

    Without a file named, the default one, where it or a drop-in exists. What nobody named has to be of root or of whoever runs
    this, as it says where root writes and what is judged by. Raises UsageError.
    """
    named = path or default or DEFAULT
    drop_ins = _drop_ins(named)
    files = [_read(named, checked=path is None)] if path is not None or named.exists() else []
    return (*files, *(_read(each, checked=True) for each in drop_ins))


def load(files: Sequence[File], sections: Sequence[type[Section]]) -> Loaded:
    """What the files say. `sections` are all that they may set. Raises UsageError that names file, line and key."""
    keys = keys_of(tuple(sections))
    values = {key.name: Value(key.default, "default") for key in keys}
    found: dict[str, Any] = {key.name: key.initial() for key in keys}
    warnings: list[str] = []
    for as_written in files:
        file = _in_current_words(as_written, warnings)
        _nothing_else(file, keys)
        for key in keys:
            raw = _found(file, key.name)
            if raw is _ABSENT:
                continue
            before = found[key.name]
            try:
                found[key.name] = key.read(raw)
            except ValueError as error:
                raise UsageError(f"{file.at(key.name)}: {key.name} {error}") from None
            if key.adds_up:
                found[key.name] = (*before, *file.placed(key.name, found[key.name]))
                values[key.name] = _added(values[key.name], Value(raw, file.at(key.name)))
                continue
            if key.below_file:
                found[key.name] = tuple(file.path.parent / each for each in found[key.name])
            values[key.name] = Value(raw, file.at(key.name))
    return Loaded(Settings(*(_made(section, found, values) for section in sections)), values, tuple(warnings))


_ABSENT = object()


def _in_current_words(file: File, warnings: list[str]) -> File:
    """The file with the present names of keys that stand there by a deprecated one; each is warned of. Raises UsageError."""
    for each in deprecation.DEPRECATED:
        if each.option is not None or (value := _found(file, each.name)) is _ABSENT:
            continue
        warnings.append(each.warning(file.at(each.name)))
        if each.instead is None:
            continue
        if _found(file, each.instead) is not _ABSENT:
            raise UsageError(f"{file.at(each.name)}: {each.name} is {each.instead} by its old name", "Leave it out.")
        content = _with(_without(file.content, each.name), each.instead, value)
        file = replace(file, content=content, written={**file.written, each.instead: each.name})
    return file


def _without(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    table, _, name = key.rpartition(".")
    if not table:
        return {own: value for own, value in content.items() if own != key}
    rest = {own: value for own, value in content[table].items() if own != name}
    return {own: value for own, value in {**content, table: rest}.items() if own != table or rest}


def _with(content: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    table, _, name = key.rpartition(".")
    return {**content, table: {**content.get(table, {}), name: value}} if table else {**content, key: value}


def _added(before: Value, more: Value) -> Value:
    """A value to which several files add."""
    if before.origin == "default":
        return more
    return Value([*before.raw, *more.raw], f"{before.origin}, {more.origin}")


def _made(section: type[Section], found: Mapping[str, Any], values: Mapping[str, Value]) -> Section:
    made = section(**{field: found[key.name] for field, key in fields_of(section).items()})
    conflict = made.conflict()
    if conflict:
        raise UsageError(f"{values[conflict.key].origin}: {conflict.key} {conflict.what}")
    return made


def _drop_ins(path: Path) -> Sequence[Path]:
    directory = path.with_name(f"{path.stem}.d")
    try:
        found = sorted(each for each in directory.iterdir() if each.name.endswith(".toml") and each.name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise UsageError(f"{directory} cannot be read: {error.strerror}", AS_ROOT) from None
    if len(found) > DROP_INS_MAX:
        raise UsageError(f"{directory} has more than {DROP_INS_MAX} files")
    return found


def _read(path: Path, *, checked: bool) -> File:
    try:
        # A FIFO blocks who opens it, and who reads from it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{path} is no regular file", "Put a file of TOML there, or remove it.")
            if checked:
                _check(path, status)
            doubt = _doubt(path, status)
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", _to_read(error, named=not checked)) from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{path} has more than {SIZE_LIMIT_BYTES} bytes")
    try:
        text = raw.decode()
        return File(path, text, toml.loads(text), doubt)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line} is not TOML: a byte there is not UTF-8") from None
    except (ValueError, RecursionError) as error:  # TOML's own error says line and column
        raise UsageError(f"{path} is not TOML: {str(error)[:200]}") from None


def _to_read(error: OSError, *, named: bool) -> str:
    """What to do about a file that cannot be read. `named`: by the command line, which may name another one."""
    if named:
        return "Name a readable file with --config."
    return AS_ROOT if isinstance(error, PermissionError) else "Put a file of TOML there, or remove it."


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise UsageError(f"{path} is not used: it belongs to user {found.st_uid}", "Give it to root (chown root).")
    if found.st_mode & stat.S_IWOTH:
        raise UsageError(f"{path} is not used: everybody may write to it", "Take that right away (chmod o-w).")


def _doubt(path: Path, found: os.stat_result) -> tuple[str, str] | None:
    """Who else may have written a file, or may put another one in its place, and the remedy; None where nobody may."""
    directories = dict.fromkeys((path.parent.resolve(), path.resolve().parent))  # a link's, and the file's
    for name, status in ((path, found), *((each, each.stat()) for each in directories)):
        if status is not found and os.statvfs(name).f_flag & os.ST_RDONLY:
            continue  # as Kubernetes mounts a ConfigMap, whose mode says that everybody may write
        if status.st_uid not in (0, os.geteuid()):
            return (
                f"{name} belongs to user {status.st_uid}",
                f"Inspect the entries, then give {name} to root (chown root).",
            )
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
            continue  # only its owner can replace a file there
        by_group = status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
        if status.st_mode & stat.S_IWOTH or by_group:
            return f"other users may write to {name}", "Inspect the entries, then take that right away (chmod go-w)."
    return None


def _found(file: File, key: str) -> Any:
    """A key's value as the file has it. Raises UsageError where what should be the table around it is none."""
    table, _, name = key.rpartition(".")
    found: Any = file.content
    if table:
        found = found.get(table, {})
        if not isinstance(found, dict):
            raise UsageError(f"{file.at(table)}: {table} must be a table, [{table}]")
    return found.get(name, _ABSENT)


def _nothing_else(file: File, keys: Sequence[Key]) -> None:
    names = {key.name for key in keys}
    tables = {name.partition(".")[0] for name in names if "." in name}
    for name, value in file.content.items():
        inside = value if isinstance(value, dict) and name in tables else None
        for key in [f"{name}.{inner}" for inner in inside] if inside is not None else [name]:
            if key not in names and key not in tables:
                raise UsageError(f"{file.at(key)}: there is no setting {key}", _known(key, names, tables))


def _known(key: str, names: set[str], tables: set[str]) -> str:
    """The keys beside this one. All keys of all tables would be more than anybody reads."""
    table, dot, _ = key.partition(".")
    beside = [name for name in names if name.startswith(f"{table}.")] if dot else []
    if beside:
        return f"Known in [{table}]: {', '.join(sorted(beside))}."
    alone = sorted(name for name in names if "." not in name)
    return f"Known here: {', '.join([*alone, *(f'[{each}]' for each in sorted(tables))])}."
