"""`imds-probe explain`: the long form of a finding."""

from __future__ import annotations

import argparse
import textwrap

from imds_probe.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="a finding's id; without one, all of them are listed")


def run(args: argparse.Namespace) -> int:
    from imds_probe.rules import RULES  # noqa: PLC0415

    explanations = {entry.id: entry for rule in RULES for entry in rule.explanations}
    if args.id is None:
        width = max(map(len, explanations))
        for entry in explanations.values():
            print(f"{entry.id:<{width}}  {entry.title}")
        return 0
    if args.id not in explanations:
        raise UsageError(f"there is no finding {args.id!r}", "`imds-probe explain` lists them all.")
    entry = explanations[args.id]
    print(f"{entry.title} [{entry.id}]\n")
    print(textwrap.fill(entry.meaning, 100), end="\n\n")
    print(textwrap.fill(f"What to do: {entry.cure}", 100, break_long_words=False, break_on_hyphens=False))
    for source in entry.sources:
        print(f"Source: {source}")
    return 0
