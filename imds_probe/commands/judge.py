"""`imds-probe judge`: stored reports, judged again by this version's catalog and rules, and shown as a run shows its own."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imds_probe import exitcodes
from imds_probe.commands.messages import report_bug, say
from imds_probe.commands.options import add_catalogs, add_output
from imds_probe.commands.pages import with_page
from imds_probe.commands.report_output import rendered
from imds_probe.errors import UsageError
from imds_probe.escape import encodable_document, terminal

if TYPE_CHECKING:
    from imds_probe.findings import Finding
    from imds_probe.judging_again import Changes
    from imds_probe.report import Report
    from imds_probe.report_document import Stored
    from imds_probe.rules.accepted_risks import AcceptedRisk

SIZE_LIMIT_BYTES = 64 * 1024 * 1024
STANDARD_INPUT = Path("-")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "reports",
        nargs="+",
        type=Path,
        metavar="REPORT",
        help="a file that `imds-probe run --output json` wrote, on any host; - for standard input. The exit code is that of "
        "the worst verdict, or 2 where a file is no report",
    )
    add_output(
        parser,
        ("text", "json", "html"),
        "print one report as `imds-probe run` does, or what has changed in several; print a line of JSON for each report; or make "
        "a page of one report (text)",
    )
    add_catalogs(parser)


def run(args: argparse.Namespace) -> int:
    from imds_probe.catalog.catalog import Catalog  # noqa: PLC0415
    from imds_probe.judging_again import changes, judged_again  # noqa: PLC0415
    from imds_probe.report_document import read  # noqa: PLC0415
    from imds_probe.verdict import EXIT_CODES, ORDER  # noqa: PLC0415

    if args.output == "html" and len(args.reports) > 1:
        raise UsageError("a page is of one report", "Name one report, or choose text or json.")
    catalog = Catalog.load(args.catalog)
    states, failed = set(), False
    for path in args.reports:
        try:
            stored = read(parsed(content(path)))
        except UsageError as error:
            say(f"{path}: {with_page(error, ['judge'])}")
            failed = True
            continue
        judged = judged_again(stored, catalog, report_bug)
        changed = changes(stored, judged)
        states.add(changed.now.state)
        if args.output == "json":
            print(_json(path, stored, changed))
            continue
        if args.output == "text":
            print("\n".join(_text(path, stored, changed)))
        if len(args.reports) == 1 and not _shown(args.output, path, judged):
            return exitcodes.BUG
    worst = next((state for state in ORDER if state in states), None)
    return exitcodes.USAGE if failed or worst is None else EXIT_CODES[worst]


def _shown(form: str, path: Path, judged: Report) -> bool:
    """Print the whole report, and say whether it could be made in this form."""
    # Whoever piped a report knows where it is. A run would show this host.
    file = "REPORT" if path == STANDARD_INPUT else str(path)
    document, is_whole = rendered(judged, form, to_terminal=sys.stdout.isatty(), file=file)
    sys.stdout.write(document if form == "html" else f"\n{document}")
    return is_whole


def content(path: Path) -> bytes:
    """What a file or standard input holds. Raises UsageError."""
    try:
        if path == STANDARD_INPUT:
            content = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with path.open("rb") as file:
                content = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", "Name a file that can be read.") from None
    if len(content) > SIZE_LIMIT_BYTES:
        raise UsageError(f"it has more than {SIZE_LIMIT_BYTES} bytes", "No report is that large.")
    return content


def parsed(content: bytes) -> object:
    """The JSON document that these bytes are; JSON can name half a character, which becomes an escape. Raises UsageError."""
    try:
        return encodable_document(json.loads(content))
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 are a ValueError, too
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise UsageError(f"it is not JSON: {said}", "Name what `imds-probe run --output json` wrote.") from None


def _text(path: Path, stored: Stored, changed: Changes) -> Iterator[str]:
    was, now = changed.was, changed.now
    before = "as before" if now.state == was.state else f"it was {was.state}"
    yield terminal(f"{path}: {now.state} ({before}), confidence {now.confidence}")
    yield terminal(
        f"  host        {_host(stored)}, reported {stored.probe.started_at} by imds-probe {stored.probe.version}"
    )
    yield from (terminal(f"  accepted    {_accepted(each)}") for each in now.accepted)
    yield from (f"  new         {_finding(each)}" for each in changed.added)
    yield from (f"  gone        {_finding(each)}" for each in changed.gone)
    if not (changed.added or changed.gone or changed.not_judged):
        yield "  changed     nothing, by the catalog and rules of this version"
    yield from (terminal(f"  not judged  {each.rule}: {each.reason}") for each in changed.not_judged)
    if now.switch is not None and was.switch is not None and now.switch.aws_cli != was.switch.aws_cli:
        yield terminal(f"  command     {now.switch.aws_cli}")


def _host(stored: Stored) -> str:
    from imds_probe.facts.host import Host  # noqa: PLC0415
    from imds_probe.facts.instance import Instance  # noqa: PLC0415

    names = []
    for kind, field in ((Instance, "instance_id"), (Host, "hostname")):
        section = next((each for each in stored.facts.sections if isinstance(each, kind)), None)
        names.append(getattr(section, field, None))
    return " ".join(name for name in names if name) or "of unknown name"


def _finding(finding: Finding) -> str:
    return terminal(f"{finding.severity}: {finding.summary} [{finding.id}]")


def _accepted(risk: AcceptedRisk) -> str:
    return f"{risk.summary} [{risk.id}], by {risk.owner} until {risk.expires}: {risk.reason}"


def _json(path: Path, stored: Stored, changed: Changes) -> str:
    from imds_probe.facts.section import plain  # noqa: PLC0415

    document = {"file": str(path), "probe": plain(stored.probe), "host": _host(stored)}
    return json.dumps(document | plain(changed), ensure_ascii=True)
