"""`imds-probe explain`: the long form of a finding, and of the switch."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from imds_probe.commands.terminal import style
from imds_probe.errors import UsageError

SWITCH = "switch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="a finding's id, or switch: every command of the switch, in steps; without one, all findings are listed",
    )
    parser.add_argument(
        "report",
        nargs="?",
        type=Path,
        metavar="REPORT",
        help="after switch: a file that `imds-probe run --output json` wrote; without one, the newest report that the daemon or "
        "the sink file keeps on this host, or else the commands for any host",
    )


def run(args: argparse.Namespace) -> int:
    if args.id == SWITCH:
        from imds_probe.commands.explained_switch import show  # noqa: PLC0415

        show(args.report)
        return 0
    if args.report is not None:
        raise UsageError("only `explain switch` takes a report", "Name the finding alone.")
    from imds_probe.rules import RULES  # noqa: PLC0415
    from imds_probe.rules.acceptance import why_not_acceptable  # noqa: PLC0415

    kinds = {kind.id: kind for rule in RULES for kind in rule.kinds}
    lines = style()
    if args.id is None:
        column = max(map(len, kinds)) + 2
        for kind in kinds.values():
            print(lines.wrap(kind.title, f"{kind.id:<{column}}", " " * column))
        return 0
    if args.id not in kinds:
        near = difflib.get_close_matches(args.id, [*kinds, SWITCH], 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no finding {args.id!r}", f"{meant}`imds-probe explain` lists them all.")
    kind = kinds[args.id]
    print(lines.wrap(f"{kind.title} [{kind.id}]", "", ""), end="\n\n")
    print(lines.wrap(kind.meaning, "", ""), end="\n\n")
    print(lines.wrap(f"What to do: {kind.cure}", "", ""))
    if kind.settled_by:
        print("\n" + lines.wrap(f"What settles it: {'; or '.join(kind.settled_by)}.", "", ""))
    if not_acceptable := why_not_acceptable(kind):
        print("\n" + lines.wrap(f"Its risk cannot be accepted. {not_acceptable}", "", ""))
    for source in kind.sources:
        print(lines.wrap(f"Source: {source}", "", "  "))
    return 0
