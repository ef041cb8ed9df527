"""Read catalog files into rows, and refuse whatever is not exactly of their shape (schema/catalog-v1.json).

The checks are spelled out here because a JSON Schema library would be a dependency of every host for four files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from imds_probe.catalog.entry import CatalogError, Entry, flag, wrong
from imds_probe.catalog.reading_needs import asked, heeds
from imds_probe.catalog.reading_settings import no_v1_fallback, optional_switch, prevention, setting, switch
from imds_probe.catalog.rows import Backport, Below, Confidence, Effect, Fault, Grade, LostToken, Row
from imds_probe.ecosystems.listed import ECOSYSTEMS, ecosystem_of
from imds_probe.ecosystems.version_error import VersionError

SCHEMA = "imds-probe.catalog/v1"
SIZE_LIMIT_BYTES = 4 * 1024 * 1024

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
# No leading hyphen: package names end up in argument lists.
_PACKAGE = re.compile(r"[A-Za-z0-9@][A-Za-z0-9@/+._:-]{0,127}")


def read_file(path: Path) -> tuple[Row, ...]:
    """Read the rows of one file, in its order. Raises CatalogError."""
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}", "Name a readable catalog file.") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise wrong(str(path), f"is larger than {SIZE_LIMIT_BYTES} bytes")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise wrong(str(path), f"is not JSON: {error}") from None
    return read_rows(content, str(path))


def read_rows(content: object, where: str) -> tuple[Row, ...]:
    """Turn a catalog document into rows. Raises CatalogError, which says where in `where` the trouble is."""
    document = Entry(content, where)
    if document.text("schema") != SCHEMA:
        raise wrong(f"{where}.schema", f"must be {SCHEMA}")
    rows = tuple(_row(entry) for entry in document.entries("components"))
    document.done()
    ids = [row.id for row in rows]
    if len(set(ids)) != len(ids):
        raise wrong(where, f"has one id twice: {next(row_id for row_id in ids if ids.count(row_id) > 1)}")
    return rows


def _row(entry: Entry) -> Row:
    row_id = entry.text("id")
    if not _ID.fullmatch(row_id):
        raise wrong(f"{entry.where}.id", "must be lower-case letters, digits and hyphens")
    entry.where = f"{entry.where}({row_id})"
    row = Row(
        id=row_id,
        name=entry.text("name"),
        packages=_packages(entry.entry("packages"), entry.where),
        since=entry.figure("since"),
        before=entry.figure("before"),
        minimum=entry.figure("minimum"),
        setting=setting(entry.entry("setting")),
        no_v1_fallback=no_v1_fallback(entry.entry("no_v1_fallback")),
        on_lost_token=entry.choice("on_lost_token", get_args(LostToken)),
        backports=tuple(_backport(item) for item in entry.entries("backports")),
        known_bad=tuple(_fault(item) for item in entry.entries("known_bad")),
        notes=entry.texts("notes", []),
        fix=entry.text("fix"),
        sources=entry.texts("sources", []),
        confidence=entry.choice("confidence", get_args(Confidence)),
        never=flag(entry.take("never", False), f"{entry.where}.never"),
        only_if=entry.optional_text("only_if"),
        waits=entry.optional_text("waits"),
        programs=entry.texts("programs", []),
        prevented_by=tuple(prevention(item) for item in entry.entries("prevented_by")),
        observed=tuple(switch(item) for item in entry.entries("observed")),
        through=entry.texts("through", []),
        grade=entry.optional_choice("grade", get_args(Grade)),
        asks_since=entry.figure("asks_since"),
        only_if_switch=optional_switch(entry, "only_if_switch"),
        heeds=heeds(entry.entry("heeds")),
        asks_for=tuple(asked(item) for item in entry.entries("asks_for")),
        files=entry.texts("files", []),
    )
    entry.done()
    if row.only_if_switch and not (row.only_if and row.only_if_switch.values):
        raise wrong(f"{entry.where}.only_if_switch", "needs values, and only_if to say what it shows")
    if row.grade and not row.never and row.minimum is None and row.asks_since is None:
        raise wrong(entry.where, "has a grade and no figure that it is about")
    if row.never and row.minimum is not None:
        raise wrong(entry.where, "has a minimum and never speaks IMDSv2: one of them is wrong")
    return row


def _packages(entry: Entry | None, where: str) -> Mapping[str, tuple[str, ...]]:
    if entry is None:
        raise wrong(where, "has no packages")
    packages = {}
    for manager in entry.left():
        names = entry.texts(manager)
        if not _ID.fullmatch(manager) or not names or not all(_PACKAGE.fullmatch(name) for name in names):
            raise wrong(f"{entry.where}.{manager}", "must list package names")
        packages[manager] = names
    if not packages:
        raise wrong(entry.where, "must name a package manager")
    return packages


def _backport(entry: Entry) -> Backport:
    backport = Backport(
        manager=entry.text("manager"),
        os_ids=entry.texts("os_ids"),
        derivatives=flag(entry.take("derivatives", False), f"{entry.where}.derivatives"),
        version_id_major=entry.optional_text("version_id_major"),
        minimum=entry.optional_text("minimum"),
        below=entry.choice("below", get_args(Below)),
        why=entry.text("why"),
        source=entry.text("source"),
        grade=entry.optional_choice("grade", get_args(Grade)),
    )
    entry.done()
    if backport.grade and backport.minimum is None:
        raise wrong(entry.where, "has a grade and no figure that it is about")
    compare = ecosystem_of(backport.manager).versions.order
    if compare is None:
        known = ", ".join(ecosystem.id for ecosystem in ECOSYSTEMS if ecosystem.versions.order is not None)
        raise wrong(f"{entry.where}.manager", f"has no version order of its own; known: {known}")
    if backport.minimum is not None:
        try:
            compare(backport.minimum, backport.minimum)
        except VersionError as error:
            raise wrong(f"{entry.where}.minimum", error.problem) from None
    return backport


def _fault(entry: Entry) -> Fault:
    fault = Fault(
        entry.figure("since"),
        entry.figure("before"),
        entry.choice("effect", get_args(Effect)),
        entry.text("why"),
        entry.optional_choice("grade", get_args(Grade)),
    )
    entry.done()
    if fault.since is None and fault.before is None:
        raise wrong(entry.where, "must have since, before or both")
    return fault
