"""The reference pages in docs, made from what the program declares: its findings, its commands, its configuration."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator, Sequence

from imds_probe.commands import COMMANDS
from imds_probe.config.keys import Key
from imds_probe.config.printing import toml_value
from imds_probe.findings import Kind
from imds_probe.rules import RULES

MADE = "<!-- Made by `make declared`. -->\n"


def pages(keys: Sequence[Key]) -> Iterator[tuple[str, str]]:
    """Each page by its path in the tree."""
    yield "docs/findings.md", findings([kind for rule in RULES for kind in rule.kinds])
    yield "docs/commands.md", commands()
    yield "docs/configuration.md", configuration(keys)


def findings(kinds: Sequence[Kind]) -> str:
    """What each finding means, and what to do, as `imds-probe explain` says it."""
    text = [
        "# Findings\n",
        MADE,
        "`imds-probe explain ID` prints the same on a host. The id stands in square brackets behind each finding of a report.\n",
    ]
    for kind in kinds:
        text += [
            f"## {kind.id}\n",
            f"**{_plain(kind.title)}.** {_plain(kind.meaning)}\n",
            f"What to do: {_plain(kind.cure)}\n",
        ]
        if kind.settled_by:
            text.append(f"What settles it: {_plain('; or '.join(kind.settled_by))}.\n")
        if kind.sources:
            text.append("".join(f"- Source: {_plain(source)}\n" for source in kind.sources))
    return "\n".join(text)


def commands() -> str:
    """Each command with its arguments and options, as `--help` says them."""
    text = [
        "# Commands\n",
        MADE,
        "[verdict.md](verdict.md) has the exit codes, and [configuration.md](configuration.md) what a file can set instead.\n",
    ]
    for name, line in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"imds-probe {name}")
        importlib.import_module(f"imds_probe.commands.{name}").add_arguments(parser)
        text += [f"## imds-probe {name}\n", _sentence(line)]
        rows = [_row(parser, action) for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        if rows:
            text.append("| argument | meaning |\n|---|---|\n" + "".join(rows))
    return "\n".join(text)


def configuration(keys: Sequence[Key]) -> str:
    """Each key with its default and its meaning."""
    text = [
        "# Configuration\n",
        MADE,
        "`/etc/imds-probe/imds-probe.toml` shows every key with its default, commented out. Put your own settings into files in\n"
        "`/etc/imds-probe/imds-probe.d/`: they are read in the order of their names, and the last one wins.\n"
        "`imds-probe run --print-config` shows what is in force, and which file said so.\n",
        "A key without a meaning of its own is described in the row or the text above it.\n",
    ]
    table = None
    for key in keys:
        within, _, name = key.name.rpartition(".")
        if within != table:
            table = within
            text.append(f"## {f'[{within}]' if within else 'Without a table'}\n")
            if key.table_help:
                text.append(f"{_plain(key.table_help)}\n")
            text.append("| key | default | meaning |\n|---|---|---|\n")
        default = "" if key.default is None else f"`{_cell(toml_value(key.default))}`"
        text[-1] += f"| `{name}` | {default} | {_cell(_plain(key.help))} |\n"
    return "\n".join(text)


def _sentence(line: str) -> str:
    end = "" if line.endswith(("?", ".")) else "."
    return f"{_plain(line[0].upper() + line[1:])}{end}\n"


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    written = formatter._format_action_invocation(action)
    said = formatter._expand_help(action) if action.help else ""
    return f"| `{_cell(written)}` | {_cell(_plain(said))} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """Text as Markdown shows it as it is: what stands in backquotes already is left alone."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)
