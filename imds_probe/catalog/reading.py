"""Read catalog files into rows, and refuse whatever is not exactly of their shape (schema/catalog-v1.json).

The checks are spelled out here because a JSON Schema library would be a dependency of every host for four files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from imds_probe.catalog.rows import Backport, Below, Confidence, Effect, Fault, LostToken, NoV1Fallback, Row, Setting
from imds_probe.catalog.upstream import numbers
from imds_probe.catalog.versions import ORDERS, VersionError
from imds_probe.errors import ProbeError

SCHEMA = "imds-probe.catalog/v1"
SIZE_LIMIT_BYTES = 4 * 1024 * 1024

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
# No leading hyphen: package names end up in argument lists.
_PACKAGE = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@/+._:-]{0,127}")
_NO_DEFAULT = object()
_Choice = TypeVar("_Choice", bound=str)


class CatalogError(ProbeError):
    """A catalog file that cannot be read, or whose content is not of the catalog's shape."""


class _Entry:
    """One JSON object, read key by key: knows where it stands, and which keys nobody asked for."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where, "must be an object")
        self.where = where
        self._left: dict[str, Any] = dict(value)

    def take(self, key: str, default: object = _NO_DEFAULT) -> Any:
        value = self._left.pop(key, default)
        if value is _NO_DEFAULT:
            raise _wrong(self.where, f"has no {key}")
        return value

    def left(self) -> list[str]:
        """The keys that nobody took yet."""
        return list(self._left)

    def text(self, key: str) -> str:
        return _text(self.take(key), f"{self.where}.{key}")

    def optional_text(self, key: str) -> str | None:
        value = self.take(key, None)
        return None if value is None else _text(value, f"{self.where}.{key}")

    def figure(self, key: str) -> str | None:
        """A plain dotted upstream number, or None."""
        value = self.optional_text(key)
        if value is not None:
            _check_figure(value, f"{self.where}.{key}")
        return value

    def texts(self, key: str, default: object = _NO_DEFAULT) -> tuple[str, ...]:
        value = self.take(key, default)
        if not isinstance(value, list):
            raise _wrong(f"{self.where}.{key}", "must be a list")
        return tuple(_text(item, f"{self.where}.{key}") for item in value)

    def choice(self, key: str, choices: Sequence[_Choice]) -> _Choice:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        raise _wrong(f"{self.where}.{key}", f"must be one of {', '.join(choices)}")

    def entries(self, key: str) -> list[_Entry]:
        value = self.take(key, [])
        if not isinstance(value, list):
            raise _wrong(f"{self.where}.{key}", "must be a list")
        return [_Entry(item, f"{self.where}.{key}[{index}]") for index, item in enumerate(value)]

    def entry(self, key: str) -> _Entry | None:
        value = self.take(key, None)
        return None if value is None else _Entry(value, f"{self.where}.{key}")

    def done(self) -> None:
        if self._left:
            raise _wrong(self.where, f"has unknown keys: {', '.join(sorted(self._left))}")


def read_file(path: Path) -> tuple[Row, ...]:
    """Read the rows of one file, in its order. Raises CatalogError."""
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}", "Name a readable catalog file") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise _wrong(str(path), f"is larger than {SIZE_LIMIT_BYTES} bytes")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _wrong(str(path), f"is not JSON: {error}") from None
    return read_rows(content, str(path))


def read_rows(content: object, where: str) -> tuple[Row, ...]:
    """Turn a catalog document into rows. Raises CatalogError, which says where in `where` the trouble is."""
    document = _Entry(content, where)
    if document.text("schema") != SCHEMA:
        raise _wrong(f"{where}.schema", f"must be {SCHEMA}")
    rows = tuple(_row(entry) for entry in document.entries("components"))
    document.done()
    ids = [row.id for row in rows]
    if len(set(ids)) != len(ids):
        raise _wrong(where, f"has one id twice: {next(row_id for row_id in ids if ids.count(row_id) > 1)}")
    return rows


def _row(entry: _Entry) -> Row:
    row_id = entry.text("id")
    if not _ID.fullmatch(row_id):
        raise _wrong(f"{entry.where}.id", "must be lower-case letters, digits and hyphens")
    entry.where = f"{entry.where}({row_id})"
    row = Row(
        id=row_id,
        name=entry.text("name"),
        packages=_packages(entry.entry("packages"), entry.where),
        since=entry.figure("since"),
        before=entry.figure("before"),
        minimum=entry.figure("minimum"),
        setting=_setting(entry.entry("setting")),
        no_v1_fallback=_no_v1_fallback(entry.entry("no_v1_fallback")),
        on_lost_token=entry.choice("on_lost_token", get_args(LostToken)),
        backports=tuple(_backport(item) for item in entry.entries("backports")),
        known_bad=tuple(_fault(item) for item in entry.entries("known_bad")),
        notes=entry.texts("notes", []),
        fix=entry.text("fix"),
        sources=entry.texts("sources", []),
        confidence=entry.choice("confidence", get_args(Confidence)),
        never=_flag(entry.take("never", False), f"{entry.where}.never"),
        only_if=entry.optional_text("only_if"),
    )
    entry.done()
    if row.never and row.minimum is not None:
        raise _wrong(entry.where, "has a minimum and never speaks IMDSv2: one of them is wrong")
    return row


def _packages(entry: _Entry | None, where: str) -> Mapping[str, tuple[str, ...]]:
    if entry is None:
        raise _wrong(where, "has no packages")
    packages = {}
    for manager in entry.left():
        names = entry.texts(manager)
        if not _ID.fullmatch(manager) or not names or not all(_PACKAGE.fullmatch(name) for name in names):
            raise _wrong(f"{entry.where}.{manager}", "must list package names")
        packages[manager] = names
    if not packages:
        raise _wrong(entry.where, "must name a package manager")
    return packages


def _setting(entry: _Entry | None) -> Setting | None:
    if entry is None:
        return None
    setting = Setting(entry.text("text"), entry.figure("minimum_by_default"), entry.text("source"))
    entry.done()
    return setting


def _no_v1_fallback(entry: _Entry | None) -> NoV1Fallback | None:
    if entry is None:
        return None
    version = entry.text("version")
    _check_figure(version, f"{entry.where}.version")
    config = _Entry(entry.take("config"), f"{entry.where}.config")
    free = NoV1Fallback(version, {key: config.text(key) for key in config.left()})
    entry.done()
    return free


def _backport(entry: _Entry) -> Backport:
    backport = Backport(
        manager=entry.text("manager"),
        os_ids=entry.texts("os_ids"),
        derivatives=_flag(entry.take("derivatives", False), f"{entry.where}.derivatives"),
        version_id_major=entry.optional_text("version_id_major"),
        minimum=entry.optional_text("minimum"),
        below=entry.choice("below", get_args(Below)),
        why=entry.text("why"),
        source=entry.text("source"),
    )
    entry.done()
    if backport.manager not in ORDERS:
        raise _wrong(f"{entry.where}.manager", f"has no version order of its own; known: {', '.join(ORDERS)}")
    if backport.minimum is not None:
        try:
            ORDERS[backport.manager](backport.minimum, backport.minimum)
        except VersionError as error:
            raise _wrong(f"{entry.where}.minimum", error.problem) from None
    return backport


def _fault(entry: _Entry) -> Fault:
    fault = Fault(
        entry.figure("since"), entry.figure("before"), entry.choice("effect", get_args(Effect)), entry.text("why")
    )
    entry.done()
    if fault.since is None and fault.before is None:
        raise _wrong(entry.where, "must have since, before or both")
    return fault


def _check_figure(value: str, where: str) -> None:
    try:
        numbers(value)
    except VersionError as error:
        raise _wrong(where, error.problem) from None


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(where, "must be a text that is not empty")
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "must be true or false")
    return value


def _wrong(where: str, what: str) -> CatalogError:
    return CatalogError(f"{where} {what}", "Hold the file to imds_probe/schema/catalog-v1.json")
