"""`imds-probe explain switch`: every command of the switch, for this host, for the host of a report, or for any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from imds_probe.catalog.catalog import Catalog
from imds_probe.collect.firmware import look
from imds_probe.commands import terminal
from imds_probe.commands.judge import content, parsed
from imds_probe.commands.kept_reports import Kept, kept_reports
from imds_probe.errors import UsageError
from imds_probe.facts.control_plane import MetadataOptions
from imds_probe.facts.owner import OwnerKind
from imds_probe.judging_again import judged_again
from imds_probe.render.lines import Style, part_lines
from imds_probe.render.page.blocks import Part
from imds_probe.render.page.outcome import headline, host_name
from imds_probe.render.page.whole_switch import in_full, parts_of
from imds_probe.report_document import Stored, read
from imds_probe.switch import owners
from imds_probe.switch.step import Plan
from imds_probe.switch.steps import steps_of

if TYPE_CHECKING:
    from imds_probe.report import Report

TO_UNDO = "To go back, undo the steps in reverse order."
ANY_HOST = (
    "These are the commands for any host. Set their variables first, such as INSTANCE_ID. To see the commands for one host, run "
    "`imds-probe run --output json --out report.json` there, and then `imds-probe explain switch report.json`."
)
_PLAN = Plan(
    before=MetadataOptions(http_tokens="optional", http_endpoint="enabled"),
    after=MetadataOptions(http_tokens="required", http_endpoint="enabled"),
)


def show(path: Path | None) -> None:
    """Print it. Raises UsageError for a file that is no report, and for a report without a switch."""
    kept = None if path is not None else newest_kept()
    if path is None and kept is None:
        print("\n".join(_of_any_host()))
        return
    stored = kept.stored if kept else _stored(path or Path())
    report = judged_again(stored, Catalog.load())
    name = kept.path if kept else str(path)
    if report.verdict.switch is None:
        wrong = UsageError(f"{name} has no switch", "Name a report of an EC2 instance that `imds-probe run` wrote.")
        wrong.page = "verdict.md"
        raise wrong
    print("\n".join(_of_report(report, name)))


def _stored(path: Path) -> Stored:
    try:
        return read(parsed(content(path)))
    except UsageError as error:
        wrong = UsageError(f"{path}: {error.problem}", error.remedy)
        wrong.page = "report.md"
        raise wrong from None


def newest_kept(root: Path = Path("/")) -> Kept | None:
    """The newest report that is kept of this host."""
    kept = kept_reports(look(root).instance_id, root)
    return max(kept, key=lambda each: each.stored.probe.started_at, default=None)


def _of_report(report: Report, name: str) -> Iterator[str]:
    style = terminal.style()
    said, _ = headline(report)
    about = f"{said}: {host_name(report)}, reported {report.probe.started_at} in {name}."
    yield style.wrap(about, "", "")
    steps = report.verdict.switch.steps if report.verdict.switch else ()
    yield style.wrap(TO_UNDO if steps else "Nothing is left to switch.", "", "")
    yield from _parts(parts_of(steps), style)
    if report.verdict.instead:
        yield ""
        yield "Instead of a higher hop limit"
        yield from (style.wrap(line, "  ", "  ") for line in report.verdict.instead)
    if report.verdict.price:
        yield style.wrap(f"{report.verdict.price}.", "  ", "  ")


def _of_any_host() -> Iterator[str]:
    style = terminal.style()
    yield style.wrap(f"{ANY_HOST} {TO_UNDO}", "", "")
    yield from _parts(parts_of(steps_of(_PLAN)), style)
    kinds = [(kind, owners.general(kind, _PLAN)) for kind in get_args(OwnerKind)]
    yield from _parts((Part(f"Owner {kind}: {step.what}", in_full(step)) for kind, step in kinds if step), style)


def _parts(parts: Iterator[Part], style: Style) -> Iterator[str]:
    for part in parts:
        yield ""
        yield from part_lines(part, style)
