"""The reference pages in docs that are made whole from what the program declares: findings, commands, configuration, exit codes
and metrics. reference_report.py has that of the report, and reference_tables.py the tables inside of written pages.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator, Sequence

import reference_report

from imds_probe import exitcodes
from imds_probe.commands import COMMANDS
from imds_probe.config.keys import Key
from imds_probe.config.printing import toml_value
from imds_probe.findings import Kind
from imds_probe.rules import RULES
from imds_probe.sinks import exposition
from imds_probe.sinks.dimensions import INSTANCE_ID
from imds_probe.sinks.metrics import METRICS
from imds_probe.sinks.metrics_settings import MetricsConfig

MADE = "<!-- Made by `make declared`. -->\n"


def pages(keys: Sequence[Key]) -> Iterator[tuple[str, str]]:
    """Each page by its path in the tree."""
    yield "docs/findings.md", findings([kind for rule in RULES for kind in rule.kinds])
    yield "docs/commands.md", commands()
    yield "docs/configuration.md", configuration(keys)
    yield "docs/exit-codes.md", exit_codes()
    yield "docs/metrics.md", metrics()
    yield "docs/report.md", reference_report.page()


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
            f"Remedy: {_plain(kind.cure)}\n",
        ]
        if kind.settled_by:
            text.append(f"Settled by: {_plain('; or '.join(kind.settled_by))}.\n")
        if kind.sources:
            text.append("".join(f"- Source: {_plain(source)}\n" for source in kind.sources))
    return "\n".join(text)


def commands() -> str:
    """Each command with its arguments and options, as `--help` says them."""
    text = [
        "# Commands\n",
        MADE,
        "[exit-codes.md](exit-codes.md) has the exit codes, and [configuration.md](configuration.md) what a file can set.\n",
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


def exit_codes() -> str:
    """Each exit code with its meaning, and where a command gives it another one."""
    rows = "".join(f"| {code} | {_cell(meaning)} |\n" for code, meaning in exitcodes.MEANINGS.items())
    return "\n".join(
        [
            "# Exit codes\n",
            MADE,
            "With any other code than 0, 1, 3 and 4 there is no verdict, or the report was not delivered.\n",
            f"| exit code | meaning |\n|---|---|\n{rows}",
            "Some commands give a code a meaning of their own:\n",
            "| command | exit code |\n|---|---|\n"
            "| `run --exit-zero` | 0 whatever the verdict, for sweeps that stop at the first failure |\n"
            "| `run --confirm FILE` | 0 if the verdict holds, whichever it is; 3 if it counts no longer; 2 if the report "
            "is damaged or of another host |\n"
            "| `judge` | that of the worst verdict among the reports; 2 if one of them could not be read |\n"
            "| `rehearse` | 1 if a caller gave up, the command failed or the rehearsal ended early; 69 if it was refused, or "
            "`--undo` could not remove everything |\n"
            "| `doctor` | 0 if nothing is missing that the verdict rests on, even where something is limited; 3 if something is "
            "missing |\n",
            "168, 169 and 194 are never used: the SSM agent takes them as orders to skip steps or to reboot the host.\n",
            "[verdict.md](verdict.md) says how a verdict comes about, and [versions.md](versions.md) that these codes stay.\n",
        ]
    )


def metrics() -> str:
    """Each metric of CloudWatch and each gauge of Prometheus."""
    sent = "".join(
        f"| `{each.name}` | {each.unit} | {f'`{each.by}`' if each.by else ''} | {_cell(each.meaning)} |\n"
        for each in METRICS
    )
    gauges = {name: (label, text) for name, (label, text) in exposition.LABELLED.items()}
    gauges |= {name: ("", text) for name, text in exposition.GAUGES.items()}
    gauges["info"] = (", ".join(exposition.INFO_LABELS), exposition.INFO)
    rows = "".join(
        f"| `{exposition.PREFIX}{name}` | {label} | {_cell(_plain(text))}. |\n"
        for name, (label, text) in gauges.items()
    )
    return "\n".join(
        [
            "# Metrics\n",
            MADE,
            "[reporting.md](reporting.md) says how metrics are sent, and "
            "[costs.md](costs.md#metrics-in-cloudwatch) what they cost.\n",
            "## CloudWatch\n",
            f"The sinks `cloudwatch` and `emf` send these, in the namespace `{MetricsConfig().namespace}` unless set otherwise. "
            f"`metrics.dimensions` and\n`metrics.static_dimensions` add dimensions, and `metrics.per_instance` sends all of them "
            f"a second time with `{INSTANCE_ID}`.\n",
            f"| metric | unit | dimension | meaning |\n|---|---|---|---|\n{sent}",
            "## Prometheus\n",
            "The sink `textfile` writes these gauges. A gauge whose value the report does not know is left out.\n",
            f"| gauge | labels | meaning |\n|---|---|---|\n{rows}",
        ]
    )


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
