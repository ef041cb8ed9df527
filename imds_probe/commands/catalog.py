"""`imds-probe catalog`: which software speaks IMDSv2 since when, and where that is known from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe.commands.options import add_config, add_output
from imds_probe.commands.terminal import style
from imds_probe.commands.terminal import width as terminal_width
from imds_probe.errors import UsageError
from imds_probe.render import columns

if TYPE_CHECKING:
    from imds_probe.catalog.rows import Grade, Row, Switch

SPARE = ("name", "known by", "token lost")  # the columns that a narrow terminal can do without, the first one first


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="list only software with all of these words in its id, name or package names",
    )
    add_output(parser, ("text", "json"), "a table, or everything as JSON (text)")
    parser.add_argument("--sources", action="store_true", help="print everything that is known, with its sources")
    add_config(parser)
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a catalog file of your own, checked and read after the built-in ones; may be given more than once",
    )


def run(args: argparse.Namespace) -> int:
    from imds_probe.catalog.catalog import Catalog  # noqa: PLC0415
    from imds_probe.commands import configuration  # noqa: PLC0415
    from imds_probe.config import Config  # noqa: PLC0415
    from imds_probe.facts.section import plain  # noqa: PLC0415

    catalog = Catalog.load((*configuration.load(args.config).settings.of(Config).catalogs, *args.extra))
    rows = [row for row in catalog.rows if _has(row, args.words)]
    if not rows:
        raise UsageError(f"nothing in the catalog has {' and '.join(args.words)}", "`imds-probe catalog` lists it all.")
    if args.output == "json":
        print(json.dumps([plain(row) for row in rows], indent=2))
    elif args.sources:
        print("\n\n".join("\n".join(_whole(row)) for row in rows))
    else:
        print("\n".join(_table(rows, terminal_width(sys.stdout if sys.stdout.isatty() else None))))
        print(f"\n{len(rows)} of {len(catalog.rows)}. Settings, doubts and sources: imds-probe catalog --sources WORD")
    return 0


def _has(row: Row, words: list[str]) -> bool:
    text = "\n".join([row.id, row.name, *(name for names in row.packages.values() for name in names)]).lower()
    return all(word.lower() in text for word in words)


def _speaks(row: Row) -> str:
    if row.never and row.sources:
        return "never"
    return row.minimum if row.minimum and row.sources else "unknown"


def _by_default(row: Row) -> str:
    """From when on it does so without a setting."""
    if row.setting is None or _speaks(row) in ("never", "unknown"):
        return _speaks(row)
    return row.setting.minimum_by_default or "only if set"


def _known_by(row: Row) -> str:
    """The grade of the figure in the table, a hyphen where there is none."""
    return "-" if _speaks(row) == "unknown" else row.grade_or_guess


def _graded(grade: Grade | None) -> str:
    """To stand behind a figure, in brackets."""
    return f" [{grade}]" if grade else ""


def _table(rows: list[Row], width: int) -> Iterator[str]:
    header = ("id", "name", "IMDSv2 since", "by default", "token lost", "known by")
    lines = [
        *((row.id, row.name, _speaks(row), _by_default(row), row.on_lost_token, _known_by(row)) for row in rows),
    ]
    yield from columns.lines(header, lines, width, spare=SPARE)


def _whole(row: Row) -> Iterator[str]:
    yield from style().wrap(f"{row.name} [{row.id}]", "", "").split("\n")
    about = [f"from {row.since}" if row.since else "", f"before {row.before}" if row.before else ""]
    packages = [f"{kind}: {', '.join(names)}" for kind, names in row.packages.items()]
    yield from _wrapped("packages", ", ".join(filter(None, ["; ".join(packages), *about])))
    since = _speaks(row)
    known = {"never": "no version", "unknown": "not known since when"}.get(since, f"since {since}")
    yield from _wrapped("IMDSv2", known + _graded(None if since == "unknown" else row.grade_or_guess))
    if row.asks_since:
        yield from _wrapped("asks", f"for metadata from {row.asks_since} on")
    yield from _needs(row)
    if row.only_if:
        yield from _wrapped("only if", row.only_if)
        yield from _switch("shown by", row.only_if_switch)
    if row.through:
        yield from _wrapped("through", f"{', '.join(row.through)}: judged in its place where found with it")
    if row.setting:
        first = f", from {row.setting.since} on" if row.setting.since else ""
        until = f", before {row.setting.minimum_by_default}" if row.setting.minimum_by_default else ""
        text = f"{row.setting.text}{first}{until} ({row.setting.source}){_graded(row.setting.grade)}"
        yield from _wrapped("setting", text)
        yield from _switch("set in", row.setting.switch)
    for prevention in row.prevented_by:
        text = f"{prevention.why}; set it to {prevention.cure} ({prevention.source}){_graded(prevention.grade)}"
        yield from _wrapped("prevented", text)
        yield from _switch("looked for", prevention.switch)
    if row.no_v1_fallback:
        config = ", ".join(f"{key}={value}" for key, value in row.no_v1_fallback.config.items())
        text = f"from {row.no_v1_fallback.version} on{f' with {config}' if config else ''}"
        yield from _wrapped("no IMDSv1", text + _graded(row.no_v1_fallback.grade))
        yield from _switch("looked for", row.no_v1_fallback.switch)
    for switch in row.observed:
        yield from _switch("reported", switch)
    lost = {"falls-back": "it falls back to IMDSv1", "fails": "it fails", "unknown": "not known what it does"}
    waits = f", after {row.waits}" if row.waits else ""
    yield from _wrapped("token lost", f"{lost[row.on_lost_token]}{waits}")
    for backport in row.backports:
        where = " ".join([backport.manager, *backport.os_ids, backport.version_id_major or ""]).strip()
        floor = f"from {backport.minimum} on; " if backport.minimum else ""
        yield from _wrapped("backport", f"{where}: {floor}{backport.why} ({backport.source}){_graded(backport.grade)}")
    for fault in row.known_bad:
        sides = [f"from {fault.since}" if fault.since else "", f"before {fault.before}" if fault.before else ""]
        text = f"{' '.join(filter(None, sides))}: {fault.why} ({fault.effect}){_graded(fault.grade)}"
        yield from _wrapped("known bad", text)
    for note in row.notes:
        yield from _wrapped("note", note)
    yield from _wrapped("fix", row.fix)
    for source in row.sources:
        yield from _wrapped("source", source)
    if row.grade is None:
        yield from _wrapped("confidence", row.confidence)


def _needs(row: Row) -> Iterator[str]:
    """What it asks for beside credentials, and what it is steered by."""
    for asked in row.asks_for:
        when = "" if asked.when == "always" else " where a program tells it to"
        spared = f", unless {' or '.join(asked.unless)} is set" if asked.unless else ""
        yield from _wrapped("asks for", f"{asked.what}{when}{spared} ({asked.source})")
    for name, heeded in row.heeds.items():
        since = f"heeded from {heeded.since} on" if heeded.since else "not heeded by any version"
        yield from _wrapped("variable", f"{name}: {since} ({heeded.source}){_graded(heeded.grade)}")


def _switch(title: str, switch: Switch | None) -> Iterator[str]:
    """Where a setting is looked for, the place that decides first, first."""
    if switch is None:
        return
    places = [f"{place.key} in {place}" for place in switch.places]
    values = f": {' or '.join(switch.values)}" if switch.values else ""
    yield from _wrapped(title, "; ".join(places) + values)


def _wrapped(title: str, text: str) -> list[str]:
    return style().wrap(text, f"  {title + ':':<12}", " " * 14).split("\n")
